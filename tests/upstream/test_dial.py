"""Several addresses of one host: each has a head start on the next, and one connection comes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.upstream.connection import Connection
from gateway.upstream.dial import dial, first
from gateway.upstream.pool import Pool
from tests.upstream.server import Server, answer, says
from tests.upstream.test_pool import TRUST, origin_of
from tests.waiting import eventually

Connect = Callable[[str], Coroutine[Any, Any, Connection]]


@asynccontextmanager
async def connecting() -> AsyncIterator[tuple[Connect, Pool, Server]]:
    """What a name of a host does: `refused`, `deaf`, or anything else, which takes a connection."""
    pool = Pool(idle_s=60.0, idle_most=10)
    async with Server.running(says(answer(b"good"))) as (server, url):

        async def connect(host: str) -> Connection:
            if host == "deaf":
                await asyncio.Event().wait()
            if host.startswith("refused"):
                raise ConnectionRefusedError(host)
            return await dial(origin_of(url), pool, TRUST, None)

        yield connect, pool, server
        await pool.aclose()


@pytest.mark.parametrize("hosts", [["a"], ["refused", "a"], ["deaf", "a"], ["deaf", "refused", "a"], ["a", "deaf"]])
async def test_one_connection_comes_of_the_first_host_that_takes_it(hosts: list[str]) -> None:
    async with connecting() as (connect, _, server):
        assert (await first(hosts, connect)).stands
        assert not [each for each in asyncio.all_tasks() if each.get_name() == "connect"]
        assert server.connections == 1


async def test_the_first_error_is_told_when_all_refuse() -> None:
    async with connecting() as (connect, _, _):
        with pytest.raises(ConnectionRefusedError, match="refused-1"):
            await first(["refused-1", "refused-2"], connect)


async def test_of_two_that_stand_one_is_closed() -> None:
    async with connecting() as (connect, pool, server):
        both = asyncio.Barrier(2)

        async def together(host: str) -> Connection:
            connection = await connect(host)
            await both.wait()
            return connection

        assert (await first(["a", "b"], together)).stands
        await eventually(lambda: _open(server, 1))
        assert repr(pool) == "<Pool 1 open, 0 idle>"


async def test_a_cancel_ends_all_attempts() -> None:
    async with connecting() as (connect, _, _):
        before = asyncio.all_tasks()
        task = asyncio.create_task(first(["deaf", "deaf"], connect))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before


async def _open(server: Server, count: int) -> bool:
    return server.open == count
