"""On a fast loop every wait that a gateway is made of is over so much sooner, and still in the loop's own seconds."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import anyio
import httpx2
import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.incidents.clock import fast

SPEED = 100.0
WAIT_S = 20.0


async def sleeps(_: int) -> None:
    await asyncio.sleep(WAIT_S)


async def has_a_limit(_: int) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            await asyncio.Event().wait()


async def waits_for_tasks(_: int) -> None:
    await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=WAIT_S)


async def has_a_limit_of_anyio(_: int) -> None:
    with anyio.move_on_after(WAIT_S):
        await anyio.sleep_forever()


async def asks_an_upstream(port: int) -> None:
    async with httpx2.AsyncClient(timeout=WAIT_S, trust_env=False) as http:
        with pytest.raises(httpx2.ReadTimeout):
            await http.get(f"http://127.0.0.1:{port}/")


async def asks_a_store(port: int) -> None:
    async with Redis(port=port, socket_timeout=WAIT_S, protocol=2) as store:
        with pytest.raises(RedisTimeoutError):
            await store.ping()


WAITS = (sleeps, has_a_limit, waits_for_tasks, has_a_limit_of_anyio, asks_an_upstream, asks_a_store)


async def took_s(wait: Callable[[int], Awaitable[None]]) -> float:
    """The loop's seconds that a wait took; who is asked on the port is there and never answers."""
    now = asyncio.get_running_loop().time
    with socket.create_server(("127.0.0.1", 0)) as silent:
        since = now()
        await wait(silent.getsockname()[1])
        return now() - since


@pytest.mark.parametrize("wait", WAITS, ids=lambda each: each.__name__)
def test_a_wait_lasts_its_seconds_by_the_loop_and_a_hundredth_of_them_for_real(
    wait: Callable[[int], Awaitable[None]],
) -> None:
    began = time.monotonic()
    with asyncio.Runner(loop_factory=fast(SPEED)) as runner:
        assert runner.run(took_s(wait)) >= WAIT_S
    assert time.monotonic() - began < WAIT_S / 2
