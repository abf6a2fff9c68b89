"""Reports: counted as charges are settled, a line for each key, model, size, group and route, by day and hour."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from redis import Redis

from gateway.core.books import Charge
from gateway.core.errors import BadRequest
from gateway.core.keys import Key, Limits
from gateway.core.money import LARGEST_NANOS as LARGEST
from gateway.core.report import Figures, UsageLine
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.reports import Span, span, usage
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, USD, charge, reserve, settle

DAY = timedelta(days=1)


@pytest.fixture
def today(raw: Redis) -> date:
    """The server's day: a test that runs past midnight asks for two."""
    seconds, _ = raw.time()
    return datetime.fromtimestamp(seconds, UTC).date()


async def spend(books: Books, key: Key, call_id: str, paid: Charge) -> None:
    await settle(books, await reserve(books, call_id, key, USD, lease_s=480), paid)


def around(today: date) -> Span:
    return Span(today, today + DAY)


async def test_charges_of_one_kind_are_one_line(store: Store, books: Books, key: Key, today: date) -> None:
    await spend(books, key, "call_1", replace(charge(5), saved_nanos=-4))
    await spend(books, key, "call_2", replace(charge(7), pictures=2, usage=None, saved_nanos=1))
    [line] = await usage(store, around(today))
    figures = Figures(2, 3, 10, 1120, 12, -3)
    assert replace(line, day="") == UsageLine("", "acme", key.id, "banana", "1K", "Default", "images.edit", "", figures)
    assert line.day in {today.isoformat(), (today + DAY).isoformat()}


async def test_hours_are_counted_as_days_are(store: Store, books: Books, key: Key, today: date, raw: Redis) -> None:
    await spend(books, key, "call_1", replace(charge(5), saved_nanos=-4))
    await spend(books, key, "call_2", replace(charge(7), pictures=2, saved_nanos=1))
    await spend(books, key, "call_3", replace(charge(LARGEST), route="chat"))
    lines = await usage(store, around(today), hourly=True)
    assert sum((line.figures for line in lines), Figures()) == Figures(3, 4, 30, 3360, 12 + LARGEST, -3)
    assert {line.route for line in lines} == {"images.edit", "chat"}
    for line in lines:
        assert datetime.strptime(line.hour, "%Y-%m-%dT%H:%M%z").date().isoformat() == line.day
    days = await usage(store, around(today))
    assert sum((line.figures for line in lines), Figures()) == sum((line.figures for line in days), Figures())


async def test_what_was_saved_against_the_list_is_that_of_calls_whose_list_price_is_known(
    store: Store, books: Books, key: Key, today: date
) -> None:
    for number, (nanos, listed) in enumerate([(5, 9), (7, None), (20, 12), (0, 0)]):
        await spend(books, key, f"call_{number}", replace(charge(nanos), list_nanos=listed))
    for hourly in (False, True):
        figures = sum((line.figures for line in await usage(store, around(today), hourly=hourly)), Figures())
        assert (figures.nanos, figures.list_nanos, figures.below_list_nanos) == (32, 21, -4)


async def test_an_hour_that_an_earlier_release_has_begun_is_counted_on(
    store: Store, books: Books, key: Key, today: date, raw: Redis
) -> None:
    await spend(books, key, "call_1", replace(charge(5), list_nanos=9))
    [hour] = raw.scan_iter("*:use:hour:*")
    fields: Any = raw.hgetall(hour)
    [(line, words)] = fields.items()
    raw.hset(hour, line, " ".join(words.split()[:6]))
    [told] = await usage(store, around(today), hourly=True)
    assert (told.figures.nanos, told.figures.list_nanos) == (5, 0)


async def test_hours_go_by_themselves_and_days_stay(books: Books, key: Key, raw: Redis) -> None:
    await spend(books, key, "call_1", charge(5))
    hours = set(raw.scan_iter("*:use:hour:*"))
    (left_s,) = {raw.ttl(each) for each in hours}
    assert 31 * 86400 < left_s <= 32 * 86400
    (day,) = set(raw.scan_iter("*:use:*")) - hours
    assert raw.ttl(day) == -1


async def test_what_an_earlier_release_has_counted_has_no_route(
    store: Store, books: Books, key: Key, raw: Redis, today: date
) -> None:
    await spend(books, key, "call_1", charge(5))
    counted = {"calls": 2, "pictures": 2, "input": 20, "output": 7, "nanos": 9}
    raw.hset(
        layout.use("acme", today), mapping={f"{key.id}|banana|1K|Default|{what}": n for what, n in counted.items()}
    )
    lines = await usage(store, Span(today - DAY, today + DAY))
    assert sorted((line.route, line.group, line.figures.nanos) for line in lines) == [
        ("", "Default", 9),
        ("images.edit", "Default", 5),
    ]


