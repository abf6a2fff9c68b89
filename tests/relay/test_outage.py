"""The store away: who goes on, what everybody is told, and that the books are right when it is back."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway import app as house
from gateway.core.budgets import Budget
from gateway.core.errors import BooksAway
from gateway.core.keys import Limits
from gateway.core.money import nanos_of
from tests.house import PRO, Gateway, Simulator, open_gateway, settings_for
from tests.losable import LosableStore
from tests.relay.test_reports import rows
from tests.waiting import eventually

Opened = Callable[..., AbstractAsyncContextManager[tuple[Gateway, LosableStore]]]

# What a call of PRO costs in the first group.
PRICE = nanos_of("0.09")


@pytest.fixture
def opened(simulator: Simulator, tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def opens(**sections: Any) -> AsyncIterator[tuple[Gateway, LosableStore]]:
        (tmp_path / "store").mkdir()
        with LosableStore.started(tmp_path / "store") as store:
            async with open_gateway(simulator, tmp_path, store=store.url, **sections) as gateway:
                yield gateway, store

    return opens


async def _spent(gateway: Gateway, nanos: int) -> bool:
    with suppress(BooksAway):
        balance = await gateway.running.ledger.books.team_balance("acme")
        return (balance.spent_nanos, balance.held_nanos) == (nanos, 0)
    return False


async def test_a_key_without_a_budget_goes_on_and_its_calls_are_in_the_books_afterwards(opened: Opened) -> None:
    async with opened() as (gateway, store):
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        with store.away():
            answers = await asyncio.gather(*(gateway.native("a boat", model=PRO) for _ in range(5)))
            assert {answer.status_code for answer in answers} == {200}
            over = await gateway.native("a boat [sim:busy@Default]", model=PRO)
            assert over.headers["x-gateway-group"] == "NanoBananaEnterprise"
            failed = await gateway.native("a boat [sim:busy]", model=PRO)
            assert failed.status_code == 503
        await eventually(lambda: _spent(gateway, 6 * PRICE + nanos_of("0.126")))
        assert len(await rows(gateway, "call_unbacked", least=7)) == 7


async def test_a_key_with_a_budget_goes_on_within_a_slice_of_it(opened: Opened) -> None:
    async with opened() as (gateway, store):
        _, secret = await gateway.new_key(Limits(Budget(nanos_of("8"))))
        gateway.http.headers["authorization"] = f"Bearer {secret}"
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        with store.away():
            answers = [await gateway.native("a boat", model=PRO) for _ in range(5)]
        served = [answer for answer in answers if answer.status_code == 200]
        # A call may cost 0.126 in the dearest group; a twentieth of what was left is 0.39.
        assert [answer.status_code for answer in answers] == [200, 200, 200, 503, 503]
        assert answers[-1].json()["error"]["details"][0]["reason"] == "BOOKS_AWAY"
        assert answers[-1].headers["x-gateway-billed"] == "no"
        await eventually(lambda: _spent(gateway, (1 + len(served)) * PRICE))


async def test_a_key_that_was_never_seen_does_not(opened: Opened) -> None:
    async with opened() as (gateway, store):
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        _, secret = await gateway.new_key(Limits())
        with store.away():
            gateway.http.headers["authorization"] = f"Bearer {secret}"
            assert (await gateway.native("a boat", model=PRO)).status_code == 503


@pytest.mark.parametrize(("policy", "status"), [("closed", 503), ("open", 200)])
async def test_who_goes_on_is_a_setting(opened: Opened, policy: str, status: int) -> None:
    async with opened(store_away=policy) as (gateway, store):
        _, secret = await gateway.new_key(Limits(Budget(nanos_of("0.25"))))
        gateway.http.headers["authorization"] = f"Bearer {secret}"
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        with store.away():
            assert (await gateway.native("a boat", model=PRO)).status_code == status
        await eventually(lambda: _spent(gateway, PRICE * (1 + (status == 200))))


async def test_a_gateway_that_stops_meanwhile_leaves_what_it_owes_to_the_next(
    simulator: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    with LosableStore.started(tmp_path / "store") as store:
        with ExitStack() as away:
            async with open_gateway(simulator, tmp_path, store=store.url) as gateway:
                assert (await gateway.native("a boat", model=PRO)).status_code == 200
                away.enter_context(store.away())
                assert (await gateway.native("a boat", model=PRO)).status_code == 200
                began = time.monotonic()
            assert time.monotonic() - began < 60.0, "it does not wait for a store that does not come"
        settings = settings_for(simulator, tmp_path, store=store.url)
        with (tmp_path / "next.log").open("w") as log:
            async with house.running(settings, log) as running:

                async def both() -> bool:
                    return (await running.ledger.books.team_balance("acme")).spent_nanos == 2 * PRICE

                await eventually(both)


async def test_behind_a_store_that_is_silent_callers_do_not_queue(opened: Opened) -> None:
    async with opened() as (gateway, store):
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        with store.paused():
            began = time.monotonic()
            first = await gateway.native("a boat", model=PRO)
            waited_s = time.monotonic() - began
            began = time.monotonic()
            answers = await asyncio.gather(*(gateway.native("a boat", model=PRO) for _ in range(50)))
            assert {answer.status_code for answer in (first, *answers)} == {200}
            assert time.monotonic() - began < 3 * waited_s, "they wait at once for what one waits for"
        await eventually(lambda: _spent(gateway, 52 * PRICE))


async def test_what_was_refused_while_the_store_was_silent_is_drawn_when_it_is_asked_again(opened: Opened) -> None:
    async with opened(store_away="closed") as (gateway, store):
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        gateway.http.headers["idempotency-key"] = "a-boat-once"
        with store.paused():
            refused = await gateway.native("a boat", model=PRO)
        assert refused.json()["error"]["details"][0]["reason"] == "BOOKS_AWAY"

        async def drawn() -> bool:  # by now the store has set money aside for it, and knows that key
            answer = await gateway.native("a boat", model=PRO)
            assert answer.status_code in (200, 503)
            return answer.status_code == 200

        await eventually(drawn)
        await eventually(lambda: _spent(gateway, 2 * PRICE))


async def test_an_embedded_store_that_dies_is_started_again(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path) as gateway:
        assert (await gateway.native("a boat", model=PRO)).status_code == 200
        server = int((tmp_path / "data" / "store" / "pid").read_text())
        os.kill(server, signal.SIGKILL)
        assert (await gateway.native("a boat", model=PRO)).status_code == 200, "whether it is back yet or not"
        await eventually(lambda: _spent(gateway, 2 * PRICE))
        (told, *_) = [row for row in await rows(gateway, "store_lost", least=1) if row["doing"] == "revive"]
        assert told["reason"] == "the embedded store had died, and was started again"
        assert int((tmp_path / "data" / "store" / "pid").read_text()) != server


async def test_a_call_that_nobody_ends_is_found_by_a_gateway_that_runs(gateway: Gateway) -> None:
    books = gateway.running.ledger.books
    (hold,) = await books.reserve(["call_lost"], gateway.key, PRICE, lease_s=0.001)
    (found,) = await rows(gateway, "call_unsettled", least=1)
    assert (found["call_id"], found["held_usd"], found["given_up"]) == (hold.call_id, "0.09", False)
    assert (await gateway.usage())["held_usd"] == "0.09"
