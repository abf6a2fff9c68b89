"""Whoever leaves, at whatever moment, leaves nothing behind: no connection, no task, and none for others half read."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from gateway.upstream.arrival import HELD_BYTES, Arrival
from tests.upstream.conformance.exchange import HTTPX2, Asked, Came, Road
from tests.upstream.server import Server, Turn, answer, head, in_turn, says, says_and_falls_silent
from tests.waiting import eventually

GOOD = Came(200, b"good")
HALF = head(content_length=1000) + b"x" * 500
CHUNKED = head(transfer_encoding="chunked") + b"4\r\ngood\r\n"
ENDLESS = head(content_length=1 << 30)


@pytest.mark.parametrize("said", [HALF, CHUNKED, head() + b"good"], ids=["a length", "chunks", "until it closes"])
async def test_an_answer_closed_half_read_closes_its_connection(said: bytes, road: Road) -> None:
    async with Server.running(in_turn(says_and_falls_silent(said), says(answer(b"good")))) as (server, url):
        response = await road.head(url)
        await response.aclose()
        await eventually(lambda: _open(server, 0))
        assert await road.came(url) == GOOD
        assert [each.connection for each in server.received] == [1, 2]


async def test_an_answer_that_is_here_and_not_read(road: Road) -> None:
    async with Server.running(says(answer(b"good"))) as (server, url):
        response = await road.head(url)
        await response.aclose()
        assert await road.came(url) == GOOD
        # Ours has the whole of it and keeps the connection; httpx2's does not look, and closes it.
        assert server.connections == (2 if road.name == HTTPX2 else 1)


async def test_an_answer_closed_is_not_a_whole_one_to_whoever_reads_on(road: Road) -> None:
    async with Server.running(says_and_falls_silent(HALF)) as (_, url):
        response = await road.head(url)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        pieces = aiter(response.stream)
        assert await anext(pieces)
        await response.aclose()
        with pytest.raises((httpx2.StreamClosed, httpx2.ReadError)):
            await anext(pieces)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nx", HALF, CHUNKED], ids=["nothing", "a head", "half", "chunks"]
)
async def test_a_cancel_closes_the_connection_and_the_next_has_its_own(said: bytes, road: Road) -> None:
    async with Server.running(in_turn(says_and_falls_silent(said), says(answer(b"good")))) as (server, url):
        task = asyncio.create_task(road.came(url))
        await eventually(lambda: _received(server, 1))
        before = asyncio.all_tasks()
        await _cancelled(task)
        assert asyncio.all_tasks() <= before
        await eventually(lambda: _open(server, 0))
        assert await road.came(url) == GOOD
        assert [each.connection for each in server.received] == [1, 2]


async def test_a_cancel_while_a_request_is_written_closes_the_connection(road: Road) -> None:
    async def reads_nothing(turn: Turn) -> None:
        raise AssertionError("the request was never whole")

    async with Server.running(reads_nothing) as (server, url):
        asked = Asked(content=_never_ends(), headers={"content-length": "1000"})
        task = asyncio.create_task(road.came(url, asked))
        await eventually(lambda: _open(server, 1))
        await _cancelled(task)
        await eventually(lambda: _open(server, 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_cancel_while_connecting_leaves_no_task(host: str, deaf: str, road: Road) -> None:
    before = asyncio.all_tasks()
    task = asyncio.create_task(road.came(deaf.replace("127.0.0.1", host)))
    await asyncio.sleep(0.05)
    await _cancelled(task)
    assert asyncio.all_tasks() == before


async def test_cancels_at_every_step_of_an_exchange_leave_nothing_open(road: Road) -> None:
    """Each task is cancelled one turn of the loop later than the one before, until one comes through."""
    async with Server.running(says(answer(b"x" * 300_000))) as (server, url):
        for turns in range(200):
            task = asyncio.create_task(road.came(url))
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                break
            await _cancelled(task)
        assert await road.came(url) == Came(200, b"x" * 300_000)
        await road.transport.aclose()
        await eventually(lambda: _open(server, 0))


async def test_a_reader_who_rests_holds_up_the_peer_and_not_the_memory(road: Road) -> None:
    said = 0

    async def endless(turn: Turn) -> None:
        nonlocal said
        await turn.say(ENDLESS)
        while not turn.writer.is_closing():
            await turn.say(b"x" * 65536)
            said += 65536

    async with Server.running(endless) as (server, url):
        response = await road.head(url)
        before = -1
        while said != before:  # until the buffers of both kernels are full
            before = said
            await asyncio.sleep(0.1)
        if isinstance(response.stream, Arrival):
            assert HELD_BYTES < response.stream._held_bytes <= 2 * HELD_BYTES
        await response.aclose()
        await eventually(lambda: _open(server, 0))


@pytest.mark.parametrize("said", [HALF, head() + b"x" * 500], ids=["a length", "until it closes"])
async def test_a_transport_closed_under_a_call_breaks_its_answer_off(said: bytes, road: Road) -> None:
    async with Server.running(says_and_falls_silent(said)) as (server, url):
        response = await road.head(url)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        pieces = aiter(response.stream)
        assert await anext(pieces) == b"x" * 500
        await road.transport.aclose()
        with pytest.raises(httpx2.ReadError):
            await anext(pieces)
        await eventually(lambda: _open(server, 0))


async def _never_ends() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.Event().wait()


async def _cancelled(task: asyncio.Task[Came]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _open(server: Server, count: int) -> bool:
    return server.open == count


async def _received(server: Server, count: int) -> bool:
    return len(server.received) == count
