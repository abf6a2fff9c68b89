"""A thousand callers at once, with a budget for a hundred: in front of a real store of every kind."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.core.budgets import Budget
from gateway.core.keys import Key, Limits
from gateway.core.money import nanos_of
from gateway.ledger import layout
from gateway.ledger.verify import verify
from tests.house import MODEL, PRO, START_S, Gateway, Simulator, open_gateway
from tests.ledger.clusters import cluster
from tests.ledger.servers import start
from tests.waiting import eventually

CALLS = 1000
CLIENTS = 20
TRIES = 20
PRICE = nanos_of("0.09")  # of a picture of Pro in the group Default, by the call


@pytest.fixture(params=["redis", "valkey", "cluster"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    home = tmp_path / "store"
    home.mkdir()
    if request.param == "cluster":
        with cluster("redis", home) as servers:
            yield servers.url
    else:
        server = start(request.param, home)
        yield server.url
        server.stop()


@pytest.fixture
async def gateway(store: str, simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(simulator, tmp_path, store=store, store_away="closed") as running:
        yield running


@asynccontextmanager
async def callers(gateway: Gateway, secret: str) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Many clients, of which each has few connections."""
    headers = {"authorization": f"Bearer {secret}"}
    async with AsyncExitStack() as stack:
        clients = [
            httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=10 * START_S, trust_env=False)
            for _ in range(CLIENTS)
        ]
        yield [await stack.enter_async_context(each) for each in clients]


async def called(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> int:
    """How it ends; whoever is told that the books cannot be reached tries again, as the SDKs do."""
    for _ in range(TRIES):
        answer = await client.post(path, json=body)
        if answer.status_code != 503:
            break
        await asyncio.sleep(1.0)
    return answer.status_code


async def rows_of(gateway: Gateway, key: Key) -> list[dict[str, str]]:
    ledger = gateway.running.ledger.store.rows(layout.ledger(key.team), "+")
    return [row async for _, row in ledger if row["key"] == key.id]


def most(rows: list[dict[str, str]]) -> int:
    """The most that a key ever held and had spent together."""
    return max(sum(map(int, row["key_after"].split())) for row in rows)


async def faults(gateway: Gateway) -> list[str]:
    return [fault async for each in verify(gateway.running.ledger.books) for fault in each.faults]


async def test_a_hundred_are_admitted_and_billed(gateway: Gateway, simulator: Simulator) -> None:
    before = len(simulator.bill())
    limits = Limits(Budget(100 * PRICE), max_multiplier=Fraction(1))
    key, secret = await gateway.new_key(limits)
    body = {"contents": [{"parts": [{"text": "a boat"}]}]}
    async with callers(gateway, secret) as clients:
        path = f"/v1beta/models/{PRO}:generateContent"
        statuses = await asyncio.gather(*(called(clients[number % CLIENTS], path, body) for number in range(CALLS)))
    assert {status: statuses.count(status) for status in set(statuses)} == {200: 100, 429: 900}
    await eventually(lambda: _settled(gateway, key))
    assert len(simulator.bill()) - before == 100
    rows = await rows_of(gateway, key)
    assert [row["do"] for row in rows].count("reserve") == [row["do"] for row in rows].count("settle") == 100
    assert (await gateway.running.ledger.books.balance(key)).spent_nanos == 100 * PRICE == most(rows)
    assert await faults(gateway) == []


ASKED: list[tuple[str, dict[str, Any]]] = [
    *(
        (f"/v1beta/models/{model}:{method}", {"contents": [{"parts": [{"text": prompt}]}], "generationConfig": config})
        for model, method, prompt, config in (
            (PRO, "generateContent", "a boat", {"imageConfig": {"imageSize": "2K"}}),
            (PRO, "streamGenerateContent?alt=sse", "a boat", {"imageConfig": {"imageSize": "4K"}}),
            (MODEL, "generateContent", "a boat [sim:error@Default]", {}),
            (MODEL, "streamGenerateContent?alt=sse", "a boat [sim:refusal]", {}),
        )
    ),
    ("/v1/images/generations", {"model": MODEL, "prompt": "a boat", "n": 3}),
    ("/v1/images/generations", {"model": PRO, "prompt": "a boat [sim:busy@Default]", "size": "2048x2048"}),
    ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}], "stream": True}),
]


async def test_of_all_kinds_of_calls_the_budget_is_never_passed(gateway: Gateway, simulator: Simulator) -> None:
    known = {row["id"] for row in simulator.bill()}
    budget, dice = nanos_of("12.345678901"), random.Random(7)
    key, secret = await gateway.new_key(Limits(Budget(budget)))
    async with callers(gateway, secret) as clients:
        statuses = await asyncio.gather(
            *(
                called(clients[number % CLIENTS], path, body)
                for number, (path, body) in enumerate(dice.choices(ASKED, k=CALLS // 2))
            )
        )
    await eventually(lambda: _settled(gateway, key))
    rows = await rows_of(gateway, key)
    bill = {row["id"]: row["nanos"] for row in simulator.bill() if row["id"] not in known}
    spent = {row["attempt"]: int(row["spent"]) for row in rows if row["do"] == "settle"}
    assert set(statuses) >= {200, 429}
    assert most(rows) <= budget
    assert spent == {attempt: bill[attempt] for attempt in spent}
    assert sum(spent.values()) == (await gateway.running.ledger.books.balance(key)).spent_nanos
    assert await faults(gateway) == []


async def _settled(gateway: Gateway, key: Key) -> bool:
    return not (await gateway.running.ledger.books.balance(key)).held_nanos
