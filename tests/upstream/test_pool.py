"""The pool of connections: what a call costs in it does not depend on how many wait there."""

import asyncio
import resource
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import httpx2
import pytest

from gateway.upstream.connection import Connection, Origin
from gateway.upstream.dial import dial
from gateway.upstream.pool import Pool
from gateway.upstream.transport import Transport
from tests.upstream.sending import sender
from tests.upstream.server import Server, answer, says, says_and_falls_silent
from tests.waiting import eventually

TCP = Path("/proc/net/tcp")
LONG_S = 3600.0
TRUST = ssl.create_default_context()


@pytest.fixture
def most() -> Iterator[int]:
    """As many connections as this process may have both ends of, at most 5000."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield min(5000, (hard - 500) // 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def filled(count: int, *, idle_s: float = LONG_S, idle_most: int = 10_000) -> AsyncIterator[tuple[Pool, Server]]:
    pool = Pool(idle_s=idle_s, idle_most=idle_most)
    async with Server.running(says(answer(b"good"))) as (server, url):
        origin = origin_of(url)
        for _ in range(count):
            pool.idle(await dial(origin, pool, TRUST, None))
        yield pool, server
        await pool.aclose()


def origin_of(url: str) -> Origin:
    return Origin("http", "127.0.0.1", int(url.rpartition(":")[2]), "127.0.0.1")


async def test_a_call_does_as_much_with_thousands_of_idle_connections_as_with_one(most: int) -> None:
    steps = {}
    async with Server.running(says(answer(b"good"))) as (server, url), Transport(TRUST, idle_most=10_000) as transport:
        for count in (1, most // 5, most):
            while transport.pool.waiting < count:
                transport.pool.idle(await dial(origin_of(url), transport.pool, TRUST, None))
            steps[count] = await _steps_of_a_call(transport, url)
        assert server.connections == most
    assert len(set(steps.values())) == 1, steps


async def test_the_one_that_came_back_last_is_taken_first_and_the_dead_are_passed_over() -> None:
    async with filled(3) as (pool, _):
        one, two, three = _idle(pool)
        assert pool.take(one.origin) is three
        pool.idle(three)
        three._transport.abort()
        assert pool.take(one.origin) is two
        assert pool.take(one.origin) is one
        assert pool.take(one.origin) is None


async def test_no_more_are_kept_than_may_be_and_the_oldest_goes() -> None:
    async with filled(5, idle_most=3) as (pool, server):
        assert pool.waiting == 3
        await eventually(lambda: _open(server, 3))
        last = _idle(pool)[-1]
        assert pool.take(last.origin) is last


async def test_one_that_nobody_needs_is_closed_after_its_time() -> None:
    async with filled(3, idle_s=0.1) as (pool, server):
        await eventually(lambda: _open(server, 0))
        assert pool.waiting == 0


async def test_one_that_has_had_its_time_is_not_taken_though_nobody_has_swept() -> None:
    async with filled(1, idle_s=0.0) as (pool, _):
        (old,) = _idle(pool)
        assert pool.take(old.origin) is None


async def test_a_connection_that_comes_back_after_the_end_is_closed() -> None:
    async with filled(2) as (pool, server):
        taken = pool.take(_idle(pool)[0].origin)
        assert taken is not None
        await pool.aclose()
        pool.idle(taken)
        assert repr(pool) == "<Pool 0 open, 0 idle>"
        await eventually(lambda: _open(server, 0))


@pytest.mark.parametrize("carrier", ["own", "httpx2"])
async def test_a_connection_on_which_nothing_moves_is_kept_alive(carrier: str) -> None:
    """Seen from outside: how the kernel has it."""
    async with Server.running(says_and_falls_silent()) as (_, url), sender(url, carrier=carrier) as lane:
        task = asyncio.create_task(lane.whole())
        await eventually(lambda: _is_kept_alive(int(url.rpartition(":")[2])))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _is_kept_alive(port: int) -> bool:
    """Whether all connections to this port stand, and nothing is due on them but to ask the peer whether it lives."""
    rows = [line.split() for line in (await asyncio.to_thread(TCP.read_text)).splitlines()[1:]]
    found = [(state, timer[:2]) for _, _, to, state, _, timer, *_ in rows if to == f"0100007F:{port:04X}"]
    return set(found) == {("01", "02")}


async def _steps_of_a_call(transport: Transport, url: str) -> int:
    """How many functions are called, of Python's and of C's, by a call on a connection that waits."""
    count = 0

    def met(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        if event in ("call", "c_call") and "gateway/upstream" in frame.f_code.co_filename:
            count += 1

    request = httpx2.Request("POST", url, content=b"{}")
    sys.setprofile(met)
    try:
        response = await transport.handle_async_request(request)
        await response.aread()
    finally:
        sys.setprofile(None)
    return count


def _idle(pool: Pool) -> list[Connection]:
    (idle,) = pool._idle.values()
    return list(idle)


async def _open(server: Server, count: int) -> bool:
    return server.open == count
