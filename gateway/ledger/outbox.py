"""Writes to the books that are made whatever happens: to the store, to the process, to the machine.

Each is in the journal before it is made, and is repeated until the store has it. What another process left
behind is made by whoever finds it. Decides nothing: what is written, and when, is for whoever owes it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from gateway.core.errors import BooksAway
from gateway.core.events import JournalAdopted, Observer, StoreLost, StoreRolledBack
from gateway.ledger import layout
from gateway.ledger.errors import StoreError
from gateway.ledger.frames import Write
from gateway.ledger.journal import Journal, JournalError
from gateway.ledger.orphans import KEPT_S, Orphan, keep, kept, made, orphans, sweep
from gateway.ledger.store import Store
from gateway.ledger.writes import ENDED, Trace, trace

# Between two tries to tell the books, in seconds; the last one goes on.
_AGAIN_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)

# Of many writes so many are made at a time.
_AT_ONCE = 64

TURN_EVERY_S = 5.0
REVIVE_EVERY_S = 1.0

# So many writes are looked for in a store that may have lost them.
_LATELY_KEPT = 20_000


@dataclass(slots=True)
class Outbox:
    """The journal of this process, and the store that it is about.

    While `stopping` says so, nothing is waited for that is in the journal: whoever comes next makes it.
    """

    store: Store
    journal: Journal
    directory: Path
    observe: Observer
    today: Callable[[], float]
    stopping: Callable[[], bool]
    _later: dict[int, Write] = field(default_factory=dict)
    _lately: deque[tuple[float, Trace]] = field(default_factory=lambda: deque(maxlen=_LATELY_KEPT))  # when, and of what
    _heard: set[Path] = field(default_factory=set)  # the journals of others whose writes are in `_lately`
    _sought: tuple[str, set[Path]] | None = None  # where all of `_lately` was last looked for, and what was heard then

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        store: Store,
        directory: Path,
        observe: Observer,
        today: Callable[[], float],
        stopping: Callable[[], bool] = lambda: False,
    ) -> AsyncIterator[Self]:
        """Raises `StoreError` where nothing can be written."""
        async with AsyncExitStack() as stack:
            try:
                journal = await stack.enter_async_context(Journal.open(directory, store.where, today))
            except JournalError as failure:
                raise StoreError(f"cannot write the journal in {directory}: {failure.strerror}") from failure
            yield cls(store, journal, directory, observe, today, stopping)

    @property
    def failure(self) -> str | None:
        """Why nothing can be promised at the moment; None: it can."""
        return self.journal.failure

    @property
    def promises(self) -> Mapping[str, int]:
        """How many writes are owed, and how many are promised in case that this process dies."""
        left = self.journal.left
        return {"owed": len(left.owed), "in_case": len(left.in_case)}

    def in_case(self, *writes: Write, instead_of: Sequence[int] = ()) -> tuple[int, ...]:
        """Promises writes that are to be made if this process dies before it says otherwise, by their numbers.

        They replace what was promised before, if that is told. Where nothing can be written down there is nothing to
        take back. Survives the end of the process at once; that of the machine when `on_disk` says so, for which nobody
        needs to wait whose money the store has set aside.
        """
        return self._promise(in_case=writes, over=instead_of)

    async def on_disk(self) -> None:
        """Returns when all that was promised survives the machine too, or cannot."""
        try:
            await self.journal.on_disk()
        except JournalError as failure:
            self.observe(StoreLost("journal", str(failure)))

    def past(self, numbers: Iterable[int]) -> None:
        """Nothing is to be made of these any more."""
        if over := tuple(numbers):
            self._promise(over=over)

    def forget(self, numbers: Sequence[int]) -> None:
        """The same, where it does no harm if they are made all the same."""
        self.journal.made(numbers)

    async def surely(self, doing: str, writes: Sequence[Write], *, instead_of: Iterable[int] = ()) -> None:
        """Returns when the store has them. From the first moment they are made instead of what was promised in case."""
        numbers = self._promise(owed=writes, over=tuple(instead_of))
        for place, write in enumerate(writes):
            if await self._made(doing, write, written=bool(numbers)):
                self.journal.made(numbers[place : place + 1])

    async def later(self, writes: Sequence[Write], *, instead_of: Iterable[int] = ()) -> None:
        """The same, with a turn to come: returns when it is on the disk that they are owed."""
        numbers = self._promise(owed=writes, over=tuple(instead_of))
        self._later.update(zip(numbers, writes, strict=False))  # without a journal there are no numbers
        await self.on_disk()

    async def turn(self) -> None:
        """Looks after the journal; to be taken every `TURN_EVERY_S`."""
        try:
            await self.journal.turn()
        except JournalError as failure:
            self.observe(StoreLost("journal", str(failure)))
        with suppress(BooksAway):  # then with the next turn
            for number, write in list(self._later.items()):
                await self.store.make(write)
                del self._later[number]
                self.journal.made([number])

    async def revive(self) -> None:
        """Sees that an embedded store runs; to be taken every `REVIVE_EVERY_S`."""
        if await self.store.revive():
            self.observe(StoreLost("revive", "the embedded store had died, and was started again"))

    async def heal(self) -> None:
        """Makes all of the last hour again where the store has lost some of it; to be taken every `TURN_EVERY_S`.

        A store that goes back loses what came last, and of a Cluster one part may. So what was made since the turn
        before the last is looked for, and as much as is remembered where a server is another one, or was started again.
        """
        with suppress(BooksAway):  # then with a turn to come
            await self._heal()

    async def _heal(self) -> None:
        sought = (await self.store.run_id(), self._heard)
        since = self.today() - (2 * TURN_EVERY_S if sought == self._sought else KEPT_S)
        if not await self._there([each for at, each in self._lately if at >= since]):
            await self._tell_again()
        self._sought = sought

    async def _tell_again(self) -> None:
        told = [write for _, write in await asyncio.to_thread(self._of_others, self._kept())]
        told += await self.journal.told(self.today() - KEPT_S)
        if teams := {team for write in told if (team := layout.team_of(write.keys[0]))}:
            await self.store.put(layout.TEAMS, dict.fromkeys(teams, ""))  # they may be forgotten too
        await self._make("heal", told)
        self.observe(StoreRolledBack(len(told)))

    async def _there(self, traces: Sequence[Trace]) -> bool:
        """Whether the store has all of these."""
        calls, marks = ([each.key for each in traces if each.of_call is of_call] for of_call in (True, False))
        ended = all(record.get("state") in ENDED for record in await self.store.records(calls))
        return ended and await self.store.there(marks)

    async def adopt(self) -> None:
        """Makes what processes that are gone have left; to be taken again and again, as long as it takes.

        What they have made and what is made of theirs is looked for in the store from then on, as is our own.
        """
        with ExitStack() as held:
            found = await asyncio.to_thread(held.enter_context, orphans(self.directory, self.today()))
            for orphan in found:
                await self._adopt(orphan)
        await asyncio.to_thread(sweep, self.directory, self.today() - KEPT_S)
        await self._hear()

    async def _hear(self) -> None:
        """What others have made is to be looked for from here on."""
        there = self._kept()
        made_by_others = await asyncio.to_thread(self._of_others, there - self._heard)
        self._lately.extend((at, left) for at, write in made_by_others if (left := trace(write)))
        self._heard = there

    def _kept(self) -> set[Path]:
        return kept(self.directory, self.store.where)

    def _of_others(self, homes: Iterable[Path]) -> list[tuple[float, Write]]:
        """What was made of journals that are kept, in the order in which that was, and when."""
        since = self.today() - KEPT_S
        return sorted((each for home in homes for each in made(home, since)), key=lambda each: each[0])

    async def _adopt(self, orphan: Orphan) -> None:
        owed, in_case = list(orphan.left.owed.values()), list(orphan.left.in_case.values())
        for writes in (orphan.told, owed, in_case):
            await self._make("adopt", writes)
        keep(orphan.home, self.store.where, self.today())
        if orphan.told or orphan.left or orphan.damaged:
            self.observe(JournalAdopted(len(owed), len(in_case), len(orphan.told), orphan.damaged))

    async def _make(self, doing: str, writes: Iterable[Write]) -> None:
        """Makes many, some at once; those with the same keys in their order, since of some the last word counts."""
        rows: defaultdict[int, list[Write]] = defaultdict(list)
        for write in writes:
            rows[hash(write.keys) % _AT_ONCE].append(write)

        async def one_by_one(row: Iterable[Write]) -> None:
            for write in row:
                await self._made(doing, write)

        await asyncio.gather(*(one_by_one(row) for row in rows.values()))

    def _promise(
        self, owed: Sequence[Write] = (), in_case: Sequence[Write] = (), over: Sequence[int] = ()
    ) -> tuple[int, ...]:
        try:
            return self.journal.promise(owed=owed, in_case=in_case, over=over)
        except JournalError as failure:
            self.observe(StoreLost("journal", str(failure)))
            self.journal.made(over)
            return ()

    async def _made(self, doing: str, write: Write, *, written: bool = False) -> bool:
        """Makes it, however long that takes; False: it was left to whoever comes next, since it is `written` down."""
        tries = 0
        while True:
            try:
                await self.store.make(write)
            except BooksAway as away:
                self.observe(StoreLost(doing, str(away)))
                await self.on_disk()
                if written and self.stopping():
                    return False
                await asyncio.sleep(_AGAIN_S[min(tries, len(_AGAIN_S) - 1)])
                tries += 1
            else:
                if left := trace(write):
                    self._lately.append((self.today(), left))
                return True
