"""What is asked of the store in one moment goes to it together, and stays everybody's own."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.errors import BooksAway
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.ledger.together import Answered, Together
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, USD, reserve

AT_ONCE = 100


async def test_all_that_is_asked_in_one_moment_is_one_round_trip(books: Books, key: Key, raw: Redis) -> None:
    await reserve(books, "warm", key, 1)
    before = raw.info("stats")["total_reads_processed"]
    await asyncio.gather(*(reserve(books, f"call_{number}", key, 1) for number in range(AT_ONCE)))
    reads = raw.info("stats")["total_reads_processed"] - before
    assert raw.zcard(layout.open_calls("acme")) == AT_ONCE + 1
    assert reads <= 5, "one of them is that of this count; a pipeline may come in a few parts"


async def test_whoever_leaves_takes_nobody_along(books: Books, key: Key) -> None:
    asking = [asyncio.create_task(reserve(books, f"call_{number}", key, USD)) for number in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [each.nanos for each in found[1:] if not isinstance(each, BaseException)] == [USD] * 4


async def test_a_fault_of_ours_is_told_to_all_who_wait() -> None:
    async def send(asked: Sequence[int], answered: Answered) -> None:
        answered(0, "an answer")
        raise ZeroDivisionError

    asking = Together(send)
    found = await asyncio.gather(*(asking.ask(number) for number in range(3)), return_exceptions=True)
    assert [each if isinstance(each, str) else type(each) for each in found] == [
        "an answer",
        ZeroDivisionError,
        ZeroDivisionError,
    ]


async def test_an_error_of_one_is_no_matter_of_the_others(store: Store, key: Key) -> None:
    index = [layout.open_calls("acme"), layout.call_stem("acme")]
    found: list[Any] = await asyncio.gather(
        *(store.call(function, index) for function in ("void", "unsettled_calls")), return_exceptions=True
    )
    assert isinstance(found[0], BooksAway)
    assert found[1] == []


async def test_of_requests_of_one_key_each_has_its_own_answer(books: Books, keys: Keys) -> None:
    """They are made in one function, in their order; a refused one takes no other along."""
    await keys.create_team("small", limits=TeamLimits(Budget(10 * USD)), now=NOW)
    key, _ = await keys.create_key("small", name="ci", limits=Limits(), now=NOW)
    wanted = [(["a", "b"], 2), (["c"], 7), (["d"], 6), (["e", "f", "g"], 1), (["a", "b"], 9)]
    found: list[Any] = await asyncio.gather(
        *(books.reserve(ids, key, usd * USD, lease_s=60.0) for ids, usd in wanted), return_exceptions=True
    )
    assert [
        [each.nanos // USD for each in held] if isinstance(held, list) else type(held).__name__ for held in found
    ] == [[2, 2], "OverBudget", [6], "OverBudget", [2, 2]]
    assert (await books.team_balance("small")).held_nanos == 10 * USD
    assert [fault async for each in verify(books) for fault in each.faults] == []


async def test_a_function_that_was_flushed_is_loaded_again_for_all_of_them(books: Books, key: Key, raw: Redis) -> None:
    await reserve(books, "warm", key, 1)
    raw.function_flush()
    await asyncio.gather(*(reserve(books, f"call_{number}", key, 1) for number in range(AT_ONCE)))
    assert raw.zcard(layout.open_calls("acme")) == AT_ONCE + 1
