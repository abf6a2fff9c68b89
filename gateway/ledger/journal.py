"""The file in which a process writes down what it owes the books before it does anything else about it.

Each process has a directory of its own below `journal`, which it keeps locked for as long as it lives; in
it are files, the oldest first. What becomes of it then is in `orphans`.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self
from uuid import uuid4

from gateway.ledger.disk import sync_directory
from gateway.ledger.frames import Entry, Left, Write, framed, unframed
from gateway.ledger.orphans import KEPT_S, keep, locked, told

# A file that is longer than this is followed by another.
_LONG = 16 << 20


class JournalError(OSError):
    """Nothing can be written down: the disk is full, or gone."""


@dataclass(slots=True)
class _Batch:
    """Entries that go to the disk together."""

    entries: list[Entry] = field(default_factory=list)
    written: bool = False
    failure: OSError | None = None


class Journal:
    """One process's own. `left` is what it has promised and what is not over; `failure` why it cannot promise more."""

    def __init__(self, files: "_Files", today: Callable[[], float]) -> None:
        self.left = Left()
        self.failure: str | None = None
        self._files = files
        self._today = today
        self._numbers = count(1)
        self._batch = _Batch()
        self._turn = asyncio.Lock()
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
        journal = cls(files := _Files(home), today)
        try:
            await journal.write()
            yield journal
        finally:
            with suppress(JournalError):
                await journal.write()
            journal._disk.shutdown()
            files.close()
            if not files.used:
                shutil.rmtree(home)
            elif not journal.left:
                keep(home, store, today())
            os.close(lock)

    async def write(
        self, owed: Sequence[Write] = (), in_case: Sequence[Write] = (), over: Iterable[int] = ()
    ) -> tuple[int, ...]:
        """Promises, and takes back, all at once; gives the number of each promise, in the order given.

        Returns when that is on the disk. Whoever writes while the disk is busy shares the next sync. Raises
        `JournalError`, and then nothing was promised.
        """
        entry = self._entry(owed, in_case, over)
        batch = self._batch
        batch.entries.append(entry)
        async with self._turn:
            if not batch.written:
                self._batch = _Batch()
                await self._flush(batch)
        if batch.failure is not None:
            raise _failed(batch.failure) from batch.failure
        return tuple(number for number, _ in (*entry.owed, *entry.in_case))

    def made(self, numbers: Sequence[int]) -> None:
        """These were made. That goes to the disk with whatever is written next: to lose it costs a repetition."""
        if not numbers:
            return
        entry = self._entry((), (), numbers)
        self.left.read(entry)
        self._batch.entries.append(entry)

    async def told(self, since: float) -> list[Write]:
        """Everything owed that was promised since then and made, as far as files of this process still have it."""
        entries: list[Entry] = []
        await self._on_disk(lambda: entries.extend(self._files.read()))
        return [write for _, write in told(entries, self.left, since)]

    async def turn(self) -> None:
        """Writes what waits, finds out whether a disk that was full still is, and drops files nobody needs."""
        if self._batch.entries or self.failure:
            await self.write()
        oldest = min((*self.left.owed, *self.left.in_case), default=None)
        await self._on_disk(lambda: self._files.drop(oldest, self._today() - KEPT_S))

    def _entry(self, owed: Iterable[Write], in_case: Iterable[Write], over: Iterable[int]) -> Entry:
        numbered = tuple((next(self._numbers), each) for each in owed)
        return Entry(self._today(), numbered, tuple((next(self._numbers), each) for each in in_case), tuple(over))

    async def _flush(self, batch: _Batch) -> None:
        try:
            await self._on_disk(lambda: self._files.append(batch.entries))
        except OSError as failure:
            batch.failure = failure
            self.failure = failure.strerror or str(failure)
        else:
            self.failure = None
            for entry in batch.entries:
                self.left.read(entry)
        batch.written = True

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)

    def __repr__(self) -> str:
        return f"<Journal {len(self.left.owed)} owed, {len(self.left.in_case)} in case>"


@dataclass(slots=True)
class _Segment:
    """One file: until when it was written to, and the highest number that was promised in it."""

    path: Path
    last_at: float = 0.0
    highest: int = 0


class _Files:
    """The files of one process, the last of which is written to. Blocks; one thread alone works with it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._segments: list[_Segment] = []
        self._begun = 0
        self._fd = -1
        self._length = 0

    @property
    def used(self) -> bool:
        """Whether anything was ever promised in them."""
        return any(segment.highest for segment in self._segments)

    def append(self, entries: Sequence[Entry]) -> None:
        """All of them are on the disk, or none is in the file."""
        if self._fd < 0 or self._length >= _LONG:
            self._begin()
        data = b"".join(framed(entry) for entry in entries)
        try:
            _write_all(self._fd, data)
            os.fdatasync(self._fd)
        except OSError:
            self._take_back()
            raise
        self._length += len(data)
        segment = self._segments[-1]
        for entry in entries:
            numbers = (number for number, _ in (*entry.owed, *entry.in_case))
            segment.highest = max(segment.highest, *numbers, 0)
            segment.last_at = entry.at

    def read(self) -> Iterator[Entry]:
        """Everything in them, in the order it was written."""
        return (entry for segment in self._segments for entry in unframed(segment.path.read_bytes()).entries)

    def drop(self, oldest: int | None, before: float) -> None:
        """Removes files in which nothing is left, the oldest first: a later one tells what is over of an earlier."""
        while len(self._segments) > 1:
            first = self._segments[0]
            if first.last_at >= before or (oldest is not None and first.highest >= oldest):
                return
            first.path.unlink()
            del self._segments[0]

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _begin(self) -> None:
        self.close()
        self._begun += 1
        path = self._home / f"{self._begun:06}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._segments.append(_Segment(path))
        self._length = 0
        sync_directory(self._home)

    def _take_back(self) -> None:
        """What was written of a batch that failed is not read later; where even that fails, another file begins."""
        try:
            os.ftruncate(self._fd, self._length)
        except OSError:
            self.close()


def _new_home(directory: Path) -> tuple[Path, int]:
    """A directory that is locked before anybody can find it."""
    home = directory / uuid4().hex
    hidden = home.with_name(f".{home.name}")
    hidden.mkdir(parents=True)
    lock = locked(hidden)
    assert lock is not None
    hidden.rename(home)
    return home, lock


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _failed(failure: OSError) -> JournalError:
    return JournalError(failure.errno, failure.strerror or str(failure))
