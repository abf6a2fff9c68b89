"""The commands that look after keys and teams, as a person runs them."""

import json
import os
import pwd
import re
import socket
from pathlib import Path

import pytest

from tests.e2e.test_commands import CONFIG, draw, facts, gateway, serving
from tests.house import MODEL, Simulator


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    """A directory with a configuration in it, as somebody would have it."""
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


def test_a_key_is_rotated_and_both_secrets_are_good_for_a_while(here: Path) -> None:
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))
    with serving(here) as (url, _):
        (new,) = re.findall(r"sk-gw-\S{43}", gateway(here, "keys", "rotate", made["id"], "--overlap", "90m"))
        assert [draw(url, secret).status_code for secret in (made["key"], new)] == [200, 200]
        told = facts(gateway(here, "keys", "show", made["id"]))
        assert told["hint"] == new[-4:]
        assert re.fullmatch(rf"…{made['hint']} until \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC", told["old_secrets"])
        rotated = json.loads(gateway(here, "keys", "rotate", made["id"], "--overlap", "0", "--json"))
        assert rotated["old_secrets"] == []
        assert draw(url, rotated["key"]).status_code == 200


def test_an_overlap_is_written_as_people_do(here: Path) -> None:
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))
    said = gateway(here, "keys", "rotate", made["id"], "--overlap", "soon", code=2)
    assert said == "gateway: --overlap: 'soon' is not a duration; write it like 90s, 30m, 24h or 7d\n"
    said = gateway(here, "keys", "rotate", made["id"], "--overlap", "93d", code=2)
    assert said == "gateway: --overlap: an old secret goes on for 0 to 7948800 s\n"
    assert "there is no key key_nope" in gateway(here, "keys", "rotate", "key_nope", code=2)
    gateway(here, "keys", "revoke", made["id"])
    assert "is revoked or expired" in gateway(here, "keys", "rotate", made["id"], code=2)


def test_metadata_is_set_shown_and_removed(here: Path) -> None:
    notes = ("--metadata", "cost-centre=4711", "--metadata", "owner=Zoë = boss")
    gateway(here, "teams", "create", "acme", *notes)
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", *notes, "--json"))
    assert made["metadata"] == {"cost-centre": "4711", "owner": "Zoë = boss"}
    assert facts(gateway(here, "teams", "show", "acme"))["metadata"] == "cost-centre=4711, owner=Zoë = boss"
    changed = gateway(here, "keys", "update", made["id"], "--metadata", "owner=", "--metadata", "env=prod", "--json")
    assert json.loads(changed)["metadata"] == {"cost-centre": "4711", "env": "prod"}
    assert json.loads(gateway(here, "keys", "list", "--json"))[0]["metadata"] == json.loads(changed)["metadata"]
    assert json.loads(gateway(here, "teams", "update", "acme", "--metadata", "none", "--json"))["metadata"] == {}
    said = gateway(here, "keys", "update", made["id"], "--metadata", "owner", code=2)
    assert said == "gateway: --metadata: 'owner' is not NAME=VALUE; NAME= removes one, and none removes all\n"


def test_every_command_that_changes_something_is_told_with_its_user(here: Path) -> None:
    gateway(here, "teams", "create", "acme", "--budget-usd", "5")
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))
    gateway(here, "teams", "update", "acme", "--budget-usd", "10")
    gateway(here, "keys", "update", made["id"], "--model", MODEL)
    gateway(here, "keys", "rotate", made["id"])
    adjustment = ("--usd", "0.5", "--why", "forgotten", "--name", "n")
    assert gateway(here, "keys", "adjust", made["id"], *adjustment) == "n: 0.5 $\n"
    drill = ("drill", "start", "--group", "Default", "--kind", "dead", "--team", "acme")
    gateway(here, *drill)
    gateway(here, "drill", "stop", "--all")
    gateway(here, "teams", "revoke", "acme")
    rows = json.loads(gateway(here, "audit", "--json"))
    assert [row["action"] for row in reversed(rows)] == [
        *("team.created", "key.created", "team.changed", "key.changed"),
        *("key.rotated", "key.adjusted", "drill.begun", "drill.ended", "key.revoked"),
    ]
    user = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    assert {(row["who"], row["door"]) for row in rows} == {(user, "cli")}
    told = gateway(here, "audit", "--subject", "acme", "--since", "2020-01-01", "--limit", "4")
    assert "key.revoked" in told
    assert "key.changed" in told
    assert "team.changed" not in told
    assert "budget_usd: 5 → 10" in gateway(here, "audit")
    assert made["key"] not in gateway(here, "audit", "--json")
    assert json.loads(gateway(here, "audit", "--since", "2999-01-01T00:00:00", "--json")) == []
