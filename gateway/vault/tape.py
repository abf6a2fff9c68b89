"""The bytes of one answer: written once, in order, and read by any number of readers, each at its own pace.

It is in memory, in the very chunks that came, as long as all tapes together have room there; then what does not fit
goes to the disk. `put` waits for the disk and for nobody else, so that an answer comes in as fast as it is sent,
whoever reads it.

Where there is no room on disk the tape is not whole any more. Then it is a pipe: who reads it at that
moment gets everything, and slows the answer down to the pace of the slowest; for nobody it keeps nothing.

Whoever makes a tape calls `drop` when nobody will want its bytes any more. One event loop; one writer.
"""

import asyncio
import weakref
from bisect import bisect_right
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from gateway.flag import Flag
from gateway.vault.spools import Spool, Spools

# Where there is no room, each tape has this much in memory all the same before it is written at once: a thread for
# each of the upstream's small chunks would be dear. Of very many it is a part of `_WINDOWS_BYTES`.
WINDOW_BYTES = 1024 * 1024
_LEAST_WINDOW_BYTES = 64 * 1024
_WINDOWS_BYTES = 32 * WINDOW_BYTES

# Read from the disk at once: a multiple of three, as what the vault reads.
PIECE_BYTES = 3 * 256 * 1024
_LEAST_PIECE_BYTES = 3 * 32 * 1024


class TapeLost(Exception):
    """The bytes were not kept, or are not any more."""


