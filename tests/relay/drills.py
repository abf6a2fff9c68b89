"""Drills for tests: begun through the admin API of a real gateway, and seen by it before the test goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from gateway.core.keys import Key, Limits
from tests.house import ADMIN_KEY, MODEL, Gateway
from tests.relay.test_reports import rows
from tests.waiting import eventually

DRILLS = "/admin/api/drills"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


async def begin(gateway: Gateway, **terms: Any) -> str:
    """Begins a drill, of this gateway's key unless it is said whose, and gives its id once it is on."""
    whom = {} if {"key", "team", "share"} & terms.keys() else {"key": gateway.key.id}
    answer = await gateway.http.post(DRILLS, json={"group": "Default", **whom, **terms}, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    drill_id: str = answer.json()["id"]
    await told(gateway, "drill_began", drill_id)
    return drill_id


async def end(gateway: Gateway, drill_id: str) -> None:
    """Ends a drill; this gateway may not have heard of it yet."""
    answer = await gateway.http.delete(f"{DRILLS}/{drill_id}", headers=ADMIN)
    assert answer.status_code == 200, answer.text


async def told(gateway: Gateway, event: str, drill_id: str) -> dict[str, Any]:
    """The line that tells so much of a drill."""

    async def there() -> bool:
        return bool(await _of(gateway, event, drill_id))

    await eventually(there)
    (row,) = await _of(gateway, event, drill_id)
    return row


async def _of(gateway: Gateway, event: str, drill_id: str) -> list[dict[str, Any]]:
    return [row for row in await rows(gateway, event, least=0) if row["drill"] == drill_id]


@asynccontextmanager
async def another(gateway: Gateway, team: str = "acme", **limits: Any) -> AsyncIterator["Caller"]:
    """A caller with a key of its own."""
    await gateway.running.ledger.keys.ensure_team(team, now=0.0)
    key, secret = await gateway.running.ledger.keys.create_key(team, name="another", limits=Limits(**limits), now=0.0)
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as http:
        yield Caller(http, key)


class Caller:
    def __init__(self, http: httpx2.AsyncClient, key: Key) -> None:
        self.http = http
        self.key = key

    async def draws(self, prompt: str = "a boat") -> httpx2.Response:
        body = {"contents": [{"parts": [{"text": prompt}]}]}
        return await self.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
