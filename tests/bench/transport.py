"""`python -m tests.bench.transport`: what a call to the upstream takes of a processor, by what carries it.

The upstream is a process of its own, and only this one is measured. The ways take turns, each round begins with
another, and the round in the middle counts. Figures of a busy machine are good as ratios within one run.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import cast

import httpx2
import uvloop

from gateway.upstream.transport import Transport

MB = 10**6
SMALL_BYTES = 600
UNLIMITED = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
PROMPT = b'{"contents":[{"parts":[{"text":"a banana"}]}]}' * 3

Call = Callable[[str, bytes], Awaitable[int]]  # the size of the answer


@dataclass(frozen=True)
class Case:
    """So many calls, so many at a time. `unit_bytes` is what a figure is for; None: for a call."""

    name: str
    calls: int
    together: int
    up: bytes
    down_bytes: int
    unit_bytes: int | None = None

    @property
    def unit(self) -> str:
        return "us a call" if self.unit_bytes is None else "us a MB"

    def figure(self, cpu_s: float) -> float:
        units = self.calls if self.unit_bytes is None else self.calls * self.unit_bytes / MB
        return cpu_s / units * 1e6


def cases(scale: float) -> list[Case]:
    heavy = 16 * MB
    few, many = max(1, round(8 * scale)), max(1, round(2000 * scale))
    return [
        Case("small, 1 at a time", max(1, many // 4), 1, PROMPT, SMALL_BYTES),
        Case("small, 32 at a time", many, 32, PROMPT, SMALL_BYTES),
        Case("small, 256 at a time", many, 256, PROMPT, SMALL_BYTES),
        Case("16 MB answers, 4 at a time", few, 4, PROMPT, heavy, heavy),
        Case("16 MB requests, 4 at a time", few, 4, bytes(heavy), SMALL_BYTES, heavy),
    ]


@asynccontextmanager
async def _by_client(transport: httpx2.AsyncBaseTransport) -> AsyncIterator[Call]:
    async with httpx2.AsyncClient(transport=transport, timeout=None) as client:

        async def call(url: str, body: bytes) -> int:
            async with client.stream("POST", url, content=body) as response:
                return await _size(response.aiter_raw())

        yield call


@asynccontextmanager
async def _direct(transport: httpx2.AsyncBaseTransport) -> AsyncIterator[Call]:
    async with transport:

        async def call(url: str, body: bytes) -> int:
            response = await transport.handle_async_request(httpx2.Request("POST", _parsed(url), content=body))
            try:
                assert isinstance(response.stream, httpx2.AsyncByteStream)
                return await _size(aiter(response.stream))
            finally:
                await response.aclose()

        yield call


# As `Client` does: to parse an address takes a quarter of the time that sending there takes.
_parsed = lru_cache(httpx2.URL)


async def _size(pieces: AsyncIterator[bytes]) -> int:
    size = 0
    async for piece in pieces:
        size += len(piece)
    return size


def ways(trust: ssl.SSLContext) -> dict[str, Callable[[], AbstractAsyncContextManager[Call]]]:
    def theirs() -> httpx2.AsyncBaseTransport:
        return httpx2.AsyncHTTPTransport(verify=trust, trust_env=False, limits=UNLIMITED)

    return {
        "httpx2 by AsyncClient": lambda: _by_client(theirs()),
        "httpx2 directly": lambda: _direct(theirs()),
        "own by AsyncClient": lambda: _by_client(Transport(trust)),
        "own directly": lambda: _direct(Transport(trust)),
    }


async def cpu_s(call: Call, url: str, case: Case) -> float:
    """What this process took for the calls of a case, once its connections stood."""
    target, left = f"{url}/{case.down_bytes}", 0

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await call(target, case.up) == case.down_bytes

    async def callers() -> None:
        await asyncio.gather(*(caller() for _ in range(case.together)))

    left = case.together
    await callers()
    left, began = case.calls, time.process_time()
    await callers()
    return time.process_time() - began


async def measured(url: str, rounds: int, scale: float) -> dict[str, dict[str, float]]:
    """Figures by case and way."""
    making = ways(ssl.create_default_context())
    found: dict[str, dict[str, list[float]]] = {case.name: {way: [] for way in making} for case in cases(scale)}
    for number in range(rounds):
        turn = number % len(making)
        for case in cases(scale):
            for way in [*making][turn:] + [*making][:turn]:
                async with making[way]() as call:
                    found[case.name][way].append(case.figure(await cpu_s(call, url, case)))
    return {name: {way: median(figures) for way, figures in by_way.items()} for name, by_way in found.items()}


def table(found: dict[str, dict[str, float]], units: dict[str, str]) -> Iterator[str]:
    names = [*next(iter(found.values()))]
    yield f"{'':28}" + "".join(f"{name:>24}" for name in names)
    for case, by_way in found.items():
        least = min(by_way.values())
        cells = (f"{figure:,.0f} {units[case]} ({figure / least:.1f}x)" for figure in by_way.values())
        yield f"{case:28}" + "".join(f"{cell:>24}" for cell in cells)


class Upstream(asyncio.Protocol):
    """Answers `/N` with N bytes, once the whole request is there."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, ends, data = self._head.partition(b"\r\n\r\n")
            if not ends:
                return
            self._left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self._head = head
        self._left -= len(data)
        if not self._left:
            size = int(self._head.partition(b" /")[2].partition(b" ")[0])
            self._head = b""
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            self._transport.write(_body(size))


_body = lru_cache(bytes)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def upstream() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.transport", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.transport", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="the one in the middle counts (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="times 2000 small and 8 large calls (default: 1)")
    parser.add_argument("--serve", action="store_true", help="be the upstream, and say at which port")
    return parser


def main() -> None:
    asked = words().parse_args()
    if asked.serve:
        uvloop.run(_serve())
        return
    with upstream() as url:
        found = uvloop.run(measured(url, asked.rounds, asked.scale))
    print(*table(found, {case.name: case.unit for case in cases(asked.scale)}), sep="\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
