"""The ways from a gateway to its store and its seller, on which a message can be held, and the gateway killed then.

A process that is killed while its message is held has done everything before it and nothing after it, which is as
exact as if it could be stopped between two of its instructions: nobody outside can tell the difference.
"""

import asyncio
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.kills.wire import Request, frames, is_of, jobs, pictures, requests

_CHUNK = 1 << 16

# So much of an answer's body is let through where it is to break off.
_BEGUN_BYTES = 64


class Side(Enum):
    """On which side of a message the process dies."""

    UNSENT = "before it is sent"
    UNANSWERED = "before its answer comes"
    BEGUN = "in the middle of its answer"  # of a seller


@dataclass(slots=True)
class Trap:
    """Holds the messages of a kind, and kills the process when those of so many pictures, or jobs, are held."""

    side: Side
    count: int
    function: str = ""  # of the library; empty: requests to the seller
    saying: str = ""  # only what says this too
    sprung: threading.Event = field(default_factory=threading.Event)
    held: set[str] = field(default_factory=set)
    _pid: int | None = None
    _turn: threading.Condition = field(default_factory=threading.Condition)

    def wants(self, command: bytes) -> bool:
        """Whether it is a command of its kind."""
        return self.function != "" and is_of(command, self.function) and self.saying.encode() in command

    def named(self, message: bytes) -> frozenset[str]:
        """What it counts of those that a message names."""
        return jobs(message) if self.function.startswith("job_") else pictures(message)

    def hunt(self, pid: int) -> None:
        """Which process it is for."""
        with self._turn:
            self._pid = pid
            self._look()

    def hold(self, named: frozenset[str]) -> None:
        with self._turn:
            self.held |= named
            self._look()
            self._turn.notify_all()

    def awaited(self, count: int, for_s: float) -> None:
        """Returns when so many are held, or after so long."""
        with self._turn:
            self._turn.wait_for(lambda: len(self.held) >= count, for_s)

    def _look(self) -> None:
        if self._pid is not None and len(self.held) >= self.count and not self.sprung.is_set():
            os.kill(self._pid, signal.SIGKILL)
            self.sprung.set()


