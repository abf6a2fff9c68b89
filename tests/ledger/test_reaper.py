"""Calls that nobody ends: unsettled when their lease is over, the operator's when they were that for long enough."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from gateway.core.books import Balance, Hold
from gateway.core.budgets import Budget
from gateway.core.events import CallUnsettled, Event
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.reaper import Reaper
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, USD, audit, charge, reserve, rows, settle, void

SOON_S = 0.001


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def reaper(store: Store, told: list[Event]) -> Reaper:
    return Reaper(store, told.append)


async def lapsed(books: Books, key: Key, call_id: str = "call_1") -> Hold:
    hold = await reserve(books, call_id, key, USD, lease_s=SOON_S)
    await asyncio.sleep(2 * SOON_S)
    return replace(hold, since="")  # as whoever finds it knows it


async def test_a_call_whose_lease_is_over_is_unsettled_and_holds_its_money(
    reaper: Reaper, books: Books, key: Key, raw: Redis, told: list[Event]
) -> None:
    hold = await lapsed(books, key)
    alive = await reserve(books, "call_2", key, USD, lease_s=480)
    await reaper.look("acme")
    assert told == [CallUnsettled(hold, given_up=False)]
    assert raw.hget(layout.call("acme", hold.call_id), "state") == "unsettled"
    assert raw.hget(layout.call("acme", alive.call_id), "state") == "open"
    assert await books.balance(key) == Balance(0, 2 * USD, 100 * USD)
    await reaper.look("acme")
    assert len(told) == 1, "once"
    audit(raw, "acme")


async def test_whoever_knows_better_ends_it_as_if_nothing_had_been(
    reaper: Reaper, books: Books, key: Key, raw: Redis
) -> None:
    holds = [await lapsed(books, key, f"call_{number}") for number in range(2)]
    await reaper.look("acme")
    await settle(books, holds[0], charge(USD // 2))
    await void(books, holds[1], "lost with its process")
    assert await books.balance(key) == Balance(USD // 2, 0, 100 * USD)
    assert raw.zcard(layout.open_calls("acme")) == 0
    audit(raw, "acme")


async def test_after_some_days_the_operator_has_paid_and_the_callers_money_is_free(
    store: Store, books: Books, key: Key, raw: Redis, told: list[Event]
) -> None:
    hold = await lapsed(books, key)
    impatient = Reaper(store, told.append, unsettled_s=SOON_S)
    await impatient.look("acme")
    await asyncio.sleep(2 * SOON_S)
    await impatient.look("acme")
    assert told == [CallUnsettled(hold, given_up=False), CallUnsettled(hold, given_up=True)]
    assert await books.balance(key) == Balance(0, 0, 100 * USD)
    assert await books.operator_balance() == Balance(USD, 0, None)
    (paid,) = rows(raw, layout.OPERATOR_LEDGER)
    assert (paid["why"], paid["call"], paid["team"], paid["spent"]) == ("given_up", "call_1", "acme", str(USD))
    assert [row["do"] for row in rows(raw, layout.ledger("acme"))] == ["reserve", "unsettled", "void"]
    audit(raw, "acme")


async def test_a_hundred_and_more_are_looked_after_at_once(
    reaper: Reaper, books: Books, key: Key, told: list[Event]
) -> None:
    await books.reserve([f"call_{number}" for number in range(250)], key, USD // 10, lease_s=SOON_S)
    await asyncio.sleep(2 * SOON_S)
    await reaper.look("acme")
    assert len(told) == 250


async def test_one_of_all_gateways_looks(reaper: Reaper, store: Store, books: Books, key: Key) -> None:
    seen: list[Event] = []
    another = Reaper(store, seen.append)
    hold = await lapsed(books, key)
    await another.turn()
    await reaper.turn()
    assert seen == [CallUnsettled(hold, given_up=False)]


EVENTS = ("reserve", "settle", "void", "look", "look")


@given(order=st.permutations(EVENTS * 2))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_in_whatever_order_it_is_found_and_ended_the_books_are_the_same(
    store: Store, books: Books, keys: Keys, raw: Redis, order: list[str]
) -> None:
    raw.flushall()
    await keys.create_team("acme", limits=TeamLimits(Budget(100 * USD)), now=NOW)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    hold, reaper = Hold("call_1", "acme", key.id, USD), Reaper(store, lambda event: None)
    for event in order:
        match event:
            case "reserve":
                raw.hget(layout.call("acme", "call_1"), "state") or await lapsed(books, key)
            case "settle":
                await settle(books, hold, charge(USD // 2))
            case "void":
                await void(books, hold, "lost with its process")
            case _:
                await reaper.look("acme")
    assert await books.team_balance("acme") == Balance(USD // 2, 0, 100 * USD)
    assert raw.zcard(layout.open_calls("acme")) == 0
    audit(raw, "acme")
