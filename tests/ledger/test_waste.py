"""Waste is read from the operator's ledger and from what was counted as callers were charged."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from redis import Redis

from gateway.core.books import Hold
from gateway.core.claims import Claim, Stands
from gateway.core.course import Course
from gateway.core.keys import Key
from gateway.core.past import Payer
from gateway.core.unsettled import Reason, Resolved
from gateway.core.waste import Cause, Waste
from gateway.ledger import layout, writes
from gateway.ledger.budget import Books
from gateway.ledger.claims import Claims
from gateway.ledger.frames import Write
from gateway.ledger.reports import Span, usage
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks
from gateway.ledger.waste import wasted
from tests.ledger.accounts import PEPPER, USD, charge, operator, reserve

LEFT, STAYED = (Course("chat", "banana", "1K", (), left=left) for left in (True, False))


@pytest.fixture
def days(raw: Redis) -> Span:
    """The server's day, and one before and after it: a test that runs past midnight asks for all."""
    seconds, _ = raw.time()
    today = datetime.fromtimestamp(seconds, UTC).date()
    return Span(today - timedelta(days=1), today + timedelta(days=1))


async def found(store: Store, span: Span, team: str | None = None) -> list[Waste]:
    return await wasted(store, span, await usage(store, span, team=team), team=team)


async def held(books: Books, key: Key, *names: str) -> list[Hold]:
    return [await reserve(books, each, key, USD) for each in names]


async def test_everything_that_nobody_got_is_told_with_who_paid_for_it(books: Books, key: Key, days: Span) -> None:
    left, bare, both, good = await held(books, key, "left", "bare", "both", "good")
    empty = replace(charge(7), pictures=0)
    ends = [(left, charge(5), LEFT), (bare, empty, STAYED), (both, empty, LEFT), (good, charge(9), STAYED)]
    for hold, paid, course in ends * 2:
        await books.store.make(writes.settle(hold, paid, course))
    for number, why in enumerate(("race_loss", "truncated", "race_loss", "unsettled", "unsettled", "unsettled")):
        paid = charge(10 + number, attempt_id=f"att_{number}")
        await operator(books, paid, call_id="call_1", team="acme", why=why)
    await books.store.make(writes.given_up(left))
    unsettled = UnsettledBooks(books.store)
    await unsettled.resolve("att_4", Resolved.BILLED, Reason.PRESUMED)
    await unsettled.resolve("att_5", Resolved.UNBILLED, Reason.LOG)
    assert await found(books.store, days) == [
        Waste("", Cause.GIVEN_UP, Payer.OPERATOR, 1, USD),
        Waste("Default", Cause.CALLER_LEFT, Payer.KEY, 1, 5),
        Waste("Default", Cause.NO_PICTURE, Payer.KEY, 2, 14),
        Waste("Default", Cause.PRESUMED, Payer.OPERATOR, 1, 14),
        Waste("Default", Cause.RACE_LOSS, Payer.OPERATOR, 2, 22),
        Waste("Default", Cause.TRUNCATED, Payer.OPERATOR, 1, 11),
        Waste("Default", Cause.UNSETTLED, Payer.OPERATOR, 1, 0, 13),
    ]
    spent = (await books.operator_balance()).spent_nanos
    assert sum(each.nanos for each in await found(books.store, days) if each.payer is Payer.OPERATOR) == spent


LATE = Claim("print", left_s=600.0)
CALLS = ("call_1.1", "call_1.2")


@pytest.fixture
def claims(books: Books) -> Claims:
    return Claims(books.store, "here", PEPPER)


def left_behind(hold: Hold) -> Write:
    return writes.settle(hold, charge(5), LEFT)


async def test_what_is_delivered_after_all_was_not_paid_in_vain(
    books: Books, claims: Claims, key: Key, days: Span
) -> None:
    both = await held(books, key, *CALLS)
    for hold in both:
        await books.store.make(left_behind(hold))
    bid = claims.bid(LATE, key, "call_1")
    for stands in (Stands.KEPT, Stands.LEFT):
        await claims.note(bid, "call_1", stands)
        assert await found(books.store, days) == [Waste("Default", Cause.CALLER_LEFT, Payer.KEY, 2, 10)]
    for _ in range(3):
        await claims.note(bid, "call_1", Stands.GIVEN, CALLS)
        await books.store.make(left_behind(both[0]))
        assert await found(books.store, days) == []


async def test_nor_was_what_is_delivered_before_it_is_charged(
    books: Books, claims: Claims, key: Key, days: Span
) -> None:
    first, other = await held(books, key, "call_1", "call_2")
    for _ in range(2):
        await claims.note(claims.bid(LATE, key, "call_1"), "call_1", Stands.GIVEN, ["call_1"])
    for hold in (first, other):
        await books.store.make(left_behind(hold))
    assert await found(books.store, days) == [Waste("Default", Cause.CALLER_LEFT, Payer.KEY, 1, 5)]


async def test_what_has_no_picture_stays_what_it_is(books: Books, claims: Claims, key: Key, days: Span) -> None:
    [hold] = await held(books, key, "call_1")
    await books.store.make(writes.settle(hold, replace(charge(5), pictures=0), LEFT))
    await claims.note(claims.bid(LATE, key, "call_1"), "call_1", Stands.GIVEN, ["call_1"])
    assert await found(books.store, days) == [Waste("Default", Cause.NO_PICTURE, Payer.KEY, 1, 5)]


async def test_what_an_earlier_release_has_charged_stays_as_it_was_told(
    books: Books, claims: Claims, key: Key, days: Span, raw: Redis
) -> None:
    [hold] = await held(books, key, "call_1")
    await books.store.make(left_behind(hold))
    raw.hdel(layout.call(key.team, "call_1"), "left")
    await claims.note(claims.bid(LATE, key, "call_1"), "call_1", Stands.GIVEN, ["call_1", "call_of_nobody"])
    assert await found(books.store, days) == [Waste("Default", Cause.CALLER_LEFT, Payer.KEY, 1, 5)]
    assert not raw.exists(layout.call(key.team, "call_of_nobody"))


async def test_it_is_of_one_team_and_of_some_days(books: Books, key: Key, days: Span) -> None:
    for number, team in enumerate(("acme", "beta", "beta")):
        why = writes.UNSETTLED if number == 2 else "race_loss"
        await operator(books, charge(7, attempt_id=f"att_{number}"), call_id="call_1", team=team, why=why)
    assert [each.answers for each in await found(books.store, days)] == [2, 1]
    assert [each.answers for each in await found(books.store, days, "acme")] == [1]
    assert [each.cause for each in await found(books.store, days, "beta")] == [Cause.RACE_LOSS, Cause.UNSETTLED]
    assert await found(books.store, Span(days.since - timedelta(days=9), days.since - timedelta(days=5))) == []
    assert await found(books.store, Span(days.until + timedelta(days=1), days.until + timedelta(days=5))) == []
    assert await found(books.store, Span(date.min, date.min)) == []