async def test_an_earlier_release_counts_right_what_this_one_has_counted(books: Books, key: Key, raw: Redis) -> None:
    await spend(books, key, "call_1", replace(charge(5), route="images.edit"))
    hours = set(raw.scan_iter("*:use:hour:*"))
    (day,) = set(raw.scan_iter("*:use:*")) - hours
    fields: Any = raw.hkeys(day)
    for field in fields:
        name, _, _ = field.rpartition("|")
        assert [unquote(part) for part in name.split("|")] == [key.id, "banana", "1K", "Default@images.edit"]


async def test_a_charge_settled_twice_is_counted_once(store: Store, books: Books, key: Key, today: date) -> None:
    hold = await reserve(books, "call_1", key, USD, lease_s=480)
    await settle(books, hold, charge(5))
    await settle(books, hold, charge(5))
    for hourly in (False, True):
        [line] = await usage(store, around(today), hourly=hourly)
        assert (line.figures.calls, line.figures.nanos) == (1, 5)


async def test_lines_are_told_apart_whatever_is_in_a_name(store: Store, books: Books, key: Key, today: date) -> None:
    kinds = [
        ("a|b", "1K", "Default", "chat"),
        ("a", "b|1K", "Default", "chat"),
        ("models/a", "1K", "50 % off", "chat"),
        ("ä", "1K", "Default", ""),
        ("a", "1K", "Default@chat", "chat@images"),
        ("a", "1K", "Default", "chat@chat@images"),
    ]
    for n, (model, size, group, route) in enumerate(kinds):
        await spend(books, key, f"call_{n}", replace(charge(n), model=model, size=size, group=group, route=route))
    for hourly in (False, True):
        found = await usage(store, around(today), hourly=hourly)
        assert sorted((line.model, line.size, line.group, line.route, line.figures.nanos) for line in found) == sorted(
            (*kind, n) for n, kind in enumerate(kinds)
        )


async def test_a_report_is_of_one_team_or_key_or_of_all(
    store: Store, books: Books, keys: Keys, key: Key, today: date
) -> None:
    await keys.create_team("beta", now=NOW)
    other, _ = await keys.create_key("beta", name="other", limits=Limits(), now=NOW)
    await spend(books, key, "call_1", charge(5))
    await spend(books, other, "call_2", charge(7))

    async def spenders(team: str | None, key_id: str | None) -> set[str]:
        return {line.key for line in await usage(store, around(today), team=team, key_id=key_id)}

    assert await spenders(None, None) == {key.id, other.id}
    assert await spenders("beta", None) == {other.id}
    assert await spenders(None, key.id) == {key.id}


async def test_days_outside_the_report_are_not_in_it(
    store: Store, books: Books, key: Key, raw: Redis, today: date
) -> None:
    await spend(books, key, "call_1", charge(5))
    (counted,) = set(raw.scan_iter("*:use:*")) - set(raw.scan_iter("*:use:hour:*"))
    raw.rename(counted, layout.use("acme", date(2026, 2, 28)))
    assert await usage(store, Span(date(2026, 3, 1), today + DAY)) == []
    [line] = await usage(store, Span(date(2026, 2, 28), date(2026, 2, 28)))
    assert line.day == "2026-02-28"


SPANS: list[tuple[date | None, date | None, Span]] = [
    (None, None, Span(date(2026, 10, 28), date(2026, 11, 27))),
    (None, date(2026, 3, 31), Span(date(2026, 3, 1), date(2026, 3, 31))),
    (date(2026, 11, 27), None, Span(date(2026, 11, 27), date(2026, 11, 27))),
    (None, date.min, Span(date.min, date.min)),
]


@pytest.mark.parametrize(("since", "until", "days"), SPANS)
def test_a_report_is_of_31_days_unless_somebody_says_otherwise(
    since: date | None, until: date | None, days: Span
) -> None:
    assert span(since, until, date(2026, 11, 27)) == days


@pytest.mark.parametrize(
    ("since", "until", "hourly"),
    [
        (date(2026, 11, 28), None, False),
        (date(2025, 11, 26), None, False),
        (date(2026, 10, 26), None, True),
        (None, date(2026, 10, 26), True),
    ],
)
def test_days_that_no_report_can_be_of_are_refused(since: date | None, until: date | None, hourly: bool) -> None:
    with pytest.raises(BadRequest) as refused:
        span(since, until, date(2026, 11, 27), hourly=hourly)
    assert refused.value.param == "since"


def test_hours_are_told_as_long_as_they_are_kept() -> None:
    assert span(date(2026, 10, 27), None, date(2026, 11, 27), hourly=True).since == date(2026, 10, 27)
