"""Budgets of a day and a month, soft ones, rates, and how many calls run: kept to the last of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from gateway.core.books import Account, Balance, Hold
from gateway.core.budgets import Alert, Budget, Period, Rates, day_of
from gateway.core.errors import BadRequest, OverBudget, TooFast
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, PEPPER, USD, charge, reserve, settle, void
from tests.ledger.servers import start
from tests.waiting import eventually

CENT = USD // 100
MIDNIGHT = datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC)  # in ten seconds a day begins, and a month


NO_LIMITS = Limits()


async def key_of(keys: Keys, limits: Limits = NO_LIMITS, team: TeamLimits = TeamLimits()) -> Key:
    await keys.create_team("acme", limits=team, now=NOW)
    key, _ = await keys.create_key("acme", name="ci", limits=limits, now=NOW)
    return key


async def admitted(books: Books, key: Key, nanos: int, *, calls: int, prefix: str = "call") -> list[Hold]:
    """The holds of those of so many calls at the same time that were let in."""
    tried = (reserve(books, f"{prefix}_{number}", key, nanos) for number in range(calls))
    results = await asyncio.gather(*tried, return_exceptions=True)
    refused = [each for each in results if not isinstance(each, Hold)]
    assert all(isinstance(each, OverBudget | TooFast) for each in refused), refused
    return [each for each in results if isinstance(each, Hold)]


async def faults(books: Books) -> list[str]:
    return [fault async for each in verify(books) for fault in each.faults]


@pytest.mark.parametrize("period", [Period.DAY, Period.MONTH])
@pytest.mark.parametrize("whose", ["key", "team"])
async def test_no_more_is_let_in_than_a_day_or_a_month_allows(
    books: Books, keys: Keys, whose: str, period: Period
) -> None:
    budget = Budget(day_nanos=10 * CENT) if period is Period.DAY else Budget(month_nanos=10 * CENT)
    key = await key_of(keys, *((Limits(budget), TeamLimits()) if whose == "key" else (Limits(), TeamLimits(budget))))
    holds = await admitted(books, key, CENT, calls=50)
    assert len(holds) == 10
    with pytest.raises(OverBudget, match=f"the {whose}'s budget of \\$0.1 a {period} \\$0 is left") as caught:
        await reserve(books, "late", key, CENT)
    assert "come back when the next begins, at " in caught.value.message
    assert caught.value.retry_after_s
    for hold in holds[:4]:
        await settle(books, hold, charge(CENT // 2))
    for hold in holds[4:6]:
        await void(books, hold, "no answer")
    account = await books.account("acme", key.id)
    assert (account.day.spent_nanos, account.day.held_nanos) == (2 * CENT, 4 * CENT)
    assert len(await admitted(books, key, CENT, calls=50, prefix="more")) == 4
    assert await faults(books) == []


async def test_what_a_call_counts_in_is_the_day_in_which_it_was_admitted(books: Books, keys: Keys, raw: Redis) -> None:
    key = await key_of(keys)
    hold = await reserve(books, "call_1", key, 3 * CENT)
    day, _ = map(int, hold.since.split())
    assert day == day_of(time.time(), UTC).begins
    await settle(books, hold, charge(2 * CENT))
    balance = Balance(2 * CENT, 0, None)
    assert await books.account("acme") == await books.account("acme", key.id) == Account(balance, balance, balance, 0)
    assert await faults(books) == []


async def test_a_day_that_is_over_stands_beside_the_account_and_comes_back_whole(
    books: Books, keys: Keys, raw: Redis
) -> None:
    """A time zone that is changed, and changed back, makes it the present one again."""
    key = await key_of(keys, Limits(Budget(day_nanos=6 * CENT)))
    first = await reserve(books, "call_1", key, 3 * CENT)
    await keys.update_team("acme", name="", limits=TeamLimits(time_zone="Pacific/Kiritimati"))
    await settle(books, await reserve(books, "call_2", key, CENT), charge(CENT))
    utc = layout.sums("acme", "day", int(first.since.split()[0]))
    assert raw.hgetall(utc) == {"team|held": str(3 * CENT), f"{key.id}|held": str(3 * CENT)}
    assert raw.ttl(utc) > 0

    await settle(books, first, charge(2 * CENT))
    held, spent = {"team|held": "0", f"{key.id}|held": "0"}, {"team|spent": "20000000", f"{key.id}|spent": "20000000"}
    assert raw.hgetall(utc) == held | spent
    assert (await books.account("acme", key.id)).day == Balance(CENT, 0, 6 * CENT)
    assert await faults(books) == []

    await keys.update_team("acme", name="", limits=TeamLimits())
    assert len(await admitted(books, key, CENT, calls=10, prefix="again")) == 4, "two of six are spent"
    assert raw.exists(utc) == 0
    assert (await books.account("acme", key.id)).day == Balance(2 * CENT, 4 * CENT, 6 * CENT)
    assert await faults(books) == []


async def test_what_an_earlier_release_counts_beside_the_account_counts(books: Books, keys: Keys, raw: Redis) -> None:
    key = await key_of(keys, Limits(Budget(day_nanos=6 * CENT)))
    day = day_of(time.time(), UTC).begins
    raw.hset(layout.sums("acme", "day", day), mapping={"team|spent": 2 * CENT, f"{key.id}|spent": 2 * CENT})
    assert (await books.account("acme", key.id)).day.spent_nanos == 2 * CENT
    assert len(await admitted(books, key, CENT, calls=10)) == 4


COUNTED = ("day", "day_held0", "day_spent0", "month", "month_held0", "month_spent0")


async def test_a_lost_call_is_counted_where_its_hold_was(books: Books, keys: Keys, raw: Redis) -> None:
    key = await key_of(keys)
    hold = await reserve(books, "call_1", key, 3 * CENT)
    raw.delete(layout.call("acme", "call_1"))
    for account in (layout.account("acme"), layout.key("acme", key.id)):
        raw.hset(account, mapping={"held": 0, "running": 0})
        raw.hdel(account, *COUNTED)
    for _ in range(2):
        await settle(books, hold, charge(2 * CENT))
    settled = await books.account("acme", key.id)
    assert (settled.total, settled.day, settled.running) == (Balance(2 * CENT, 0, None), Balance(2 * CENT, 0, None), 0)


@pytest.fixture
async def before_midnight(tmp_path: Path) -> AsyncIterator[Store]:
    server = start("valkey", tmp_path, begins=MIDNIGHT)
    try:
        async with Store.open(server.url, tmp_path) as store:
            yield store
    finally:
        server.stop()


async def test_a_day_and_a_month_begin_by_the_clock_of_the_store(before_midnight: Store) -> None:
    """The gateway's own clock is days away from it, and has no say."""
    keys, books = Keys(before_midnight, PEPPER), Books(before_midnight, time.time)
    key = await key_of(keys, Limits(Budget(day_nanos=5 * CENT, month_nanos=8 * CENT)))
    before = await reserve(books, "call_1", key, 5 * CENT)
    assert before.since == " ".join(str(int(datetime(2026, 11, day, tzinfo=UTC).timestamp())) for day in (30, 1))
    with pytest.raises(OverBudget, match="at 2026-12-01T00:00:00Z") as caught:
        await reserve(books, "call_2", key, CENT)
    assert caught.value.retry_after_s
    assert caught.value.retry_after_s <= 11

    async def anew() -> bool:
        return bool(await admitted(books, key, 5 * CENT, calls=1, prefix="december"))

    await eventually(anew)
    with pytest.raises(OverBudget, match="a day"):
        await reserve(books, "call_3", key, CENT)
    await settle(books, before, charge(4 * CENT))
    account = await books.account("acme", key.id)
    assert (account.day.held_nanos, account.day.spent_nanos) == (5 * CENT, 0), "that was yesterday's"
    assert await faults(books) == []


