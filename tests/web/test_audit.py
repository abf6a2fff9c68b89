"""The trail by the admin API: every change has its row, with the name of whoever asked."""

import json
from typing import Any

import httpx2
import pytest

from tests.house import START_S, Gateway, Simulator, open_gateway
from tests.waiting import eventually
from tests.web.office import DRILLS, KEYS, TEAMS, problem

AUDIT = "/admin/api/audit"


def with_key(gateway: Gateway, key: str) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=START_S, trust_env=False)


async def test_whoever_asks_is_known_by_the_key_that_was_sent(simulator: Simulator, tmp_path: Any) -> None:
    keys = {"ana": "the-admin-key-of-ana-0123", "billing-bot": "the-admin-key-of-the-bot"}
    admin = {"key": "the-admin-key-of-nobody-0", "keys": keys}
    async with open_gateway(simulator, tmp_path, admin=admin) as gateway:
        for name, key in (("admin", "the-admin-key-of-nobody-0"), *keys.items()):
            async with with_key(gateway, key) as http:
                assert (await http.post(TEAMS, json={"id": f"made-by-{name}"})).status_code == 201
                (entry,) = (await http.get(AUDIT, params={"limit": 1})).json()["entries"]
            assert (entry["who"], entry["door"], entry["subject"]) == (name, "api", f"made-by-{name}")
        async with with_key(gateway, "the-admin-key-of-mallory") as http:
            assert problem(await http.get(AUDIT))[0] == 401


@pytest.mark.asyncio(loop_scope="module")
async def test_every_change_is_told_once(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    made = (await admin.post(KEYS, json={"team": "audited", "budget_usd": "5"})).json()
    path = f"{KEYS}/{made['id']}"
    await admin.patch(path, json={"budget_usd": "10", "metadata": {"owner": "Zoë"}})
    await admin.patch(path, json={"budget_usd": "10"})
    await admin.patch(f"{TEAMS}/audited", json={"name": "Audited"})
    rotated = (await admin.post(f"{path}/rotate")).json()
    await admin.delete(path)
    await admin.delete(path)
    told = await admin.get(AUDIT, params={"subject": "audited"})
    entries = told.json()["entries"]
    assert [(each["action"], each["subject"]) for each in entries] == [
        ("key.revoked", made["id"]),
        ("key.rotated", made["id"]),
        ("team.changed", "audited"),
        ("key.changed", made["id"]),
        ("key.created", made["id"]),
        ("team.created", "audited"),
    ]
    assert {(each["who"], each["door"], each["team"]) for each in entries} == {("admin", "api", "audited")}
    assert entries[3]["changes"] == {
        "budget_usd": {"before": "5", "after": "10"},
        "metadata.owner": {"before": None, "after": "Zoë"},
    }
    assert entries[1]["changes"]["hint"] == {"before": made["hint"], "after": rotated["hint"]}
    for secret in (made["key"], rotated["key"]):
        assert secret not in told.text


async def test_the_log_and_the_metrics_tell_it_too_and_of_everybody_who_guesses(
    simulator: Simulator, tmp_path: Any
) -> None:
    guesses = 40
    async with open_gateway(simulator, tmp_path, admin={"keys": {"ana": "the-admin-key-of-ana-0123"}}) as gateway:
        async with with_key(gateway, "the-admin-key-of-ana-0123") as ana:
            assert (await ana.post(TEAMS, json={"id": "made"})).status_code == 201
        async with with_key(gateway, "guess") as guesser:
            for _ in range(guesses):
                assert (await guesser.get(TEAMS)).status_code == 401

        def lines(event: str) -> list[dict[str, Any]]:
            rows = [json.loads(line) for line in gateway.log.read_text().splitlines()]
            return [row for row in rows if row["event"] == event]

        async def all_told() -> bool:
            return sum(int(row["count"]) for row in lines("admin_refused")) == guesses

        await eventually(all_told)
        (acted,) = lines("admin_acted")
        assert (acted["who"], acted["door"], acted["action"], acted["subject"]) == (
            "ana",
            "api",
            "team.created",
            "made",
        )
        assert {(row["why"], *row["addresses"]) for row in lines("admin_refused")} == {("wrong_key", "127.0.0.1")}
        counted = (await gateway.http.get("/metrics")).text
        assert 'gateway_admin_actions_total{action="team.created"} 1.0' in counted
        assert f'gateway_admin_refusals_total{{why="wrong_key"}} {guesses}.0' in counted
        assert "the-admin-key-of-ana-0123" not in gateway.log.read_text()


@pytest.mark.asyncio(loop_scope="module")
async def test_drills_are_told_too(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    wanted = {"group": "Default", "kind": "dead", "key": shared.key.id, "note": "before the launch"}
    drill = (await admin.post(DRILLS, json=wanted)).json()
    await admin.delete(f"{DRILLS}/{drill['id']}")
    entries = (await admin.get(AUDIT, params={"subject": drill["id"]})).json()["entries"]
    assert [each["action"] for each in entries] == ["drill.ended", "drill.begun"]
    assert entries[1]["changes"]["note"] == {"before": None, "after": "before the launch"}
    assert entries[1]["changes"]["whom"] == {"before": None, "after": {"key": shared.key.id}}


@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_read_page_by_page(admin: httpx2.AsyncClient) -> None:
    for number in range(3):
        await admin.post(TEAMS, json={"id": f"page-{number}"})
    found: list[str] = []
    cursor = None
    while len(found) < 3:
        page = (await admin.get(AUDIT, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        found += [each["subject"] for each in page["entries"]]
        cursor = page["cursor"]
    assert found == ["page-2", "page-1", "page-0"]
    at = (await admin.get(AUDIT, params={"subject": "page-1"})).json()["entries"][0]["at"]
    assert isinstance(at, float)
    since = (await admin.get(AUDIT, params={"since": "2999-01-01"})).json()
    assert since == {"entries": [], "cursor": None}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("query", ["since=soon", "limit=0", "limit=1001", "limit=many", "cursor=x", "cursor=5-0"])
async def test_what_makes_no_sense_is_refused(admin: httpx2.AsyncClient, query: str) -> None:
    assert problem(await admin.get(f"{AUDIT}?{query}"))[0] == 422