class Tape:
    """Where it may not be `on_disk`, it is as where there is no room there.

    `size`: the bytes that came so far. `closed`: there will be no more. `whole`: all that came are kept."""

    def __init__(self, spools: Spools, *, on_disk: bool = True) -> None:
        self.size = 0
        self.closed = False
        self.whole = True
        self._spools = spools
        self._may_be_on_disk = on_disk
        self._spool: Spool | None = None
        self._on_disk = 0  # the bytes before this one are in the spool
        self._in_memory = 0  # the bytes from this one on are in the chunks
        self._chunks: list[bytes] = []
        self._ends: list[int] = []  # of each chunk, counted from the tape's beginning
        self._dropped = False
        self._bounded = True
        self._readers: dict[int, weakref.ref[Reader]] = {}
        self._numbers = count()
        self._moved = Flag()

    async def put(self, chunk: bytes) -> None:
        """Adds a chunk. Waits for the disk; on a tape that is not whole, for the slowest of its readers."""
        while not self.whole and self._bounded and self._readers and self.size - self._in_memory >= self._window_bytes:
            await self._wait()
        if not self.size and chunk:
            self._spools.tapes += 1
        self.size += len(chunk)
        if self._dropped or not chunk:
            return
        self._chunks.append(chunk)
        self._ends.append(self.size)
        self._spools.held_bytes += len(chunk)
        self._moved.set()
        if not self.whole:
            self._trim()
        elif self._spools.held_bytes > self._spools.memory_bytes and self.size - self._on_disk >= self._window_bytes:
            await self._flush()

    def widen(self) -> None:
        """Waits for no reader any more, who first wants to see it closed: without room on disk it is in memory then."""
        self._bounded = False
        self._moved.set()

    def close(self) -> None:
        """No chunk will follow."""
        self.closed = True
        self._moved.set()

    def read(self, begin: int = 0, end: int | None = None) -> "Reader":
        """All bytes from `begin` to before `end`, those that are still to come too; None: to the last there will be.

        Raises `TapeLost` where they are gone.

        Who has a reader counts as reading from here on, whether or not the first step is done.
        """
        if self._dropped or (begin < self._in_memory and self._spool is None):
            raise TapeLost
        number, loop = next(self._numbers), asyncio.get_running_loop()

        def forgotten(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self.leave, number)

        reader = Reader(self, number, begin, end)
        self._readers[number] = weakref.ref(reader, forgotten)
        return reader

    def __aiter__(self) -> "Reader":
        return self.read()

    async def piece(self, reader: "Reader") -> bytes:
        """What comes next for a reader, who then is behind it; nothing at the end. Raises `TapeLost`."""
        while reader.at != reader.end and not (self.closed and reader.at >= self.size):
            if reader.number not in self._readers:
                raise TapeLost
            if reader.at < self.size:
                on_disk = reader.at < self._in_memory
                piece = await self._from_disk(reader.at) if on_disk else self._from_memory(reader.at)
                if reader.end is not None and len(piece) > reader.end - reader.at:
                    piece = piece[: reader.end - reader.at]
                reader.at += len(piece)
                self._passed()
                return piece
            await self._wait()
        return b""

    def leave(self, number: int) -> None:
        """The reader of this number reads no more."""
        self._readers.pop(number, None)
        self._passed()
        self._moved.set()

    async def keep(self, place: Path) -> None:
        """Makes this file of a closed tape, on the filesystem of the spools. Whoever reads it goes on.

        Raises `TapeLost` where it is not whole, and `OSError`, which leaves it as it was.
        """
        assert self.closed
        if not self.whole:
            raise TapeLost
        spool, at, chunks = self._its_spool(), self._on_disk, self._unwritten()

        def move() -> None:
            spool.write(at, chunks)
            spool.move(place)

        await self._spools.work(move)
        self._spools.give_back(spool)
        self._on_disk = self.size
        self._give_back(self.size)

    def drop(self) -> None:
        """Nobody will want the bytes any more: they go, whoever still reads gets `TapeLost`, and what comes is lost.

        A file that `keep` has made stays.
        """
        self._dropped = True
        self.whole = False
        self._readers.clear()
        self._trim()
        self._moved.set()

    @property
    def _window_bytes(self) -> int:
        return min(WINDOW_BYTES, max(_LEAST_WINDOW_BYTES, _WINDOWS_BYTES // max(1, self._spools.tapes)))

    @property
    def _piece_bytes(self) -> int:
        """Of very many it is less: whoever does not read on has two of them."""
        part = _WINDOWS_BYTES // 2 // max(1, self._spools.tapes)
        return min(PIECE_BYTES, max(_LEAST_PIECE_BYTES, part - part % 3))

    async def _flush(self) -> None:
        """Writes to the disk what is in memory alone; where that fails, the tape is not whole any more.

        Readers that are about to come to it still find it in memory, as far as that is a window.
        """
        spool, at, chunks = self._its_spool(), self._on_disk, self._unwritten()
        if not self._may_be_on_disk or not self._spools.take(spool, self.size - at):
            self._lose()
            return
        try:
            await self._spools.work(lambda: spool.write(at, chunks))
        except OSError:
            self._lose()
        else:
            self._on_disk = self.size
            needed = self._needed
            # Whoever is further behind reads from the disk anyway before they come to it.
            self._give_back(needed if self.size - needed <= self._window_bytes else self.size)

    def _its_spool(self) -> Spool:
        if self._spool is None:
            self._spool = self._spools.spool()
            self._if_forgotten = weakref.finalize(self, self._spools.forget, self._spool)
            self._if_forgotten.atexit = False
        return self._spool

    def _unwritten(self) -> list[bytes]:
        return self._chunks[bisect_right(self._ends, self._on_disk) :]

    @property
    def _needed(self) -> int:
        """From where on there is a reader still to come."""
        return min((reader.at for ref in self._readers.values() if (reader := ref())), default=self.size)

    def _lose(self) -> None:
        self.whole = False
        self._trim()

    def _passed(self) -> None:
        if not self.whole:
            self._trim()

    def _trim(self) -> None:
        """Gives back what none of the readers will come to."""
        needed = self._needed
        if self._spool is not None and needed >= self._on_disk:
            self._if_forgotten.detach()
            self._spools.remove(self._spool)
            self._spool = None
        self._give_back(needed)

    def _give_back(self, before: int) -> None:
        """What ends there, or before, is not in memory any more."""
        passed = bisect_right(self._ends, before)
        if passed:
            self._spools.held_bytes -= self._ends[passed - 1] - self._in_memory
            self._in_memory = self._ends[passed - 1]
            del self._chunks[:passed], self._ends[:passed]
            self._moved.set()

    def __del__(self) -> None:
        self._spools.held_bytes -= sum(map(len, self._chunks))
        self._spools.tapes -= self.size > 0

    def _from_memory(self, at: int) -> bytes:
        number = bisect_right(self._ends, at)
        chunk = self._chunks[number]
        behind = self._ends[number] - at
        return chunk if behind == len(chunk) else chunk[-behind:]

    async def _from_disk(self, at: int) -> bytes:
        spool, size = self._spool, min(self._piece_bytes, self._in_memory - at)
        if spool is None:
            raise TapeLost
        try:
            piece = await self._spools.work(lambda: spool.read(at, size))
        except OSError as failure:
            raise TapeLost from failure
        if not piece:
            raise TapeLost
        return piece

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<Tape {self.size} bytes, {state}, {len(self._readers)} readers{'' if self.whole else ', not whole'}>"


class Reader:
    """Somebody's way through a tape; `at` is the byte that comes next. It is over when it breaks off.

    Ends before the byte `end`, or when the tape is closed and all of it was read. `TapeLost` when the tape was dropped,
    or the reader has left.
    """

    def __init__(self, tape: Tape, number: int, at: int, end: int | None) -> None:
        self.number = number
        self.at = at
        self.end = end
        self._tape = tape

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._tape.piece(self)
        except BaseException:  # a cancel too
            self.leave()
            raise
        if not piece:
            raise StopAsyncIteration
        return piece

    def leave(self) -> None:
        """Reads no more. Whoever waits for its next step gets `TapeLost`."""
        self._tape.leave(self.number)

    async def aclose(self) -> None:
        self.leave()