async def test_days_are_those_of_the_teams_zone(books: Books, keys: Keys) -> None:
    key = await key_of(keys, team=TeamLimits(time_zone="Pacific/Kiritimati"))
    west = await keys.create_team("west", now=NOW, limits=TeamLimits(time_zone="Pacific/Pago_Pago"))
    other, _ = await keys.create_key("west", name="ci", limits=Limits(), now=NOW)
    first, second = await reserve(books, "call_1", key, CENT), await reserve(books, "call_2", other, CENT)
    assert int(first.since.split()[0]) % 86400 == 10 * 3600  # 14 hours ahead of UTC
    assert int(second.since.split()[0]) % 86400 == 11 * 3600  # 11 behind
    await keys.update_team("west", name=west.name, limits=TeamLimits(time_zone="UTC"))
    third = await reserve(books, "call_3", other, CENT)
    assert int(third.since.split()[0]) % 86400 == 0
    await settle(books, second, charge(CENT, attempt_id="att_2"))
    assert await faults(books) == []


async def test_a_soft_budget_refuses_nothing_and_says_when_it_is_passed(books: Books, keys: Keys) -> None:
    key = await key_of(keys, Limits(Budget(10 * CENT, 5 * CENT, soft=True, alert_percents=(50, 100))))

    async def spend(name: str, cents: int) -> tuple[Alert, ...]:
        hold = await reserve(books, name, key, 20 * CENT)
        await settle(books, hold, charge(cents * CENT, attempt_id=name))
        return hold.alerts

    assert await spend("a", 3) == ()
    assert await spend("b", 3) == (Alert("key", Period.DAY, 50),)
    assert await spend("c", 3) == (Alert("key", Period.TOTAL, 50), Alert("key", Period.DAY, 100))
    assert await spend("d", 9) == ()
    assert await spend("e", 0) == (Alert("key", Period.TOTAL, 100),)
    assert await spend("f", 0) == (), "each is told once"
    await keys.update(key.id, name="ci", limits=Limits(Budget(100 * CENT, soft=True)))
    assert await spend("g", 70) == ()
    assert await spend("h", 0) == (Alert("key", Period.TOTAL, 80),), "and anew where a budget was raised"