@dataclass(slots=True)
class _Link:
    """One connection. Once something of it was held, nothing after that passes, in neither direction."""

    spoiled: bool = False
    due: deque[frozenset[str] | None] = field(default_factory=deque)  # of each answer: what is held with it, if it is
    answer: bytes = b""

    def spoil(self) -> None:
        """From now on."""
        self.spoiled = True
        self.due = deque(frozenset() for _ in self.due)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Way(ABC):
    """Where a gateway believes its partner to be. What a trap holds and the weather loses does not pass."""

    url: str
    trap: Trap | None = None
    cut: bool = False  # no connection comes about, and none stays
    takes: bool = True  # what is asked goes on to the partner
    answers: bool = True  # what is answered comes back
    delay_s: float = 0.0  # for which every answer is late
    _links: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @contextmanager
    def weather(
        self, *, cut: bool = False, takes: bool = True, answers: bool = True, delay_s: float = 0.0
    ) -> Iterator[None]:
        """In the block the way is like this."""
        self.cut, self.takes, self.answers, self.delay_s = cut, takes, answers, delay_s
        if cut:
            self._loop.call_soon_threadsafe(self._abort)
        try:
            yield
        finally:
            self.cut, self.takes, self.answers, self.delay_s = False, True, True, 0.0

    def _abort(self) -> None:
        for each in self._links:
            each.transport.abort()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: Callable[[], Awaitable[_Streams]]
    ) -> None:
        link = _Link()
        self._links.add(writer)
        with suppress(OSError):
            if not self.cut:
                back, on = await there()
                self._links.add(on)
                ways = (self.asked(link, reader, on), self.answered(link, back, writer))
                ends = {asyncio.ensure_future(each) for each in ways}
                _, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for each in others:
                    each.cancel()
                await asyncio.gather(*ends, return_exceptions=True)
                self._links.discard(on)
                on.close()
        self._links.discard(writer)
        writer.close()

    @abstractmethod
    async def asked(self, link: _Link, reader: asyncio.StreamReader, on: asyncio.StreamWriter) -> None:
        """Passes on what is asked, as far as it may."""

    @abstractmethod
    async def answered(self, link: _Link, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes on what is answered, likewise."""


# Of an answer that is held if it names anything: its command did not.
_NAMELESS = frozenset({""})


class StoreWay(Way):
    """Command by command."""

    async def asked(self, link: _Link, reader: asyncio.StreamReader, on: asyncio.StreamWriter) -> None:
        rest = b""
        while (data := await reader.read(_CHUNK)) and not on.is_closing():
            commands, rest = frames(rest + data)
            for command in commands:
                self._ask(link, command, on)
            await on.drain()

    def _ask(self, link: _Link, command: bytes, on: asyncio.StreamWriter) -> None:
        trap = self.trap
        wanted = trap is not None and trap.wants(command)
        caught = trap.named(command) if trap and wanted else frozenset()
        if trap and caught and trap.side is Side.UNSENT:
            link.spoiled = True
            trap.hold(caught)
        elif self.takes:
            if caught:
                link.spoiled = True
            nameless = _NAMELESS if trap and wanted and trap.side is Side.UNANSWERED else None
            link.due.append(caught if link.spoiled else nameless)
            on.write(command)
        else:
            link.spoiled = True

    async def answered(self, link: _Link, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        while (data := await back.read(_CHUNK)) and not writer.is_closing():
            answers, rest = frames(rest + data)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            for answer in answers:
                self._answer(link, answer, writer)
            await writer.drain()

    def _answer(self, link: _Link, answer: bytes, writer: asyncio.StreamWriter) -> None:
        trap, held = self.trap, link.due.popleft()
        if held is _NAMELESS:
            held = (trap and trap.named(answer)) or None
            if held:
                link.spoil()
        if held is not None:
            if held and trap:
                trap.hold(held)
        elif self.answers:
            writer.write(answer)
        else:
            link.spoil()


class SellerWay(Way):
    """Request by request, of which one is answered before the next is sent."""

    async def asked(self, link: _Link, reader: asyncio.StreamReader, on: asyncio.StreamWriter) -> None:
        rest = b""
        while (data := await reader.read(_CHUNK)) and not on.is_closing():
            found, rest = requests(rest + data)
            for request in found:
                self._ask(link, request, on)
            await on.drain()

    def _ask(self, link: _Link, request: Request, on: asyncio.StreamWriter) -> None:
        trap, link.answer = self.trap, b""
        link.due = deque([request.pictures if trap and not trap.function and request.pictures else None])
        if trap and link.due[0] and trap.side is Side.UNSENT:
            trap.hold(link.due[0])
        else:
            on.write(request.whole)

    async def answered(self, link: _Link, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (data := await back.read(_CHUNK)) and not writer.is_closing():
            held = link.due[0]
            if held is None or self.trap is None:
                writer.write(data)
            else:
                link.answer += data
                writer.write(self._let_through(link, held, self.trap))
            await writer.drain()

    def _let_through(self, link: _Link, held: frozenset[str], trap: Trap) -> bytes:
        """As much as may pass now of an answer that is held: all of a refusal."""
        head = link.answer.find(b"\r\n\r\n") + 4
        if head < 4 or link.spoiled:
            return b""
        if not link.answer.startswith(b"HTTP/1.1 200"):
            link.due[0] = None
            return link.answer
        passes = head + _BEGUN_BYTES if trap.side is Side.BEGUN else 0
        if len(link.answer) < passes:
            return b""
        link.spoiled = True
        trap.hold(held)
        return link.answer[:passes]


@contextmanager
def way_to_store(socket: Path, at: Path) -> Iterator[StoreWay]:
    """A way to a store on a socket, which is found at another."""
    way = StoreWay(f"unix://{at}")

    async def there() -> _Streams:
        return await asyncio.open_unix_connection(socket)

    async def listen() -> asyncio.Server:
        return await asyncio.start_unix_server(lambda reader, writer: way.serve(reader, writer, there), at)

    with _running(way, listen):
        yield way


@contextmanager
def way_to_seller(url: str) -> Iterator[SellerWay]:
    """A way to a seller, which is found at another address."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    way = SellerWay("")

    async def there() -> _Streams:
        return await asyncio.open_connection(host, int(port))

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(lambda reader, writer: way.serve(reader, writer, there), "127.0.0.1", 0)

    with _running(way, listen) as server:
        way.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield way


@contextmanager
def _running(way: Way, listen: Callable[[], Awaitable[asyncio.Server]]) -> Iterator[asyncio.Server]:
    """The way, in a thread of its own: a test waits for processes meanwhile."""
    loop = way._loop
    thread = threading.Thread(target=loop.run_forever, name="way")
    thread.start()

    async def started() -> asyncio.Server:
        return await listen()

    async def stopped() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(started(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stopped(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
