"""An upstream of raw bytes: it reads one request after another and does with each what its script says.

One fault, one function. A fault ends by returning, and the connection then takes the next request;
or by hanging up.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came. `connection` counts the connections from 1."""

    connection: int
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, and the connection to answer it on."""

    received: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    def hang_up(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Ends the connection with RST instead of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_caller_leaves(self) -> None:
        with suppress(ConnectionError):
            await self.reader.read()


Script = Callable[[Turn], Awaitable[None]]
Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(converse: Converse, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that holds this conversation with whoever connects. At the end all of them are over."""
    running: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the caller hung up
            await converse(reader, writer)
        writer.close()
        with suppress(ConnectionError, TimeoutError, ssl.SSLError):  # not everybody says goodbye
            await writer.wait_closed()
        del running[task]

    goodbye_s = 1.0 if tls else None
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, ssl_shutdown_timeout=goodbye_s)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in running.values():
            writer.transport.abort()
        await asyncio.gather(*running)
        await server.wait_closed()


@dataclass(slots=True)
class Server:
    """`open` counts the connections that have not ended on either side."""

    script: Script
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    @classmethod
    @asynccontextmanager
    async def running(cls, script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Self, str]]:
        """The server and its address."""
        server = cls(script)
        async with listening(server._connected, tls) as url:
            yield server, url

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._converse(self.connections, reader, writer)
        finally:
            self.open -= 1

    async def _converse(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            received = Received(number, request.split(" ")[1], headers, body)
            self.received.append(received)
            await self.script(Turn(received, reader, writer))


def head(status: int = 200, **headers: str | int) -> bytes:
    """The head of an answer; underscores in names stand for dashes."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((f"HTTP/1.1 {status} Whatever", *lines, "", "")).encode()


def answer(body: bytes, status: int = 200, **headers: str | int) -> bytes:
    """A whole answer."""
    return head(status, content_type="application/json", content_length=len(body), **headers) + body


def says(*pieces: bytes) -> Script:
    async def script(turn: Turn) -> None:
        await turn.say(*pieces)

    return script


def says_and_hangs_up(*pieces: bytes) -> Script:
    async def script(turn: Turn) -> None:
        await turn.say(*pieces)
        turn.hang_up()

    return script


def says_and_falls_silent(*pieces: bytes) -> Script:
    async def script(turn: Turn) -> None:
        await turn.say(*pieces)
        await turn.until_caller_leaves()

    return script


async def resets(turn: Turn) -> None:
    turn.reset()


def in_turn(*scripts: Script) -> Script:
    """The first request is for the first script, the next for the next."""
    left = iter(scripts)

    async def script(turn: Turn) -> None:
        await next(left)(turn)

    return script
