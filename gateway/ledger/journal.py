"""The file in which a process writes down what it owes the books before it does anything else about it.

Each process has a directory of its own below `journal`, which it keeps locked for as long as it lives; in
it are files, the oldest first. What becomes of it then is in `orphans`.

What is promised survives the process from that moment on, since it is with the system; and the machine too when it is
synced, some milliseconds later, together with all that was promised meanwhile. Who cannot do without waits for that.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Self
from uuid import uuid4

from gateway.ledger.frames import Entry, Left, Write
from gateway.ledger.orphans import KEPT_S, keep, locked, told
from gateway.ledger.segments import Segments

# What is promised is on the disk so much later, and so often at most a thread is woken for it.
SYNCED_WITHIN_S = 0.02


class JournalError(OSError):
    """Nothing can be written down: the disk is full, or gone."""


class Journal:
    """One process's own. `left` is what it has promised and what is not over; `failure` why it cannot promise more."""

    def __init__(self, segments: Segments, today: Callable[[], float]) -> None:
        self.left = Left()
        self.failure: str | None = None
        self._segments = segments
        self._today = today
        self._numbers = count(1)
        self._waiting: list[Entry] = []  # what goes with whatever is promised next
        self._appended = 0  # how often anything was
        self._synced = 0  # how often that was by the last sync
        self._torn = False  # a sync failed: what the file holds nobody knows
        self._sync: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")

    @classmethod
    @asynccontextmanager
    async def open(cls, directory: Path, store: str, today: Callable[[], float]) -> AsyncIterator[Self]:
        """A new one below this directory, about the store of this name; raises `JournalError`.

        When nothing is left in it at the end it is kept for whoever heals the store, if there was anything.
        """
        try:
            home, lock = _new_home(directory)
        except OSError as failure:
            raise _failed(failure) from failure
        journal = cls(segments := Segments(home), today)
        try:
            journal.promise()
            await journal.on_disk()
            yield journal
        finally:
            with suppress(JournalError):
                journal.promise()
                await journal.on_disk()
            journal._end()
            segments.close()
            if not segments.used:
                shutil.rmtree(home)
            elif not journal.left:
                keep(home, store, today())
            os.close(lock)

    def promise(
        self, owed: Sequence[Write] = (), in_case: Sequence[Write] = (), over: Iterable[int] = ()
    ) -> tuple[int, ...]:
        """Promises, and takes back, all at once; gives the number of each promise, in the order given.

        Raises `JournalError`, and then nothing was promised.
        """
        entry = self._entry(owed, in_case, over)
        try:
            self._segments.append([*self._waiting, entry])
        except OSError as failure:
            raise self._broken(failure) from failure
        self._waiting.clear()
        self.left.read(entry)
        self._appended += 1
        self._sync_soon()
        return tuple(number for number, _ in (*entry.owed, *entry.in_case))

    async def on_disk(self) -> None:
        """Returns when all that was promised so far is on the disk; raises `JournalError`."""
        wanted = self._appended
        while self._synced < wanted:
            await asyncio.shield(self._begin_sync())

    def made(self, numbers: Sequence[int]) -> None:
        """These were made. That is written down with whatever is promised next: to lose it costs a repetition."""
        if not numbers:
            return
        entry = self._entry((), (), numbers)
        self.left.read(entry)
        self._waiting.append(entry)

    async def told(self, since: float) -> list[Write]:
        """Everything owed that was promised since then and made, as far as files of this process still have it."""
        entries: list[Entry] = []
        await self._in_thread(lambda: entries.extend(self._segments.read()))
        return [write for _, write in told(entries, self.left, since)]

    async def turn(self) -> None:
        """Writes what waits, finds out whether a disk that was full still is, and drops files nobody needs."""
        if self._waiting or self.failure:
            self.promise()
        await self.on_disk()
        oldest = min((*self.left.owed, *self.left.in_case), default=None)
        await self._in_thread(lambda: self._segments.drop(oldest, self._today() - KEPT_S))

    def _entry(self, owed: Iterable[Write], in_case: Iterable[Write], over: Iterable[int]) -> Entry:
        numbers = self._numbers
        return Entry(
            self._today(),
            tuple((next(numbers), each) for each in owed),
            tuple((next(numbers), each) for each in in_case),
            tuple(over),
        )

    def _sync_soon(self) -> None:
        if self._soon is None and self._sync is None:
            self._soon = asyncio.get_running_loop().call_later(SYNCED_WITHIN_S, self._begin_sync)

    def _begin_sync(self) -> "asyncio.Task[None]":
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._sync is None:
            self._sync = asyncio.get_running_loop().create_task(self._have_synced(), name="sync the journal")
            self._sync.add_done_callback(self._have_heard)
        return self._sync

    async def _have_synced(self) -> None:
        try:
            if self._torn:
                self._write_again()
            appended, fd = self._appended, self._segments.syncing()
            try:
                await self._in_thread(lambda: os.fdatasync(fd))
            finally:
                os.close(fd)
            self._synced, self.failure = max(appended, self._synced), None
        except OSError as failure:
            self._torn = True
            raise self._broken(failure) from failure
        finally:
            self._sync = None
        if self._appended > self._synced:
            self._sync_soon()

    def _have_heard(self, sync: "asyncio.Task[None]") -> None:
        """Whoever does not wait for it hears of its failure by `failure`."""
        if not sync.cancelled():
            sync.exception()

    def _write_again(self) -> None:
        """All that is left, in a file that nothing has failed in yet."""
        left = self.left
        self._segments.close()
        self._segments.append([Entry(self._today(), tuple(left.owed.items()), tuple(left.in_case.items()))])
        self._torn = False

    def _broken(self, failure: OSError) -> JournalError:
        self.failure = failure.strerror or str(failure)
        return _failed(failure)

    def _end(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
        self._disk.shutdown()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)

    def __repr__(self) -> str:
        return f"<Journal {len(self.left.owed)} owed, {len(self.left.in_case)} in case>"


def _new_home(directory: Path) -> tuple[Path, int]:
    """A directory that is locked before anybody can find it."""
    home = directory / uuid4().hex
    hidden = home.with_name(f".{home.name}")
    hidden.mkdir(parents=True)
    lock = locked(hidden)
    assert lock is not None
    hidden.rename(home)
    return home, lock


def _failed(failure: OSError) -> JournalError:
    return JournalError(failure.errno, failure.strerror or str(failure))
