"""Callers that cost next to nothing: `python -m tests.bench.wire.load` does one job for each line of its input.

A job and what came of it are JSON: see `Job` and `Came`. Every request differs from every other by a number in it.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END = b"0\r\n\r\n"

# What stands for the number of a request.
NUMBER = b"0000000000"

# So many small calls are taken for one figure.
PROBES = 100

_STARTED_NS = time.time_ns()


@dataclass(frozen=True, slots=True)
class Job:
    """`kind`: `closed`, so many connections that ask again as soon as they are answered, for so many seconds; `held`,
    `count` calls, `a_second`, that are all answered in the end, with probes on top meanwhile; `once`, `count` calls at
    one moment; `stalled`, `count` callers that read the head alone, until the next line of input.

    Of times, what the seller takes is taken off: `hold_s`, or all there is until the moment `at`.

    `head` is a request's up to its body's length; `body` is a file; `probe` a request's head and body that is answered
    at once.
    """

    kind: str
    port: int
    head: str
    body: str
    connections: int = 1
    seconds: float = 1.0
    count: int = 0
    a_second: float = 700.0
    probe: str = ""
    hold_s: float = 0.0
    at: float = 0.0


@dataclass(slots=True)
class Came:
    """`bytes` of bodies; times in ms, each as its 50th and 99th percentile; `probes` while all are held, and before."""

    calls: int = 0
    failed: int = 0
    bytes: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    idle_ms: float = 0.0
    probe_ms: float = 0.0
    after_ms: float = 0.0
    _took_s: list[float] = field(default_factory=list)

    def done(self) -> dict[str, Any]:
        took = sorted(self._took_s)
        if took:
            self.p50_ms, self.p99_ms = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


class Caller(asyncio.Protocol):
    """One connection. `answered` is called with each answer's bytes, None: the connection broke or it was no 200."""

    def __init__(self, request: "Request", answered: Callable[["Caller", int | None], None]) -> None:
        self._request = request
        self._answered = answered
        self._head = b""
        self._left: int | None = None  # of a body; -1: it is chunked
        self._tail = b""
        self._bytes = 0
        self.began_at = 0.0
        self.reads = True
        self.begun = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self) -> None:
        self.began_at = time.perf_counter()
        self._transport.writelines(self._request.pieces())

    def close(self) -> None:
        self._answered = lambda *_: None
        self._transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._answered(self, None)

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self._head[: end + 4], self._head[end + 4 :]
            self._head, self._tail, self._bytes = b"", b"", 0
            if not head.startswith(b"HTTP/1.1 200"):
                self._answered(self, None)
                return
            length = _LENGTH.search(head)
            self._left = int(length[1]) if length else -1
            if not self.reads:
                self._transport.pause_reading()
                self.begun.set_result(None)
                return
        self._bytes += len(data)
        if self._left >= 0:
            over = self._bytes >= self._left
        else:
            self._tail = (self._tail + data)[-5:] if len(data) < 5 else data[-5:]
            over = self._tail == _END
        if over:
            self._left = None
            self._answered(self, self._bytes)


class Request:
    """Each time its pieces are asked for it is another request."""

    def __init__(self, head: str, body: bytes) -> None:
        whole = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        before, number, after = whole.partition(NUMBER)
        assert number, "a request has no number in it"
        self._before = before
        self._after = after
        # No two runs of a rig say the same.
        self._number = _STARTED_NS // 1_000_000 % 10_000_000 * 1000

    def pieces(self) -> list[bytes]:
        self._number += 1
        return [b"%b%010d" % (self._before, self._number % 10**10), self._after]


class Load:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._request = Request(job.head, Path(job.body).read_bytes())
        self._came = Came()
        self._over = False

    async def run(self) -> dict[str, Any]:
        await getattr(self, f"_{self._job.kind}")()
        return self._came.done()

    async def _connect(self, answered: Callable[[Caller, int | None], None], request: Request | None = None) -> Caller:
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_connection(
            lambda: Caller(request or self._request, answered), "127.0.0.1", self._job.port
        )
        return caller

    def _note(self, caller: Caller, size: int | None) -> None:
        came = self._came
        if size is None:
            came.failed += 1
            return
        came.calls += 1
        came.bytes += size
        at = self._job.at
        came._took_s.append(time.time() - at if at else time.perf_counter() - caller.began_at - self._job.hold_s)

    async def _closed(self) -> None:
        def answered(caller: Caller, size: int | None) -> None:
            if self._over:
                return
            self._note(caller, size)
            if size is not None:
                caller.ask()

        callers = [await self._connect(answered) for _ in range(self._job.connections)]
        began = time.perf_counter()
        for caller in callers:
            caller.ask()
        await asyncio.sleep(self._job.seconds)
        self._over, self._came.seconds = True, time.perf_counter() - began
        for caller in callers:
            caller.close()

    async def _once(self) -> None:
        await self._all(self._job.count, 0.0)

    async def _all(self, count: int, every_s: float) -> list[Caller]:
        """So many calls, one after the other begun, and returns when all have been answered or are lost."""
        left, over = count, asyncio.Event()

        def answered(caller: Caller, size: int | None) -> None:
            nonlocal left
            self._note(caller, size)
            caller.close()
            left -= 1
            if not left:
                over.set()

        began = time.perf_counter()
        callers = []
        if not every_s:
            callers = [await self._connect(answered) for _ in range(count)]
            began = time.perf_counter()
            for caller in callers:
                caller.ask()
        else:
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number * every_s - time.perf_counter()))
                callers.append(await self._connect(answered))
                callers[-1].ask()
            self._came.probe_ms = await self._probed()
        await over.wait()
        self._came.seconds = time.perf_counter() - began
        return callers

    async def _held(self) -> None:
        self._came.idle_ms = await self._probed()
        await self._all(self._job.count, 1 / self._job.a_second)
        self._came.after_ms = await self._probed()

    async def _probed(self, count: int = PROBES) -> float:
        """The median of so many small calls, one after the other, in ms."""
        head, _, body = self._job.probe.partition("\r\n\r\n")
        took: list[float] = []
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(caller: Caller, size: int | None) -> None:
            if size is not None:
                took.append(time.perf_counter() - caller.began_at)
            answer.set_result(None)

        caller = await self._connect(answered, Request(head + "\r\n", body.encode()))
        for _ in range(count):
            answer = asyncio.get_running_loop().create_future()
            caller.ask()
            await answer
        caller.close()
        return sorted(took)[len(took) // 2] * 1000

    async def _stalled(self) -> None:
        callers = [await self._connect(self._note) for _ in range(self._job.count)]
        for caller in callers:
            caller.reads = False
            caller.ask()
        await asyncio.gather(*(caller.begun for caller in callers))
        await asyncio.sleep(2.0)  # whatever they hold, they hold then
        print("stalled", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        for caller in callers:
            caller.close()


def main() -> None:
    for line in iter(sys.stdin.readline, ""):
        job = Job(**json.loads(line))
        print(json.dumps(uvloop.run(Load(job).run())), flush=True)


if __name__ == "__main__":
    main()
