"""What a key has spent is put right by hand, once, and whoever adds up the rows finds it."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from redis import Redis

from gateway.core.books import Balance
from gateway.core.errors import BadRequest, NotFound
from gateway.core.keys import Key, Limits
from gateway.core.trail import Actor, Door
from gateway.ledger import layout
from gateway.ledger.adjustments import Adjustments
from gateway.ledger.budget import Books
from gateway.ledger.reports import span, usage
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, USD, charge, reserve, rows, settle


@pytest.fixture
async def spent(books: Books, key: Key) -> Key:
    """A key that has spent two dollars."""
    await settle(books, await reserve(books, "call_1", key, 3 * USD), charge(2 * USD))
    return key


@pytest.fixture
def adjustments(books: Books) -> Adjustments:
    return Adjustments(books, Actor("nina", Door.API))


async def faults(books: Books) -> list[str]:
    return [fault async for each in verify(books) for fault in each.faults]


@pytest.mark.parametrize(("usd", "left"), [("-0.50", 3 * USD // 2), ("0.000000001", 2 * USD + 1), ("-2", 0)])
async def test_it_counts_in_every_sum(
    books: Books, store: Store, spent: Key, adjustments: Adjustments, usd: str, left: int
) -> None:
    name, nanos = await adjustments.make(spent, usd, "a broken picture")
    assert nanos == left - 2 * USD
    for whose in (None, spent.id):
        account = await books.account("acme", whose)
        assert {each.spent_nanos for each in (account.total, account.day, account.month)} == {left}
    today = datetime.fromtimestamp(time.time(), UTC).date()
    for hourly in (False, True):
        lines = await usage(store, span(today, today, today, hourly=hourly), hourly=hourly)
        assert sum(line.figures.nanos for line in lines) == left
        assert sum(line.figures.calls for line in lines) == 1
        assert [line.figures.nanos for line in lines if line.model == "adjustment"] == [nanos]
    assert name.startswith("adj_")
    assert await faults(books) == []


async def test_under_a_name_it_is_made_once(books: Books, spent: Key, adjustments: Adjustments, raw: Redis) -> None:
    made = await asyncio.gather(*(adjustments.make(spent, "-0.25", "twice", name="ticket-7") for _ in range(5)))
    made.append(await adjustments.make(spent, "-0.75", "otherwise", name="ticket-7"))
    assert set(made) == {("ticket-7", -USD // 4)}
    assert (await books.balance(spent)).spent_nanos == 2 * USD - USD // 4
    (row,) = [row for row in rows(raw, layout.ledger("acme")) if row["do"] == "adjust"]
    assert (row["spent"], row["held"], row["why"], row["call"]) == ("-250000000", "0", "twice", "ticket-7")
    assert await faults(books) == []


async def test_the_trail_says_who_and_why(spent: Key, adjustments: Adjustments, raw: Redis) -> None:
    await adjustments.make(spent, "-1", "a refund")
    entry = rows(raw, layout.trail("acme"))[-1]
    assert {name: entry[name] for name in ("who", "action", "subject", "was:spent", "now:spent", "now:why")} == {
        "who": "nina",
        "action": "key.adjusted",
        "subject": spent.id,
        "was:spent": "2000000000",
        "now:spent": "1000000000",
        "now:why": "a refund",
    }


WRONG = [
    ("-2.000000001", "why", None, "the key has spent 2 USD; no more can be taken from that"),
    ("much", "why", None, "'much' is not an amount"),
    ("0", "why", None, "is nothing; give an amount like -0.50"),
    ("0.0000000001", "why", None, "more than nine decimals"),
    ("-9000001", "why", None, "above the largest amount"),
    ("1", " ", None, "say why in 1 to 200 characters"),
    ("1", "w" * 201, None, "say why in 1 to 200 characters"),
    ("1", "why", "a name", "a name is 1 to 64 letters"),
]


@pytest.mark.parametrize(("usd", "why", "name", "says"), WRONG)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    books: Books, spent: Key, adjustments: Adjustments, usd: str, why: str, name: str | None, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        await adjustments.make(spent, usd, why, name=name)
    assert await books.balance(spent) == Balance(2 * USD, 0, 100 * USD)
    assert await faults(books) == []


async def test_a_key_that_is_not_there(books: Books, adjustments: Adjustments) -> None:
    with pytest.raises(NotFound):
        await adjustments.make(Key("key_9", "acme", "ci", "hint", Limits(), NOW), "1", "why")
    assert await faults(books) == []
