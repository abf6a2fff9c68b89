"""A caller who speaks HTTP by hand, for what no client library would do."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.house import Gateway


@dataclass(frozen=True, slots=True)
class Told:
    """The head of an answer, and its body as far as its length says."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One connection to a gateway."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, method: str, path: str, **headers: str | int) -> None:
        """Sends a head; underscores in header names stand for dashes."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.say("\r\n".join((f"{method} {path} HTTP/1.1", "host: x", *lines, "", "")).encode())

    async def say(self, piece: bytes) -> None:
        self.writer.write(piece)
        await self.writer.drain()

    async def told(self) -> Told:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Told(int(first.split(" ")[1]), headers, body)

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def line_to(gateway: Gateway) -> AsyncIterator[Line]:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
