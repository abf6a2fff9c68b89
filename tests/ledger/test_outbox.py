"""Writes that are made whatever happens: to the store, and to the process that owes them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from redis import Redis

from gateway.core.allowance import Purpose
from gateway.core.books import Balance, Hold
from gateway.core.budgets import Budget
from gateway.core.errors import BooksAway
from gateway.core.events import Event, JournalAdopted, StoreLost, StoreRolledBack
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout, writes
from gateway.ledger.allowances import Allowances
from gateway.ledger.budget import Books
from gateway.ledger.errors import StoreError
from gateway.ledger.keys import Keys
from gateway.ledger.outbox import Outbox
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, PEPPER, USD, audit, charge, reserve, rows
from tests.ledger.test_journal import full_disk
from tests.losable import LosableStore
from tests.waiting import eventually

Opened = Callable[[], AbstractAsyncContextManager[Outbox]]


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def opened(store: Store, tmp_path: Path, told: list[Event]) -> Opened:
    """Opens the outbox of another process at each call."""
    return lambda: Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW)


@pytest.fixture
async def hold(books: Books, key: Key) -> Hold:
    return await reserve(books, "call_1", key, USD)


async def test_what_is_owed_is_made_and_then_over(opened: Opened, books: Books, key: Key, hold: Hold) -> None:
    async with opened() as outbox:
        (promised,) = outbox.in_case(writes.void(hold, "lost"))
        assert outbox.promises == {"owed": 0, "in_case": 1}
        await outbox.surely("settle", [writes.settle(hold, charge(USD // 2))], instead_of=[promised])
        assert await books.balance(key) == Balance(USD // 2, 0, 100 * USD)
        assert outbox.promises == {"owed": 0, "in_case": 0}


async def test_what_was_promised_in_case_is_made_by_whoever_finds_it(
    opened: Opened, books: Books, key: Key, hold: Hold, told: list[Event]
) -> None:
    feared = charge(USD // 3, attempt_id="call_1-1")
    async with opened() as outbox:
        lost = writes.operator(feared, call_id="call_1", team="acme", why=writes.UNSETTLED)
        outbox.in_case(writes.void(hold, "lost"), lost)
    async with opened() as another:
        await another.adopt()
        assert await books.balance(key) == Balance(0, 0, 100 * USD)
        assert (await books.operator_balance()).held_nanos == USD // 3
        assert told == [JournalAdopted(owed=0, in_case=2, told=0, damaged=0)]
        await another.adopt()
        assert len(told) == 1, "once"


async def test_what_is_promised_in_case_replaces_what_was_promised_before(
    opened: Opened, books: Books, key: Key, hold: Hold, told: list[Event]
) -> None:
    feared = writes.operator(charge(USD // 3), call_id="call_1", team="acme", why=writes.UNSETTLED)
    async with opened() as outbox:
        before = outbox.in_case(writes.void(hold, "lost"))
        outbox.in_case(feared, instead_of=before)
    async with opened() as another:
        await another.adopt()
    assert (await books.balance(key)).held_nanos == USD
    assert told == [JournalAdopted(owed=0, in_case=1, told=0, damaged=0)]


async def test_what_is_past_is_not_made_by_whoever_finds_it(
    opened: Opened, books: Books, key: Key, hold: Hold, told: list[Event]
) -> None:
    async with opened() as outbox:
        promised = outbox.in_case(writes.void(hold, "lost"), writes.void(hold, "lost again"))
        outbox.past(promised[:1])
        outbox.forget(promised[1:])
    async with opened() as another:
        await another.adopt()
    assert (await books.balance(key)).held_nanos == USD
    assert told == []


async def test_what_was_made_lately_is_told_to_a_store_that_has_lost_it(
    opened: Opened, raw: Redis, keys: Keys, books: Books, key: Key, hold: Hold, told: list[Event]
) -> None:
    other = await reserve(books, "call_2", key, USD)
    async with opened() as outbox:
        outbox.in_case(writes.void(other, "lost"))  # so that it leaves a journal
        await outbox.surely("settle", [writes.settle(hold, charge(USD // 2))])
    raw.flushall()
    await keys.create_team("acme", limits=TeamLimits(Budget(100 * USD)), now=NOW)
    async with opened() as another:
        await another.adopt()
    assert (await books.team_balance("acme")).spent_nanos == USD // 2
    assert told == [JournalAdopted(owed=0, in_case=1, told=1, damaged=0)]
    audit(raw, "acme")


async def test_of_what_is_made_again_the_last_word_counts(
    opened: Opened, raw: Redis, store: Store, keys: Keys, books: Books, key: Key, hold: Hold
) -> None:
    allowances = Allowances(store, {})
    assert await allowances.draw(Purpose.RACES, None, "call_1-2", 1000) is None
    async with opened() as outbox:
        outbox.in_case(writes.void(hold, "lost"))  # so that it leaves a journal
        for nanos in range(200):
            await outbox.surely("correct", writes.correct(Purpose.RACES, None, "call_1-2", nanos))
    async with opened() as another:
        await another.adopt()
    assert (await allowances.of_installation(Purpose.RACES)).hour_nanos == 199


async def test_without_room_to_write_it_is_made_all_the_same_and_told(
    opened: Opened, books: Books, key: Key, hold: Hold, told: list[Event]
) -> None:
    async with opened() as outbox:
        with full_disk(10):
            assert outbox.in_case(writes.void(hold, "lost")) == ()
            assert outbox.failure == "File too large"
            await outbox.surely("settle", [writes.settle(hold, charge(USD // 2))])
        assert await books.balance(key) == Balance(USD // 2, 0, 100 * USD)
        assert {type(event) for event in told} == {StoreLost}
        await outbox.turn()
        assert outbox.failure is None


async def test_a_directory_that_cannot_be_written_stops_the_start_with_one_line(store: Store, tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("not a directory")
    with pytest.raises(StoreError, match=r"^cannot write the journal in .*: Not a directory$"):
        async with Outbox.open(store, tmp_path / "journal", print, lambda: NOW):
            pass


@pytest.fixture
async def losable(tmp_path: Path) -> AsyncIterator[LosableStore]:
    (tmp_path / "losable").mkdir()
    with LosableStore.started(tmp_path / "losable") as running:
        yield running


async def test_what_is_owed_while_the_store_is_away_is_made_when_it_is_back_here_or_by_whoever_finds_it(
    losable: LosableStore, tmp_path: Path, told: list[Event]
) -> None:
    async with Store.open(losable.url, tmp_path) as store:
        keys, books = Keys(store, PEPPER), Books(store, time.time)
        await keys.create_team("acme", now=NOW)
        key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
        holds = [await reserve(books, f"call_{number}", key, USD) for number in range(3)]

        def another() -> AbstractAsyncContextManager[Outbox]:
            return Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW)

        async with another() as outbox:
            with losable.away():
                here = asyncio.create_task(outbox.surely("settle", [writes.settle(holds[0], charge(1))]))
                await outbox.later([writes.void(holds[1], "never begun")])
                await outbox.turn()
                await eventually(lambda: _owed(outbox, 2))
                assert StoreLost in {type(event) for event in told}
            await here
            await outbox.turn()
            assert outbox.promises == {"owed": 0, "in_case": 0}
            with losable.away():
                dies = asyncio.create_task(outbox.surely("settle", [writes.settle(holds[2], charge(2))]))
                await eventually(lambda: _owed(outbox, 1))
                dies.cancel()
                with suppress(asyncio.CancelledError):
                    await dies
        # What was asked of the store goes on though nobody waits for it, and may be made by now; nobody here knows.
        async with another() as finder:
            await finder.adopt()
        assert (await books.team_balance("acme")) == Balance(3, 0, None)
        assert told[-1] == JournalAdopted(owed=1, in_case=0, told=2, damaged=0)


async def _answers(store: Store) -> bool:
    """Once it does: the connections that were open before are not any more."""
    with suppress(BooksAway):
        await store.ping()
        return True
    return False


async def _owed(outbox: Outbox, count: int) -> bool:
    return outbox.promises["owed"] == count


async def test_what_it_costs_is_in_the_ledger_once_however_often_it_is_made(
    opened: Opened, raw: Redis, hold: Hold
) -> None:
    async with opened() as outbox:
        for _ in range(3):
            await outbox.surely("settle", [writes.settle(hold, charge(USD))])
    assert [row["do"] for row in rows(raw, layout.ledger("acme"))] == ["reserve", "settle"]


async def test_a_store_that_went_back_is_told_the_last_hour_again(losable: LosableStore, tmp_path: Path) -> None:
    told: list[Event] = []
    async with Store.open(losable.url, tmp_path) as store:
        keys, books = Keys(store, PEPPER), Books(store, time.time)
        await keys.create_team("acme", now=NOW)
        key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
        async with Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW) as outbox:

            async def spend(number: int) -> None:
                hold = await reserve(books, f"call_{number}", key, USD)
                await outbox.surely("settle", [writes.settle(hold, charge(number, attempt_id=f"att_{number}"))])

            await spend(1)
            await outbox.heal()
            with losable.set_back():
                await eventually(lambda: _answers(store))
                await spend(10)
                await spend(100)
                lost = writes.operator(charge(7), call_id="call_7", team="acme", why="race_loss")
                await outbox.surely("race_loss", [lost])
            await eventually(lambda: _answers(store))
            assert (await books.team_balance("acme")).spent_nanos == 1
            await outbox.heal()
            assert told == [StoreRolledBack(told=4)]
            assert (await books.team_balance("acme")) == Balance(111, 0, None)
            assert (await books.operator_balance()).spent_nanos == 7
            await outbox.heal()
            assert len(told) == 1


async def test_what_the_operator_paid_is_missed_in_a_store_that_went_back_where_no_call_is(
    losable: LosableStore, tmp_path: Path
) -> None:
    """As in a Cluster, whose master of the operator's account goes back alone."""
    told: list[Event] = []
    async with Store.open(losable.url, tmp_path) as store:
        books = Books(store, time.time)
        async with Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW) as outbox:
            with losable.set_back():
                await eventually(lambda: _answers(store))
                await outbox.surely("lost", [writes.operator(charge(7), call_id="c", team="acme", why="race_loss")])
            await eventually(lambda: _answers(store))
            assert (await books.operator_balance()).spent_nanos == 0
            await outbox.heal()
            assert told == [StoreRolledBack(told=1)]
            assert (await books.operator_balance()).spent_nanos == 7


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended"])
async def test_what_a_process_made_that_is_gone_is_told_again_by_another(
    losable: LosableStore, tmp_path: Path, killed: bool
) -> None:
    told: list[Event] = []
    async with Store.open(losable.url, tmp_path) as store:
        keys, books = Keys(store, PEPPER), Books(store, time.time)
        await keys.create_team("acme", now=NOW)
        key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
        holds = [await reserve(books, f"call_{number}", key, USD) for number in range(2)]

        def another() -> AbstractAsyncContextManager[Outbox]:
            return Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW)

        with losable.set_back():
            await eventually(lambda: _answers(store))
            async with another() as outbox:
                promised = outbox.in_case(writes.void(holds[1], "lost"))
                await outbox.surely("settle", [writes.settle(holds[0], charge(7))])
                if not killed:
                    await outbox.surely("void", [writes.void(holds[1], "no answer")], instead_of=promised)
            async with another() as finder:
                await finder.adopt()
                assert (await books.team_balance("acme")) == Balance(7, 0, None)
        told.clear()
        async with another() as finder:
            await eventually(lambda: _answers(store))
            assert (await books.team_balance("acme")) == Balance(0, 2 * USD, None)
            await finder.heal()  # it may come before what others have made is known
            await finder.adopt()
            await finder.heal()
            assert told == [StoreRolledBack(told=2)]
            assert (await books.team_balance("acme")) == Balance(7, 0, None)


