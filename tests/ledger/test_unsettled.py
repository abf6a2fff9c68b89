"""Attempts of which nobody knows whether they were billed: noted, listed, and resolved once."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from gateway.core.books import Balance
from gateway.core.errors import NotFound
from gateway.core.events import AttemptPresumed, Event
from gateway.core.keys import Key
from gateway.core.prices import Basis
from gateway.core.unsettled import Reason, Resolution, Resolved, Unsettled, UnsettledCall
from gateway.ledger import layout, writes
from gateway.ledger.budget import Books
from gateway.ledger.reaper import Reaper
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UNSETTLED_S, UnsettledBooks
from gateway.ledger.verify import verify
from tests.ledger.accounts import USD, charge, operator, reserve, rows

BEGAN_MS = 1_790_000_000_250
SOON_S = 0.001


@pytest.fixture
def unsettled(store: Store) -> UnsettledBooks:
    return UnsettledBooks(store)


async def fear(books: Books, attempt_id: str = "att_1", nanos: int = USD) -> None:
    """Puts an attempt on the operator's account of which nobody knows."""
    feared = replace(charge(nanos, attempt_id=attempt_id), basis=Basis.CALL)
    await books.store.make(
        writes.operator(feared, call_id="call_1", team="acme", why=writes.UNSETTLED, began_ms=BEGAN_MS)
    )


async def listed(unsettled: UnsettledBooks) -> list[str]:
    return [each.attempt_id async for each in unsettled.attempts()]


async def faults(books: Books) -> list[str]:
    return [fault async for each in verify(books) for fault in each.faults]


async def test_an_attempt_of_which_nobody_knows_is_listed_with_all_that_is_known(
    unsettled: UnsettledBooks, books: Books
) -> None:
    await fear(books)
    await operator(books, charge(5, attempt_id="att_2"), call_id="call_2", team="acme", why="race_loss")
    (found,) = [each async for each in unsettled.attempts()]
    assert found == Unsettled(
        attempt_id="att_1",
        call_id="call_1",
        team="acme",
        model="banana",
        size="1K",
        group="Default",
        lane="default",
        nanos=USD,
        exact=True,
        at=found.at,
        began=BEGAN_MS / 1000,
    )
    assert found.at > BEGAN_MS / 1000


async def test_more_than_one_page_is_listed_from_the_oldest_on(unsettled: UnsettledBooks, books: Books) -> None:
    names = [f"att_{number:03}" for number in range(450)]
    for name in names:
        await fear(books, name)
    assert await listed(unsettled) == names


