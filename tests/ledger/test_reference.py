"""Whatever is asked of the function library, in any order and however often, the books are as they are meant to be."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.core.books import Hold
from gateway.core.budgets import Budget, Rates
from gateway.core.errors import BadRequest, InternalError, OverBudget, TooFast
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout, writes
from gateway.ledger.archive import Archive
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.shelf import Shelf
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, PEPPER, charge
from tests.ledger.reference import Limit, Reference
from tests.ledger.servers import Server

CALLS = st.sampled_from([f"call_{number}" for number in range(6)])
WHOSE = st.sampled_from([0, 1])
AMOUNTS = st.integers(0, 40) | st.sampled_from([10**15, 9 * 10**15])
MOST = st.none() | st.integers(0, 150)
LIMITS = st.builds(Limit, st.builds(Budget, MOST, MOST, MOST, st.booleans()), st.none() | st.integers(1, 4))
ONCE = st.integers(1, 3)
FOREVER = 2**42  # seconds: all rows are older

SAID = {OverBudget: "over", TooFast: "fast", BadRequest: "fast", InternalError: "ended"}


class Machine(RuleBasedStateMachine):
    """Does the same to the books and to the reference; every step may be made several times in a row."""

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.home = TemporaryDirectory()
        self.shelf = Shelf((Path(self.home.name) / "archive",))
        self.opened = Store.open(self.server.url, Path(self.home.name))
        self.store = self.run(self.opened.__aenter__())
        self.books, self.teams = Books(self.store, time.time), Keys(self.store, PEPPER)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.home.cleanup()

    @initialize(team=LIMITS, one=LIMITS, other=LIMITS)
    def begin(self, team: Limit, one: Limit, other: Limit) -> None:
        self.run(self.store.ask("", lambda client: client.flushall()))
        limits = TeamLimits(team.budget, Rates(concurrency=team.concurrency))
        self.run(self.teams.create_team("acme", now=NOW, limits=limits))
        self.keys = [self.run(self._key(each)) for each in (one, other)]
        self.reference = Reference({None: team, self.keys[0].id: one, self.keys[1].id: other})

    async def _key(self, limit: Limit) -> Key:
        limits = Limits(limit.budget, Rates(concurrency=limit.concurrency))
        key, _ = await self.teams.create_key("acme", name="ci", limits=limits, now=NOW)
        return key

    @rule(ids=st.lists(CALLS, min_size=1, max_size=3, unique=True), whose=WHOSE, nanos=AMOUNTS, times=ONCE)
    def reserve(self, ids: list[str], whose: int, nanos: int, times: int) -> None:
        key = self.keys[whose]
        ids = [each for each in ids if self._whose(each) in (None, key.id)]
        for _ in range(times if ids else 0):
            meant = self.reference.reserve(ids, key.id, nanos)
            assert self.run(self._reserved(ids, key, nanos)) == (
                [self.reference.calls[each].held for each in ids] if meant == "open" else meant
            )

    async def _reserved(self, ids: list[str], key: Key, nanos: int) -> list[int] | str:
        """What each holds, or why nothing does."""
        try:
            return [each.nanos for each in await self.books.reserve(ids, key, nanos, lease_s=0.0)]
        except (OverBudget, TooFast, BadRequest, InternalError) as refused:
            return SAID[type(refused)]

    @rule(call_id=CALLS, whose=WHOSE, held=AMOUNTS, nanos=AMOUNTS, times=ONCE)
    def settle(self, call_id: str, whose: int, held: int, nanos: int, times: int) -> None:
        hold = self._hold(call_id, whose, held)
        for _ in range(times):
            self.reference.settle(call_id, hold.key_id, hold.nanos, nanos)
            self.run(self.store.make(writes.settle(hold, charge(nanos, attempt_id=call_id))))

    @rule(call_id=CALLS, whose=WHOSE, times=ONCE)
    def void(self, call_id: str, whose: int, times: int) -> None:
        hold = self._hold(call_id, whose, 0)
        for _ in range(times):
            self.reference.void(call_id, hold.key_id)
            self.run(self.store.make(writes.void(hold, "no answer")))

    @rule(call_id=CALLS, whose=WHOSE, times=ONCE)
    def expire(self, call_id: str, whose: int, times: int) -> None:
        """The lease of every call is over at once, and that of an unsettled one never."""
        hold = self._hold(call_id, whose, 0)
        for _ in range(times):
            self.reference.expire(call_id)
            args = [call_id, hold.key_id, str(10**9)]
            self.run(self.store.call("expire", writes.call_keys(hold), args))

    @rule(longest=st.integers(1, 8))
    def archive(self, longest: int) -> None:
        """Every row but the newest goes into files, so many into one."""
        self.run(self._archived(longest))

    async def _archived(self, longest: int) -> None:
        async for made in Archive(self.store, self.shelf, longest).put_away(FOREVER):
            assert made.rows <= longest

    @invariant()
    def the_books_are_as_they_are_meant(self) -> None:
        for whose in (None, *(key.id for key in self.keys)):
            account = self.run(self.books.account("acme", whose))
            spent, held, running = self.reference.sums(whose)
            assert (account.total.spent_nanos, account.total.held_nanos, account.running) == (spent, held, running)
            for period in (account.day, account.month):
                assert (period.spent_nanos, period.held_nanos) == (spent, held)
        for call_id, call in self.reference.calls.items():
            assert self.run(self.store.record(layout.call("acme", call_id)))["state"] == call.state
        assert self.run(self._faults()) == []

    async def _faults(self) -> list[str]:
        return [
            fault
            for shelf in (None, self.shelf)
            async for each in verify(self.books, shelf=shelf)
            for fault in each.faults
        ]

    def _whose(self, call_id: str) -> str | None:
        call = self.reference.calls.get(call_id)
        return call.key if call is not None else None

    def _hold(self, call_id: str, whose: int, held: int) -> Hold:
        """A call belongs to the key that it was first heard of with, and holds what it held then."""
        known = self.reference.calls.get(call_id)
        key_id, nanos = (known.key, known.held) if known is not None else (self.keys[whose].id, held)
        return Hold(call_id, "acme", key_id, nanos, since=self.books.since_without("acme"))


def test_in_any_order_and_however_often(server: Server) -> None:
    machine = type("Machine", (Machine,), {"server": server})
    machine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)  # type: ignore[attr-defined]
    machine.TestCase().runTest()  # type: ignore[attr-defined]
