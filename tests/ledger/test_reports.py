"""Reports: counted as charges are settled, a row for each key, model, size and group of a day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from redis import Redis

from gateway.core.books import Charge, UsageRow
from gateway.core.keys import Key, Limits
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.reports import usage
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


async def test_charges_of_one_kind_are_one_row(store: Store, books: Books, key: Key, today: date) -> None:
    await spend(books, key, "call_1", charge(5))
    await spend(books, key, "call_2", replace(charge(7), pictures=2, usage=None))
    [row] = await usage(store, since=today, until=today + DAY)
    assert replace(row, day="") == UsageRow("", "acme", key.id, "banana", "1K", "Default", 2, 3, 10, 1120, 12)
    assert row.day in {today.isoformat(), (today + DAY).isoformat()}


async def test_a_charge_settled_twice_is_counted_once(store: Store, books: Books, key: Key, today: date) -> None:
    hold = await reserve(books, "call_1", key, USD, lease_s=480)
    await settle(books, hold, charge(5))
    await settle(books, hold, charge(5))
    [row] = await usage(store, since=today, until=today + DAY)
    assert (row.calls, row.nanos) == (1, 5)


async def test_rows_are_told_apart_whatever_is_in_a_name(store: Store, books: Books, key: Key, today: date) -> None:
    kinds = [("a|b", "1K", "Default"), ("a", "b|1K", "Default"), ("models/a", "1K", "50 % off"), ("ä", "1K", "Default")]
    for n, (model, size, group) in enumerate(kinds):
        await spend(books, key, f"call_{n}", replace(charge(n), model=model, size=size, group=group))
    found = await usage(store, since=today, until=today + DAY)
    assert sorted((row.model, row.size, row.group, row.nanos) for row in found) == sorted(
        (*kind, n) for n, kind in enumerate(kinds)
    )


async def test_a_report_is_of_one_team_or_key_or_of_all(
    store: Store, books: Books, keys: Keys, key: Key, today: date
) -> None:
    await keys.create_team("beta", now=NOW)
    other, _ = await keys.create_key("beta", name="other", limits=Limits(), now=NOW)
    await spend(books, key, "call_1", charge(5))
    await spend(books, other, "call_2", charge(7))

    async def spenders(**only: str) -> list[str]:
        return [row.key_id for row in await usage(store, since=today, until=today + DAY, **only)]

    assert await spenders() == [key.id, other.id]
    assert await spenders(team="beta") == [other.id]
    assert await spenders(key_id=key.id) == [key.id]


async def test_days_outside_the_report_are_not_in_it(
    store: Store, books: Books, key: Key, raw: Redis, today: date
) -> None:
    await spend(books, key, "call_1", charge(5))
    [counted] = raw.scan_iter("*:use:*")
    raw.rename(counted, layout.use("acme", date(2026, 2, 28)))
    assert await usage(store, since=date(2026, 3, 1), until=today + DAY) == []
    assert await usage(store, since=today, until=today - DAY) == []
    [row] = await usage(store, since=date(2026, 2, 28), until=date(2026, 2, 28))
    assert row.day == "2026-02-28"
