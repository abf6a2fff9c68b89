"""What other gateways are known to have done with money, each by the number under which it was reported, and not here.

The hold of a call is `MOST`: what a picture of this model costs in the dearest group.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from gateway import app as house
from gateway.core.budgets import Budget
from gateway.core.keys import Key, Limits
from gateway.core.money import nanos_of
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from tests.house import PRO, Gateway, Simulator, open_gateway, settings_for
from tests.waiting import eventually

MOST = nanos_of("0.126")


@pytest.fixture
def slow() -> Iterator[Simulator]:
    """A seller that takes about a second, so that calls are in flight together."""
    with Simulator.started("--speed", "8", "--light") as running:
        yield running


async def ask(gateway: Gateway, secret: str, prompt: str = "a boat") -> httpx2.Response:
    body = {"model": PRO, "prompt": prompt}
    return await gateway.http.post("/v1/images/generations", json=body, headers={"authorization": f"Bearer {secret}"})


async def sums(ledger: Ledger, key: Key) -> tuple[int, int]:
    """What the key has spent, and what it holds."""
    balance = await ledger.books.balance(key)
    return balance.spent_nanos, balance.held_nanos


async def free(ledger: Ledger, key: Key) -> None:
    """Returns when the key holds nothing, and the books are as their rows make them."""

    async def nothing_held() -> bool:
        return (await sums(ledger, key))[1] == 0

    await eventually(nothing_held)
    assert [fault async for each in verify(ledger.books) for fault in each.faults] == []


async def test_calls_at_the_same_time_do_not_pass_a_budget_together(slow: Simulator, tmp_path: Path) -> None:
    """BerriAI/litellm#34732, QuantumNous/new-api#6609: it was looked at first, and taken from later."""
    async with open_gateway(slow, tmp_path) as gateway:
        key, secret = await gateway.new_key(Limits(Budget(5 * MOST)))
        answers = await asyncio.gather(*(ask(gateway, secret) for _ in range(60)))
        assert sorted(each.status_code for each in answers) == [200] * 5 + [429] * 55
        await free(gateway.running.ledger, key)
        bill = slow.bill()
        assert len(bill) == 5
        assert (await sums(gateway.running.ledger, key))[0] == sum(row["nanos"] for row in bill) <= 5 * MOST


async def test_what_callers_who_leave_had_set_aside_comes_back(slow: Simulator, tmp_path: Path) -> None:
    """BerriAI/litellm#27639: what was reserved for a call that was cancelled stayed so, until nothing was left."""
    async with open_gateway(slow, tmp_path) as gateway:
        key, secret = await gateway.new_key(Limits(Budget(4 * MOST)))
        for _ in range(3):
            waiting = [asyncio.create_task(ask(gateway, secret, "a boat [sim:error]")) for _ in range(4)]
            await eventually(lambda: _holds(gateway, key))
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await free(gateway.running.ledger, key)
        assert (await sums(gateway.running.ledger, key))[0] == 0
        assert (await ask(gateway, secret)).status_code == 200


async def _holds(gateway: Gateway, key: Key) -> bool:
    return (await sums(gateway.running.ledger, key))[1] > 0


async def test_what_was_spent_is_the_same_after_every_start(simulator: Simulator, tmp_path: Path) -> None:
    """BerriAI/litellm#28247: counters were added to what they had been seeded with, at each start once more."""
    async with open_gateway(simulator, tmp_path) as gateway:
        key, secret = await gateway.new_key(Limits())
        assert (await ask(gateway, secret)).status_code == 200
        await free(gateway.running.ledger, key)
        spent, _ = await sums(gateway.running.ledger, key)
    for _ in range(3):
        with (tmp_path / "gateway.log").open("a") as log:
            async with house.running(settings_for(simulator, tmp_path, store="embedded"), log) as again:
                await free(again.ledger, key)
                assert await sums(again.ledger, key) == (spent, 0)
    assert spent > 0


async def test_a_caller_who_leaves_pays_what_the_seller_took(slow: Simulator, tmp_path: Path) -> None:
    """BerriAI/litellm#13245: nobody was charged for what had been ordered by a caller who was gone."""
    async with open_gateway(slow, tmp_path) as gateway:
        key, secret = await gateway.new_key(Limits())
        waiting = [asyncio.create_task(ask(gateway, secret)) for _ in range(3)]
        await eventually(lambda: _sent(slow, 3))
        for each in waiting:
            each.cancel()
        await free(gateway.running.ledger, key)
        bill = slow.bill()
        assert len(bill) == 3
        assert (await sums(gateway.running.ledger, key))[0] == sum(row["nanos"] for row in bill) > 0


async def _sent(seller: Simulator, calls: int) -> bool:
    stats = await asyncio.to_thread(seller.requests, "")
    return len(stats) >= calls


async def test_the_group_that_served_sets_the_price_and_the_hold_covers_it(
    simulator: Simulator, tmp_path: Path
) -> None:
    """QuantumNous/new-api#6480: what another group served after a retry was charged as the first one's."""
    async with open_gateway(simulator, tmp_path) as gateway:
        key, secret = await gateway.new_key(Limits(Budget(MOST)))
        answer = await ask(gateway, secret, "a boat [sim:busy@Default]")
        assert answer.headers["x-gateway-group"] == "NanoBananaEnterprise"
        await free(gateway.running.ledger, key)
        (billed,) = simulator.bill(answer.headers["x-gateway-call-id"])
        assert (await sums(gateway.running.ledger, key))[0] == billed["nanos"] == MOST
        short, secret = await gateway.new_key(Limits(Budget(MOST - 1)))
        assert (await ask(gateway, secret)).status_code == 429, "the dearest group that it may go to would not fit"
        assert await sums(gateway.running.ledger, short) == (0, 0)