RESOLVED = [
    (Resolved.BILLED, None, Balance(USD, 0, None)),
    (Resolved.BILLED, USD // 3, Balance(USD // 3, 0, None)),
    (Resolved.BILLED, 2 * USD, Balance(2 * USD, 0, None)),
    (Resolved.UNBILLED, None, Balance(0, 0, None)),
]


@pytest.mark.parametrize(("resolved", "nanos", "balance"), RESOLVED)
async def test_what_is_found_out_is_spent_or_free_and_a_row_says_why(
    unsettled: UnsettledBooks, books: Books, raw: Redis, resolved: Resolved, nanos: int | None, balance: Balance
) -> None:
    await fear(books)
    made = await unsettled.resolve("att_1", resolved, Reason.HAND, nanos=nanos)
    assert made == Resolution(resolved, balance.spent_nanos, "hand")
    assert await books.operator_balance() == balance
    assert await listed(unsettled) == []
    row = rows(raw, layout.OPERATOR_LEDGER)[-1]
    told = ("do", "attempt", "resolved", "why", "call", "team", "model", "group", "held", "spent", "began")
    assert [row[name] for name in told] == [
        *("resolve", "att_1", resolved, "hand", "call_1", "acme", "banana", "Default"),
        *(str(-USD), str(balance.spent_nanos), str(BEGAN_MS)),
    ]
    assert await faults(books) == []


async def test_what_was_resolved_first_stands(unsettled: UnsettledBooks, books: Books) -> None:
    await fear(books)
    first = await unsettled.resolve("att_1", Resolved.BILLED, Reason.LOG, nanos=7)
    assert await unsettled.resolve("att_1", Resolved.UNBILLED, Reason.HAND) == first
    await fear(books)
    assert await books.operator_balance() == Balance(7, 0, None), "what is told once more does not count again"
    assert await listed(unsettled) == []


EVENTS = ("fear", "billed", "unbilled", "presume")


@given(order=st.permutations(EVENTS * 2))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_in_whatever_order_it_is_told_and_resolved_it_counts_once(
    store: Store, books: Books, unsettled: UnsettledBooks, raw: Redis, order: list[str]
) -> None:
    raw.flushall()
    reaper, first = Reaper(store, lambda event: None, unsettled_s=0.0), order.index("fear")
    resolves = next((event for event in order[first:] if event != "fear"), None)
    for event in order:
        match event:
            case "fear":
                await fear(books)
            case "presume":
                await reaper.presume()
            case _:
                with suppress(NotFound):  # it has not been told yet
                    await unsettled.resolve("att_1", Resolved(event), Reason.HAND, nanos=USD)
    spent = {None: 0, "unbilled": 0}.get(resolves, USD)
    held = USD if resolves is None else 0
    assert await books.operator_balance() == Balance(spent, held, None)
    assert await faults(books) == []


async def test_of_others_nothing_is_known(unsettled: UnsettledBooks, books: Books) -> None:
    await operator(books, charge(5, attempt_id="att_2"), call_id="call_2", team="acme", why="race_loss")
    for attempt_id in ("att_1", "att_2"):
        with pytest.raises(NotFound, match="no unsettled attempt"):
            await unsettled.resolve(attempt_id, Resolved.BILLED, Reason.HAND)
    assert await books.operator_balance() == Balance(5, 0, None)


async def test_after_some_days_it_counts_as_billed(
    store: Store, books: Books, unsettled: UnsettledBooks, raw: Redis
) -> None:
    told: list[Event] = []
    await fear(books)
    await fear(books, "att_2")
    await Reaper(store, told.append).turn()
    assert await books.operator_balance() == Balance(0, 2 * USD, None), "not before"
    raw.zincrby(layout.UNSETTLED, -UNSETTLED_S * 1000, "att_1")
    await Reaper(store, told.append).presume()
    assert await books.operator_balance() == Balance(USD, USD, None)
    assert [event.attempt.attempt_id for event in told if isinstance(event, AttemptPresumed)] == ["att_1"]
    assert rows(raw, layout.OPERATOR_LEDGER)[-1]["why"] == "presumed"
    assert await faults(books) == []


async def test_what_an_older_release_has_noted_is_listed_once_and_counts_by_the_same_rule(
    store: Store, books: Books, unsettled: UnsettledBooks, raw: Redis
) -> None:
    for number in range(4):
        await fear(books, f"att_{number}")
    (first, *_) = [each async for each in unsettled.attempts()]
    await unsettled.resolve("att_1", Resolved.BILLED, Reason.HAND)
    await unsettled.resolve("att_2", Resolved.UNBILLED, Reason.HAND)
    raw.delete(f"{layout.UNSETTLED}:att_2", "{op}:attempt:att_2")  # as in some months
    raw.delete(layout.UNSETTLED, f"{layout.UNSETTLED}:att_0")
    await fear(books, "att_0")
    assert await listed(unsettled) == []
    with pytest.raises(NotFound):
        await unsettled.resolve("att_0", Resolved.BILLED, Reason.HAND)

    raw.delete(f"{layout.UNSETTLED}:att_3")
    assert await unsettled.adopt() == 2
    assert await unsettled.adopt() == 0
    assert await listed(unsettled) == ["att_0", "att_3"]
    (found, *_) = [each async for each in unsettled.attempts()]
    assert replace(found, at=first.at) == first
    assert found.at == pytest.approx(first.at, abs=1)
    await Reaper(store, lambda event: None, unsettled_s=0.0).presume()
    assert await books.operator_balance() == Balance(3 * USD, 0, None)
    assert await faults(books) == []


async def test_a_gateway_that_starts_adopts_them_and_once_a_day_those_that_came_since(
    store: Store, books: Books, unsettled: UnsettledBooks, raw: Redis
) -> None:
    await fear(books)
    raw.delete(layout.UNSETTLED, f"{layout.UNSETTLED}:att_1")
    reaper = Reaper(store, lambda event: None)
    await reaper.turn()
    assert await listed(unsettled) == ["att_1"]

    await fear(books, "att_2")
    raw.delete(layout.UNSETTLED, f"{layout.UNSETTLED}:att_1", f"{layout.UNSETTLED}:att_2")
    await reaper.presume()
    assert await listed(unsettled) == []
    reaper._turns = 8640
    await reaper.presume()
    assert await listed(unsettled) == ["att_1", "att_2"]


async def test_calls_that_nobody_ended_are_listed_and_those_that_run_are_not(
    store: Store, books: Books, key: Key, unsettled: UnsettledBooks
) -> None:
    await reserve(books, "call_1", key, USD, lease_s=SOON_S)
    await reserve(books, "call_2", key, USD)
    await asyncio.sleep(2 * SOON_S)
    await Reaper(store, lambda event: None).look("acme")
    (found,) = await unsettled.calls()
    assert found == UnsettledCall("call_1", "acme", key.id, USD, found.until)
