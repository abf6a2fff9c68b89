"""Connections between requests: the next request goes on one that stands, and on no other."""

import asyncio
import os
import socket

from tests.upstream.conformance.exchange import EMPTY, Came, Road
from tests.upstream.server import Server, Turn, answer, in_turn, says, says_and_hangs_up
from tests.waiting import eventually

GOOD = Came(200, b"good")
HEAVY = bytes(range(256)) * (4 * 1024 * 1024 // 256)


async def test_a_connection_is_used_again_and_again(road: Road) -> None:
    async with Server.running(says(answer(b"good"))) as (server, url):
        assert [await road.came(url) for _ in range(20)] == [GOOD] * 20
        assert (server.connections, server.open) == (1, 1)


async def test_the_one_that_came_back_last_goes_out_first(road: Road) -> None:
    together = asyncio.Barrier(3)

    async def three_at_once(turn: Turn) -> None:
        if len(server.received) <= 3:
            await together.wait()
        await turn.say(answer(str(turn.received.connection).encode()))

    async with Server.running(three_at_once) as (server, url):
        await asyncio.gather(*(road.came(url) for _ in range(3)))
        assert len({(await road.came(url)).body for _ in range(5)}) == 1


async def test_one_that_the_peer_closed_is_found_out_before_it_is_used(road: Road) -> None:
    script = in_turn(says_and_hangs_up(answer(b"good")), says_and_hangs_up(answer(b"good")), says(answer(b"")))
    async with Server.running(script) as (server, url):
        assert await road.came(url) == GOOD
        await eventually(lambda: _open(server, 0))
        assert await road.came(url) == GOOD
        await eventually(lambda: _open(server, 0))
        assert await road.came(url) == EMPTY
        assert [each.connection for each in server.received] == [1, 2, 3]


async def test_one_that_the_peer_closed_this_very_moment_is_found_out_too(road: Road) -> None:
    """The loop has not come round to see it yet."""
    turns: list[Turn] = []

    async def script(turn: Turn) -> None:
        turns.append(turn)
        await turn.say(answer(b"good"))

    async with Server.running(script) as (server, url):
        assert await road.came(url) == GOOD
        await asyncio.sleep(0.01)
        with socket.socket(fileno=os.dup(turns[0].writer.get_extra_info("socket").fileno())) as same:
            same.shutdown(socket.SHUT_WR)
        assert await road.came(url) == GOOD
        assert [each.connection for each in server.received] == [1, 2]


async def test_one_on_which_something_comes_that_nobody_asked_for_is_closed(road: Road) -> None:
    turns: list[Turn] = []

    async def script(turn: Turn) -> None:
        turns.append(turn)
        await turn.say(answer(b"good"))

    async with Server.running(script) as (server, url):
        assert await road.came(url) == GOOD
        await turns[0].say(answer(b"another's"))
        await asyncio.sleep(0.01)
        assert await road.came(url) == GOOD
        assert [each.connection for each in server.received] == [1, 2]


async def test_one_that_was_paused_is_not_deaf_afterwards(road: Road) -> None:
    async with Server.running(says(answer(HEAVY))) as (server, url):
        for _ in range(3):
            response = await road.head(url)
            await asyncio.sleep(0.05)
            assert await response.aread() == HEAVY
        assert server.connections == 1


async def test_origins_do_not_share_connections(road: Road) -> None:
    async with (
        Server.running(says(answer(b"good"))) as (one, at_one),
        Server.running(says(answer(b""))) as (two, at_two),
    ):
        for _ in range(3):
            assert (await road.came(at_one), await road.came(at_two)) == (GOOD, EMPTY)
        assert (one.connections, two.connections) == (1, 1)


async def test_nothing_is_open_when_the_transport_is_closed(road: Road) -> None:
    together = asyncio.Barrier(5)

    async def five_at_once(turn: Turn) -> None:
        await together.wait()
        await turn.say(answer(b"good"))

    async with Server.running(five_at_once) as (server, url):
        await asyncio.gather(*(road.came(url) for _ in range(5)))
        assert server.open == 5
        await road.transport.aclose()
        await eventually(lambda: _open(server, 0))


async def _open(server: Server, count: int) -> bool:
    return server.open == count
