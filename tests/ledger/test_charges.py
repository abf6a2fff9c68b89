"""What the ledgers have as billed: charges of callers, what the operator paid, and what was found out later."""

import asyncio
import time
from dataclasses import replace

import pytest

from gateway.core.findings import REACH_S
from gateway.core.keys import Key
from gateway.core.prices import Basis
from gateway.core.reconcile import Paid
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger import charges, writes
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.reaper import Reaper
from gateway.ledger.rows import Rows
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks
from tests.ledger.accounts import USD, charge, operator, reserve, settle, void

SOON_S = 0.001
BEGAN = 1_790_000_000.25


async def found(
    store: Store, *, since: float = 0.0, until: float = float("inf"), lost: list[tuple[float, float]] | None = None
) -> list[Paid]:
    paid: list[Paid] = []
    spans = [] if lost is None else lost

    def lose(begins: float, ends: float) -> None:
        spans.append((begins, ends))

    await charges.read(Rows(store), since=since, until=until, ours=paid.append, lost=lose)
    return paid


async def test_each_attempt_that_was_billed_is_told_once(store: Store, books: Books, keys: Keys, key: Key) -> None:
    before = time.time()
    await settle(books, await reserve(books, "call_1", key, USD), charge(7, attempt_id="att_1"))
    await void(books, await reserve(books, "call_2", key, USD), "no answer")
    await reserve(books, "call_3", key, USD)
    estimate = replace(charge(9, attempt_id="att_4"), basis=Basis.ESTIMATE)
    await operator(books, estimate, call_id="call_4", team="acme", why="truncated")
    await operator(books, charge(11, attempt_id="att_5"), call_id="call_5", team="acme", why=writes.UNSETTLED)
    one, other = await found(store)
    assert one == Paid("att_1", one.at, "banana", "Default", 7, exact=True, tokens=1130)
    assert other == Paid("att_4", other.at, "banana", "Default", 9, exact=False, tokens=1130)
    assert before - 1 <= one.at <= other.at <= time.time() + 1


RESOLVED = [
    (
        Resolved.BILLED,
        Reason.LOG,
        BEGAN + 40,
        Paid("att_1", BEGAN + 40, "banana", "Default", 5, exact=True, tokens=1130),
    ),
    (
        Resolved.BILLED,
        Reason.HAND,
        None,
        Paid("att_1", BEGAN, "banana", "Default", 5, exact=True, reach_s=REACH_S, tokens=1130),
    ),
    (
        Resolved.BILLED,
        Reason.PRESUMED,
        None,
        Paid("att_1", BEGAN, "banana", "Default", 5, exact=False, reach_s=REACH_S, tokens=1130),
    ),
    (Resolved.UNBILLED, Reason.LOG, None, None),
]


@pytest.mark.parametrize(("resolved", "why", "billed_at", "paid"), RESOLVED)
async def test_what_was_found_out_later_is_of_the_time_it_was_billed_at(
    store: Store, books: Books, resolved: Resolved, why: Reason, billed_at: float | None, paid: Paid | None
) -> None:
    feared = charge(USD)
    await store.make(
        writes.operator(feared, call_id="call_1", team="acme", why=writes.UNSETTLED, began_ms=round(BEGAN * 1000))
    )
    await UnsettledBooks(store).resolve("att_1", resolved, why, nanos=5, billed_at=billed_at)
    assert await found(store) == ([paid] if paid else [])
    assert await found(store, since=BEGAN + 60) == []


async def test_only_what_is_of_the_time_is_told(store: Store, books: Books, key: Key) -> None:
    await settle(books, await reserve(books, "call_1", key, USD), charge(7))
    now = time.time()
    assert len(await found(store, since=now - 60, until=now + 60)) == 1
    assert await found(store, since=now + 60) == []
    assert await found(store, until=now - 60) == []


async def test_from_when_to_when_a_call_ran_that_nobody_ended_is_told_and_what_was_paid_for_it(
    store: Store, books: Books, key: Key
) -> None:
    before = time.time()
    await reserve(books, "call_1", key, USD, lease_s=SOON_S)
    await asyncio.sleep(2 * SOON_S)
    reaper, lost = Reaper(store, lambda event: None, unsettled_s=SOON_S), list[tuple[float, float]]()
    await reaper.look("acme")
    await asyncio.sleep(2 * SOON_S)
    await reaper.look("acme")
    (paid,) = await found(store, lost=lost)
    assert (paid.attempt_id, paid.model, paid.nanos) == ("call_1", "", USD)
    ((begins, ends),) = lost
    assert before - 1 <= begins <= ends <= time.time() + 1


async def test_a_call_that_has_not_ended_may_have_sent_attempts_from_its_beginning_on(
    store: Store, books: Books, key: Key
) -> None:
    before, lost = time.time(), list[tuple[float, float]]()
    await reserve(books, "call_1", key, USD)
    await settle(books, await reserve(books, "call_2", key, USD), charge(7))
    await found(store, until=before + 60, lost=lost)
    ((begins, ends),) = lost
    assert before - 1 <= begins
    assert ends == before + 60
