"""The books by the admin API: proven, resolved, reconciled."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.ledger import layout, writes
from gateway.web.ledger import MOST_LOG_BYTES
from tests.house import ADMIN_KEY, START_S, Gateway, Simulator, open_gateway
from tests.ledger.accounts import USD, charge, operator
from tests.web.office import KEYS, TEAMS, problem

VERIFY, UNSETTLED, RECONCILE = (f"/admin/api/ledger/{what}" for what in ("verify", "unsettled", "reconcile"))


@pytest.fixture
async def own(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose books no other test writes in."""
    async with open_gateway(simulator, tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def http(own: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx2.AsyncClient(base_url=own.url, headers=headers, timeout=START_S, trust_env=False) as client:
        yield client


async def fear(gateway: Gateway, attempt_id: str) -> None:
    """Puts an attempt on the operator's account of which nobody knows."""
    books = gateway.running.ledger.books
    await operator(books, charge(USD, attempt_id=attempt_id), call_id="call_1", team="acme", why=writes.UNSETTLED)


async def test_every_ledger_is_proven(own: Gateway, http: httpx2.AsyncClient) -> None:
    assert (await own.images("a boat")).status_code == 200
    told = (await http.get(VERIFY)).json()
    assert told["right"] is True
    team, operators = told["ledgers"]
    spent = (await http.get(f"{TEAMS}/acme")).json()["spent_usd"]
    alike = {"held_usd": "0", "faults": [], "archived_rows": 0, "begins_after": None}
    assert team == {"ledger": "acme", "rows": 2, "spent_usd": spent, **alike}
    assert operators == {"ledger": "operator", "rows": 0, "spent_usd": "0", **alike}
    assert (await http.get(f"{VERIFY}?team=acme")).json() == {"right": True, "ledgers": [team]}
    assert problem(await http.get(f"{VERIFY}?team=nobody")) == (404, "there is no team nobody")
    store = own.running.ledger.store
    await store.ask(layout.account("acme"), lambda client: client.hincrby(layout.account("acme"), "spent", 1))
    told = (await http.get(VERIFY)).json()
    assert told["right"] is False
    assert told["ledgers"][0]["faults"]


async def test_an_attempt_is_listed_and_resolved_once_and_told(own: Gateway, http: httpx2.AsyncClient) -> None:
    await fear(own, "att_1")
    await fear(own, "att_2")
    told = (await http.get(UNSETTLED)).json()
    assert set(told) == {"attempts", "calls", "earlier_usd"}
    assert [(each["attempt"], each["held_usd"]) for each in told["attempts"]] == [("att_1", "1"), ("att_2", "1")]
    resolved = {"attempt": "att_1", "resolved": "billed", "usd": "0.25", "why": "hand"}
    for verdict in ({"billed": True, "usd": "0.25"}, {"billed": False}):
        assert (await http.post(f"{UNSETTLED}/att_1/resolve", json=verdict)).json() == resolved
    free = await http.post(f"{UNSETTLED}/att_2/resolve", json={"billed": False})
    assert free.json() == {"attempt": "att_2", "resolved": "unbilled", "usd": "0", "why": "hand"}
    assert (await http.get(UNSETTLED)).json()["attempts"] == []
    entries = (await http.get("/admin/api/audit?subject=att_1")).json()["entries"]
    assert [(each["who"], each["door"], each["action"]) for each in entries] == [("admin", "api", "attempt.resolved")]


@pytest.mark.parametrize(
    ("verdict", "status", "says"),
    [
        ({"billed": True}, 404, "there is no unsettled attempt att_9"),
        ({}, 422, "billed: Field required"),
        ({"billed": False, "usd": "1"}, 422, "usd: what was not billed has no amount"),
        ({"billed": True, "usd": "-1"}, 422, "usd: -1 is negative"),
    ],
)
async def test_a_verdict_that_makes_no_sense_is_refused(
    http: httpx2.AsyncClient, verdict: dict[str, Any], status: int, says: str
) -> None:
    told = problem(await http.post(f"{UNSETTLED}/att_9/resolve", json=verdict))
    assert (told[0], told[1][: len(says)]) == (status, says)


async def test_the_sellers_log_is_laid_beside_the_books(
    own: Gateway, http: httpx2.AsyncClient, simulator: Simulator
) -> None:
    before = len(simulator.bill())
    for _ in range(2):
        assert (await own.images("a boat")).status_code == 200
    rows = [
        f"{int(row['at'])},{row['model']},{row['group']},{row['nanos'] / 1e9:.9f}" for row in simulator.bill()[before:]
    ]
    log = "\n".join(("created_at,model_name,group,usd", *rows))
    told = (await http.post(RECONCILE, content=log)).json()
    assert (told["differences"], told["total"]["calls"], told["total"]["seller_calls"]) == (0, 2, 2)
    told = (await http.post(f"{RECONCILE}?usd=0&percent=0", content="\n".join(log.split("\n")[:2]))).json()
    assert told["differences"] == 2  # a line, and the total
    assert problem(await http.post(f"{RECONCILE}?group=Default&until=2020-01-01", content=log)) == (
        422,
        "log: it has no charge of the days and groups that are asked for",
    )


@pytest.mark.parametrize(
    ("query", "log", "says"),
    [
        ("", b"", "log: it is empty"),
        ("", "时间,模型,花费\n1,2,3\n".encode("gbk"), "log: it is not in UTF-8"),
        ("", b"time,model,usd\nnow,pro,1\n", "log: line 2: 'now' is not a time"),
        ("time_zone=Mars", b"", "time_zone: 'Mars' is not a time zone"),
        ("since=2026-01-02&until=2026-01-01", b"", "since: must not be after until"),
        ("group=Cheap", b"", "group: there is no group Cheap"),
        ("column=when", b"", "column: 'when' is not WHAT=NAME"),
        ("percent=few", b"", "percent: 'few' is not an amount"),
        ("quota_per_usd=0", b"", "quota_per_usd: Input should be greater"),
    ],
)
async def test_a_log_that_cannot_be_read_is_refused_with_its_place(
    http: httpx2.AsyncClient, query: str, log: bytes, says: str
) -> None:
    status, detail = problem(await http.post(f"{RECONCILE}?{query}", content=log))
    assert (status, detail[: len(says)]) == (422, says)


async def test_a_log_that_is_too_long_is_refused_whether_it_says_so_or_not(http: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MOST_LOG_BYTES // 65_536 + 1):
            yield bytes(65_536)

    for content in (bytes(MOST_LOG_BYTES + 1), pieces()):
        status, detail = problem(await http.post(RECONCILE, content=content))
        assert (status, "send it day by day" in detail) == (413, True)


async def test_others_are_answered_while_a_long_log_is_read(own: Gateway, http: httpx2.AsyncClient) -> None:
    now = int(time.time())
    log = "time,model,usd\n" + "".join(f"{now - number},pro,0.01\n" for number in range(100_000))
    reading = asyncio.create_task(http.post(RECONCILE, content=log))
    answered = 0
    while not reading.done():
        assert (await own.http.get("/healthz")).status_code == 200
        answered += 1
    assert (await reading).json()["total"]["seller_calls"] == 100_000
    assert answered > 20


async def test_all_keys_of_a_team_are_revoked(http: httpx2.AsyncClient) -> None:
    made = [(await http.post(KEYS, json={"team": "leavers"})).json() for _ in range(2)]
    other = (await http.post(KEYS, json={"team": "stayers"})).json()
    told = (await http.delete(f"{TEAMS}/leavers")).json()
    assert (told["id"], sorted(told["revoked_keys"])) == ("leavers", sorted(each["id"] for each in made))
    assert (await http.delete(f"{TEAMS}/leavers")).json()["revoked_keys"] == []
    assert (await http.get(f"{KEYS}/{other['id']}")).json()["revoked_at"] is None
    assert problem(await http.delete(f"{TEAMS}/nobody")) == (404, "There is no team nobody.")
