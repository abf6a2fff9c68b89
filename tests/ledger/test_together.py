"""What is asked of the store in one moment goes to it together, and stays everybody's own."""

import asyncio

from redis import Redis

from gateway.core.errors import BooksAway
from gateway.core.keys import Key
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.store import Store
from tests.ledger.accounts import USD, reserve

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


async def test_an_error_of_one_is_no_matter_of_the_others(store: Store, key: Key) -> None:
    index = [layout.open_calls("acme"), layout.call_stem("acme")]
    wrong, right = await asyncio.gather(
        store.call("void", index), store.call("unsettled_calls", index), return_exceptions=True
    )
    assert isinstance(wrong, BooksAway)
    assert right == []


async def test_a_function_that_was_flushed_is_loaded_again_for_all_of_them(books: Books, key: Key, raw: Redis) -> None:
    await reserve(books, "warm", key, 1)
    raw.function_flush()
    await asyncio.gather(*(reserve(books, f"call_{number}", key, 1) for number in range(AT_ONCE)))
    assert raw.zcard(layout.open_calls("acme")) == AT_ONCE + 1
