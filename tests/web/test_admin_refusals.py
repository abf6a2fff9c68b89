"""Whom the admin API refuses, and what, and how."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.house import ADMIN_KEY, Gateway, Simulator, open_gateway
from tests.web.office import KEYS, ROUTES, TEAMS, USAGE, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {ADMIN_KEY}", f"Bearer {ADMIN_KEY}x"])
async def test_whoever_lacks_the_admin_key_is_refused(
    stranger: httpx2.AsyncClient, method: str, path: str, given: str
) -> None:
    answer = await stranger.request(method, path, headers={"authorization": given} if given else {})
    assert problem(answer) == (401, "Send the admin key as Authorization: Bearer <admin key>.")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_callers_key_is_no_admin_key(shared: Gateway) -> None:
    assert problem(await shared.http.get(KEYS))[0] == 401


async def test_who_asks_is_known_before_the_body_is_read(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.post(KEYS, content=b"{", headers={"content-type": "application/json"})
    assert problem(answer)[0] == 401


@pytest.mark.asyncio(loop_scope="function")
async def test_without_an_admin_key_configured_the_api_is_shut(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path, admin={}) as gateway:
        for method, path in ROUTES:
            answer = await gateway.http.request(method, path, headers={"authorization": f"Bearer {ADMIN_KEY}"})
            assert problem(answer) == (403, "The admin API is shut: set admin.key in the configuration.")


async def test_what_is_not_there_is_a_problem(admin: httpx2.AsyncClient) -> None:
    missing = "key_" + "0" * 22
    assert problem(await admin.get("/admin/api/nothing"))[0] == 404
    for method in ("GET", "DELETE"):
        assert problem(await admin.request(method, f"{KEYS}/{missing}")) == (404, f"There is no key {missing}.")
    assert problem(await admin.patch(f"{KEYS}/{missing}", json={}))[0] == 404


async def test_a_wrong_method_is_a_problem_and_says_which_is_right(admin: httpx2.AsyncClient) -> None:
    answer = await admin.put("/admin/api/groups")
    assert problem(answer)[0] == 405
    assert answer.headers["allow"] == "GET"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no team": ({"team": None}, "team"),
    "a field that is not one": ({"budget": 1}, "budget"),
    "a word for a budget": ({"budget_usd": "much"}, "budget_usd"),
    "a negative budget": ({"budget_usd": "-1"}, "budget_usd"),
    "a budget finer than a nano-dollar": ({"budget_usd": "0.0000000001"}, "budget_usd"),
    "a budget beyond the books": ({"budget_usd": "9000001"}, "budget_usd"),
    "a budget without end": ({"budget_usd": "1e999999"}, "budget_usd"),
    "a multiplier of nothing": ({"max_multiplier": 0}, "max_multiplier"),
    "a multiplier without end": ({"max_multiplier": "1e5000"}, "max_multiplier"),
    "an expiry in the past": ({"expires_in_s": 0}, "expires_in_s"),
    "an expiry beyond all numbers": ({"expires_in_s": 10**300}, "expires_in_s"),
    "an unknown mode of failover": ({"failover": "on"}, "failover"),
    "an unknown place for pictures": ({"chat_pictures": "html"}, "chat_pictures"),
    "an unknown model": ({"models": ["gpt-image-1"]}, "gpt-image-1"),
    "an unknown group": ({"groups": ["Cheap"]}, "Cheap"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_field_is_told_by_name_and_makes_nothing(admin: httpx2.AsyncClient, what: str) -> None:
    fields, named = WRONG[what]
    before = (await admin.get(KEYS)).json()
    status, detail = problem(await admin.post(KEYS, json={"team": "acme", **fields}))
    assert status == 422
    assert named in detail
    assert (await admin.get(KEYS)).json() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"key"', b'{"team": "\xff"}', b'{"team": "acme", "name": "\\ud800"}']
)
async def test_a_body_that_is_no_object_of_text_is_a_problem(admin: httpx2.AsyncClient, body: bytes) -> None:
    answer = await admin.post(KEYS, content=body, headers={"content-type": "application/json"})
    assert problem(answer)[0] in (400, 422)


@pytest.mark.parametrize("team", ["", "Acme", "a b", "-acme", "x" * 64, "a}b", "\u00fc"])
async def test_a_team_must_have_a_plain_id(admin: httpx2.AsyncClient, team: str) -> None:
    for path, field in ((TEAMS, "id"), (KEYS, "team")):
        assert problem(await admin.post(path, json={field: team}))[0] == 400


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "since=2026-02-30", "since=2026-01-02&until=2026-01-01", "since=0001-01-01&until=9999-12-31"],
)
async def test_a_report_of_impossible_or_endless_days_is_refused(admin: httpx2.AsyncClient, query: str) -> None:
    assert problem(await admin.get(f"{USAGE}?{query}"))[0] == 422


async def test_a_report_may_end_on_the_first_day_there_is(admin: httpx2.AsyncClient) -> None:
    assert (await admin.get(f"{USAGE}?until=0001-01-01")).json()["rows"] == []