async def test_a_store_that_forgot_everything_has_the_charges_of_the_last_hour_again_and_they_are_proven(
    losable: LosableStore, tmp_path: Path
) -> None:
    """And none of the teams, keys and budgets; a team that is made anew has spent what it had spent."""
    told: list[Event] = []
    async with Store.open(losable.url, tmp_path) as store:
        keys, books = Keys(store, PEPPER), Books(store, time.time)
        await keys.create_team("acme", limits=TeamLimits(Budget(100 * USD)), now=NOW)
        key, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
        async with Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW) as outbox:
            await outbox.heal()
            for number in range(3):
                hold = await reserve(books, f"call_{number}", key, USD)
                await outbox.surely("settle", [writes.settle(hold, charge(7, attempt_id=f"att_{number}"))])
            flying = await reserve(books, "call_3", key, USD)
            losable.emptied()
            await eventually(lambda: _answers(store))
            await outbox.heal()
            assert told == [StoreRolledBack(told=3)]
            await outbox.surely("settle", [writes.settle(flying, charge(7, attempt_id="att_3"))])
        found = [each async for each in verify(books)]
        assert [(each.whose, each.sums.spent, each.faults) for each in found] == [("acme", 28, ()), ("operator", 0, ())]
        assert (await keys.teams(), await keys.keys(), await Keys(store, PEPPER).find(secret, NOW)) == ([], [], None)
        await keys.create_team("acme", limits=TeamLimits(Budget(100 * USD)), now=NOW)
        assert await books.team_balance("acme") == Balance(28, 0, 100 * USD)
