"""Waste, as the admin API tells it."""

import csv
import io
from typing import Any

import httpx2
import pytest

from gateway.core.money import nanos_of
from tests.house import MODEL
from tests.waiting import eventually
from tests.web.office import KEYS, USAGE, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

WASTE = "/admin/api/waste"


async def test_what_was_paid_in_vain_is_told_beside_all_that_was_paid(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    key = (await admin.post(KEYS, json={"team": "waste", "name": "ci"})).json()
    for prompt in ("a boat", "a boat [sim:refusal]", "a boat [sim:cut]", "a boat [sim:reset@Default]"):
        body = {"contents": [{"parts": [{"text": prompt}]}]}
        path = f"/v1beta/models/{MODEL}:generateContent"
        await stranger.post(path, json=body, headers={"x-goog-api-key": key["key"]})
    told: dict[str, Any] = {}

    async def all_there() -> bool:
        told.update((await admin.get(f"{WASTE}?team=waste")).json())
        return len(told["rows"]) == 3

    await eventually(all_there)
    rows = {row["cause"]: row for row in told["rows"]}
    assert {name: (row["group"], row["paid_by"], row["answers"]) for name, row in rows.items()} == {
        "no_picture": ("Default", "key", 1),
        "truncated": ("Default", "operator", 1),
        "unsettled": ("Default", "operator", 1),
    }
    assert (rows["unsettled"]["usd"], rows["unsettled"]["unsettled_usd"]) == ("0", "0.055")
    wasted = sum(nanos_of(row["usd"]) for row in told["rows"])
    charged = sum(nanos_of(row["usd"]) for row in (await admin.get(f"{USAGE}?team=waste&by=team")).json()["rows"])
    assert nanos_of(told["wasted_usd"]) == wasted
    assert nanos_of(told["paid_usd"]) == charged + nanos_of(rows["truncated"]["usd"])
    cells = list(csv.DictReader(io.StringIO((await admin.get(f"{WASTE}?team=waste&format=csv")).text)))
    assert cells == [{name: str(cell) for name, cell in row.items()} for row in told["rows"]]
    nothing = {"since": "2026-03-01", "until": "2026-03-31", "paid_usd": "0", "wasted_usd": "0", "rows": []}
    assert (await admin.get(f"{WASTE}?until=2026-03-31")).json() == nothing


async def test_days_that_make_no_sense_are_refused(admin: httpx2.AsyncClient) -> None:
    status, detail = problem(await admin.get(f"{WASTE}?since=2026-03-31&until=2026-03-01"))
    assert status == 422
    assert detail.startswith("since: must not be after until")