async def test_an_alert_of_a_hard_budget_comes_before_it_refuses(books: Books, keys: Keys) -> None:
    key = await key_of(keys, team=TeamLimits(Budget(10 * CENT)))
    hold = await reserve(books, "call_1", key, 8 * CENT)
    assert hold.alerts == ()
    await settle(books, hold, charge(8 * CENT))
    second = await reserve(books, "call_2", key, CENT)
    assert (second.alerts, second.left_nanos) == ((Alert("team", Period.TOTAL, 80),), CENT)


async def test_a_share_that_was_passed_is_told_though_nothing_fits_any_more(books: Books, keys: Keys) -> None:
    key = await key_of(keys, team=TeamLimits(Budget(10 * CENT)))
    await settle(books, await reserve(books, "call_1", key, 9 * CENT), charge(9 * CENT))
    told = []
    for number in range(2):
        with pytest.raises(OverBudget) as caught:
            await reserve(books, f"late_{number}", key, 2 * CENT)
        told.append(caught.value.alerts)
    assert told == [(Alert("team", Period.TOTAL, 80),), ()], "once"


@pytest.mark.parametrize("whose", ["key", "team"])
async def test_so_many_requests_a_minute_and_no_more(books: Books, keys: Keys, whose: str) -> None:
    rates = Rates(requests_per_minute=30)
    limits = (Limits(rates=rates), TeamLimits()) if whose == "key" else (Limits(), TeamLimits(rates=rates))
    key = await key_of(keys, *limits)
    began = time.monotonic()
    let_in = await admitted(books, key, CENT, calls=200)
    assert 30 <= len(let_in) <= 31 + (time.monotonic() - began) / 2
    late = await asyncio.gather(*(reserve(books, f"late_{n}", key, CENT) for n in range(20)), return_exceptions=True)
    refused = [each for each in late if isinstance(each, TooFast)]
    assert f"the {whose} may ask for 30 requests a minute" in refused[0].message
    assert refused[0].retry_after_s in (1, 2)

    async def again() -> bool:
        return bool(await admitted(books, key, CENT, calls=1, prefix=f"again_{time.monotonic_ns()}"))

    await eventually(again)
    assert await reserve(books, let_in[0].call_id, key, CENT), "a call that was let in may be asked for again"


async def test_pictures_are_counted_one_by_one(books: Books, keys: Keys) -> None:
    key = await key_of(keys, Limits(rates=Rates(requests_per_minute=1000, pictures_per_minute=10)))
    assert len(await books.reserve([f"a{n}" for n in range(7)], key, CENT, lease_s=60.0)) == 7
    with pytest.raises(TooFast, match="10 pictures a minute") as caught:
        await books.reserve([f"b{n}" for n in range(7)], key, CENT, lease_s=60.0)
    assert caught.value.retry_after_s
    assert 20 <= caught.value.retry_after_s <= 24
    with pytest.raises(BadRequest, match="asks for 11 pictures, and the key may have 10 pictures a minute"):
        await books.reserve([f"c{n}" for n in range(11)], key, CENT, lease_s=60.0)
    assert len(await books.reserve([f"d{n}" for n in range(3)], key, CENT, lease_s=60.0)) == 3


@pytest.mark.parametrize("whose", ["key", "team"])
async def test_so_many_calls_at_a_time(books: Books, keys: Keys, whose: str) -> None:
    rates = Rates(concurrency=5)
    limits = (Limits(rates=rates), TeamLimits()) if whose == "key" else (Limits(), TeamLimits(rates=rates))
    key = await key_of(keys, *limits)
    holds = await admitted(books, key, CENT, calls=50)
    assert len(holds) == 5
    with pytest.raises(TooFast, match=f"the {whose} may have 5 calls running at a time") as caught:
        await reserve(books, "late", key, CENT)
    assert caught.value.retry_after_s
    with pytest.raises(BadRequest, match="asks for 6 pictures"):
        await books.reserve([f"c{n}" for n in range(6)], key, CENT, lease_s=60.0)
    for _ in range(3):
        await settle(books, holds[0], charge(CENT))
        await void(books, holds[1], "no answer")
    assert len(await admitted(books, key, CENT, calls=50, prefix="more")) == 2
    assert (await books.account("acme")).running == 5
    assert await faults(books) == []


async def test_a_refusal_counts_for_nothing(books: Books, keys: Keys) -> None:
    key = await key_of(keys, Limits(Budget(CENT), rates=Rates(requests_per_minute=2)))
    for number in range(20):
        with pytest.raises(OverBudget):
            await reserve(books, f"dear_{number}", key, 2 * CENT)
    await reserve(books, "call_1", key, CENT // 2)
    await reserve(books, "call_2", key, CENT // 2)
