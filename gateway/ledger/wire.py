"""Connections to a server on which many may ask at once: on each, answers come in the order in which was asked.

Who asks has one on which nobody waits, as long as there is any: a connection that hangs takes nobody else along. The
client of the library asks itself a hundred things about every command; here it only makes the connections, with
whatever their address says of TLS, users and databases.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from redis._parsers import BaseParser
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

_READ_BYTES = 64 * 1024


class Wire:
    """Connects as more are needed, `most` at a time, and again after one was lost. Sends nothing twice.

    Who has no answer within `patience_s` ends its connection for all: what comes after it would be late too.
    """

    def __init__(self, pool: ConnectionPool, *, most: int, patience_s: float) -> None:
        self._pool = pool
        self._most = most
        self._patience_s = patience_s
        self._lines: list[_Line] = []
        self._quiet: list[_Line] = []  # on which nobody waits; the last is used first
        self._making: dict[asyncio.Task[_Line], None] = {}  # connections that are just being made, the oldest first
        self._turn = 0

    async def ask(self, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        """The answer to each, or its error; raises the library's `ConnectionError` or `TimeoutError`."""
        while self._quiet:
            line = self._quiet.pop()
            if not line.lost:
                return await line.ask(commands)
        if len(self._lines) + len(self._making) < self._most:
            return await (await asyncio.shield(self._make())).ask(commands)
        if not self._lines:
            return await (await asyncio.shield(next(iter(self._making)))).ask(commands)
        self._turn += 1
        return await self._lines[self._turn % len(self._lines)].ask(commands)

    async def aclose(self) -> None:
        for making in list(self._making):
            making.cancel()
        if self._making:
            await asyncio.wait(self._making)
        for line in self._lines.copy():
            await line.aclose()

    def _make(self) -> "asyncio.Task[_Line]":
        making = asyncio.get_running_loop().create_task(self._connected(), name="connect to the store")
        self._making[making] = None
        making.add_done_callback(self._have_made)
        return making

    def _have_made(self, made: "asyncio.Task[_Line]") -> None:
        del self._making[made]
        if not made.cancelled():
            made.exception()  # whoever waits for it hears of it; perhaps nobody does any more

    async def _connected(self) -> "_Line":
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        await connection.connect()  # type: ignore[no-untyped-call]
        line = _Line(*_ends(connection), self._patience_s, self._quiet.append, self._lines.remove)
        self._lines.append(line)
        return line


class _Pending:
    """Who waits for so many answers."""

    __slots__ = ("answers", "count", "over", "since")

    def __init__(self, count: int, since: float) -> None:
        self.count = count
        self.since = since
        self.answers: list[Any] = []
        self.over: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()


class _Line:
    """One connection, from when it is made until it is lost."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        patience_s: float,
        quiet: Callable[["_Line"], None],
        gone: Callable[["_Line"], None],
    ) -> None:
        self.lost = False
        self._quiet = quiet
        self._gone = gone
        self._patience_s = patience_s
        self._pending: deque[_Pending] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._writer = writer
        self._reading = asyncio.get_running_loop().create_task(self._read(reader), name="read the store")

    async def ask(self, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        loop = asyncio.get_running_loop()
        pending = _Pending(len(commands), loop.time())
        self._pending.append(pending)
        self._writer.write(b"".join(map(_packed, commands)))
        if self._watch is None:
            self._watch = loop.call_later(self._patience_s, self._look)
        return await pending.over

    async def aclose(self) -> None:
        self._lose(RedisConnectionError("the connection is closed"))
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read(self, reader: asyncio.StreamReader) -> None:
        replies = hiredis.Reader(
            protocolError=InvalidResponse, replyError=BaseParser.parse_error, encoding="utf-8", errors="strict"
        )
        error: Exception = RedisConnectionError("the server has closed the connection")
        try:
            while data := await reader.read(_READ_BYTES):
                replies.feed(data)
                self._take(replies.gets)
        except (OSError, InvalidResponse, UnicodeDecodeError) as failure:
            error = RedisConnectionError(f"the connection is lost: {failure}")
            error.__cause__ = failure
        finally:
            self._lose(error)

    def _take(self, gets: Callable[[], Any]) -> None:
        while (reply := gets()) is not False:
            if isinstance(reply, hiredis.PushNotification):
                continue
            first = self._pending[0]
            first.answers.append(reply)
            if len(first.answers) == first.count:
                self._pending.popleft()
                if not first.over.done():  # else nobody waits for it any more
                    first.over.set_result(first.answers)
                if not self._pending:
                    self._quiet(self)

    def _look(self) -> None:
        """Whether somebody has waited for too long; one timer for all."""
        self._watch = None
        if not self._pending or self.lost:
            return
        loop = asyncio.get_running_loop()
        left_s = self._pending[0].since + self._patience_s - loop.time()
        if left_s <= 0:
            self._lose(RedisTimeoutError(f"no answer within {self._patience_s:g} s"))
        else:
            self._watch = loop.call_later(left_s, self._look)

    def _lose(self, error: Exception) -> None:
        if self.lost:
            return
        self.lost = True
        self._gone(self)
        if self._watch is not None:
            self._watch.cancel()
        self._writer.transport.abort()
        while self._pending:
            over = self._pending.popleft().over
            if not over.done():
                over.set_exception(error)


def _ends(connection: AbstractConnection) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Takes a connection away from the client's class, which would read every answer by itself."""
    reader, writer = connection._reader, connection._writer  # noqa: SLF001
    assert reader is not None
    assert writer is not None
    connection._reader = connection._writer = None  # noqa: SLF001
    return reader, writer


def _packed(command: tuple[str, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub knows tuples of one alone
    return packed
