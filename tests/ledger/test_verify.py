"""The books proven from their rows, while calls go on; and what is said when somebody has written in them."""

import asyncio
from typing import Any

import pytest
from redis import Redis

from gateway.core.audit import Sums
from gateway.core.keys import Key, Limits
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.ledger.verify import Verified, verify
from tests.ledger.accounts import NOW, USD, charge, operator, reserve, settle, void


async def found(books: Books, team: str | None = None) -> list[Verified]:
    return [each async for each in verify(books, team=team)]


@pytest.fixture
async def used(books: Books, keys: Keys, key: Key) -> Key:
    """The key, after calls that were settled, voided, and are open; another one was used too."""
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    for number, whose in enumerate([key, key, other, other, key]):
        hold = await reserve(books, f"call_{number}", whose, USD)
        if number % 2 == 0:
            await settle(books, hold, charge(number + 1, attempt_id=f"att_{number}"))
        elif number == 1:
            await void(books, hold, "no answer")
    await operator(books, charge(5, attempt_id="att_9"), call_id="call_9", team="acme", why="race_loss")
    return key


async def test_books_that_are_right(books: Books, used: Key) -> None:
    assert await found(books) == [
        Verified("acme", 9, Sums(USD, 1 + 3 + 5), ()),
        Verified("operator", 1, Sums(0, 5), ()),
    ]
    assert [each.whose for each in await found(books, "acme")] == ["acme"]


async def test_calls_may_go_on_meanwhile(store: Store, books: Books, key: Key) -> None:
    async def spend(number: int) -> None:
        hold = await reserve(books, f"call_{number}", key, USD // 100)
        await settle(books, hold, charge(1, attempt_id=f"att_{number}"))

    async def look() -> None:
        for _ in range(10):
            assert [each.faults for each in await found(books)] == [(), ()]

    await asyncio.gather(look(), *(spend(number) for number in range(1200)))
    (acme, _) = await found(books)
    assert (acme.rows, acme.sums, acme.faults) == (2400, Sums(0, 1200), ()), "more than one page of them"


async def test_whoever_writes_in_the_books_is_found_out(books: Books, raw: Redis, used: Key) -> None:
    raw.hincrby(layout.account("acme"), "spent", -1)
    raw.hincrby(layout.OPERATOR, "spent", 1)
    acme, operators = await found(books)
    assert acme.faults[0] == f"account team has held {USD}, spent 8; its rows make held {USD}, spent 9"
    assert operators.faults == ("account operator has held 0, spent 6; its rows make held 0, spent 5",)


async def test_a_row_that_is_gone_is_found_out_by_the_one_after_it(books: Books, raw: Redis, used: Key) -> None:
    found_in_it: Any = raw.xrange(layout.ledger("acme"))
    names = [name for name, _ in found_in_it]
    raw.xdel(layout.ledger("acme"), names[4])
    (acme, _) = await found(books)
    assert acme.faults[0].startswith(f"row {names[5]}: team has ")


async def test_a_call_that_holds_what_its_account_does_not_is_found_out(books: Books, raw: Redis, used: Key) -> None:
    raw.zrem(layout.open_calls("acme"), "call_3")
    (acme, _) = await found(books)
    assert any(fault.endswith(f"holds {USD}; its open calls hold 0") for fault in acme.faults)
