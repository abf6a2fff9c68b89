"""What a command does for a gateway that runs, the admin API does too."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from gateway.cli import app
from tests.house import Gateway

LOOP = pytest.mark.asyncio(loop_scope="module")

ROUTES = {
    "teams create": ("post", "/teams"),
    "teams list": ("get", "/teams"),
    "teams show": ("get", "/teams/{team_id}"),
    "teams update": ("patch", "/teams/{team_id}"),
    "teams revoke": ("delete", "/teams/{team_id}"),
    "keys create": ("post", "/keys"),
    "keys list": ("get", "/keys"),
    "keys show": ("get", "/keys/{key_id}"),
    "keys update": ("patch", "/keys/{key_id}"),
    "keys rotate": ("post", "/keys/{key_id}/rotate"),
    "keys adjust": ("post", "/keys/{key_id}/adjustments"),
    "keys revoke": ("delete", "/keys/{key_id}"),
    "drill start": ("post", "/drills"),
    "drill list": ("get", "/drills"),
    "drill stop": ("delete", "/drills/{drill_id}"),
    "usage": ("get", "/usage"),
    "waste": ("get", "/waste"),
    "calls list": ("get", "/calls"),
    "calls show": ("get", "/calls/{call_id}"),
    "calls fetch": ("get", "/calls/{call_id}/pictures/{number}"),
    "jobs list": ("get", "/jobs"),
    "jobs show": ("get", "/jobs/{job_id}"),
    "jobs fetch": ("get", "/jobs/{job_id}/result"),
    "jobs forget": ("delete", "/jobs/{job_id}"),
    "audit": ("get", "/audit"),
    "ledger verify": ("get", "/ledger/verify"),
    "ledger unsettled": ("get", "/ledger/unsettled"),
    "ledger resolve": ("post", "/ledger/unsettled/{attempt}/resolve"),
    "ledger reconcile": ("post", "/ledger/reconcile"),
}

# Why these have none.
COMMANDS_ALONE = {
    "serve": "it is what answers",
    "check": "of a configuration before it is served",
    "demo": "a gateway of its own",
    "sim": "a seller",
    "rehearse": "of no gateway, and minutes long",
    "ledger archive": "of a machine's files, and gateways do it by themselves",
    "store move": "with all gateways stopped",
}


def commands(group: Any, before: str = "") -> Iterator[str]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name


def test_every_command_has_its_route_or_a_reason() -> None:
    assert set(commands(get_command(app))) == set(ROUTES) | set(COMMANDS_ALONE)
    assert not set(ROUTES) & set(COMMANDS_ALONE)


@LOOP
async def test_every_such_route_is_described(shared: Gateway) -> None:
    paths = (await shared.http.get("/openapi.json")).json()["paths"]
    missing = [name for name, (method, path) in ROUTES.items() if method not in paths.get(f"/admin/api{path}", {})]
    assert missing == []
