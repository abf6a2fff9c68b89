"""Requests as they arrive at the other side, and answers that come before all of a request is there."""

import asyncio
from collections.abc import AsyncIterator, Callable

import h11
import httpx2
import pytest

from gateway.upstream.transport import Transport
from tests.upstream.conformance.exchange import EMPTY, HTTPX2, Asked, Came, Road
from tests.upstream.server import Server, answer, listening, says
from tests.waiting import eventually

HEAVY = bytes(range(256)) * (20 * 1024 * 1024 // 256)
TOO_LARGE = Came(413, b"too large")


async def _in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, len(HEAVY)])
async def test_a_body_arrives_as_it_is(size: int, road: Road) -> None:
    async with Server.running(says(answer(b""))) as (server, url):
        assert await road.came(f"{url}/a?b=c%20d", Asked(content=HEAVY[:size])) == EMPTY
    (received,) = server.received
    assert received.target == "/a?b=c%20d"
    assert received.headers["content-length"] == str(size)
    assert received.body == HEAVY[:size]


async def test_a_body_in_pieces_with_its_length_arrives_as_it_is(road: Road) -> None:
    asked = Asked(content=_in_pieces(HEAVY, b"", b"end"), headers={"content-length": str(len(HEAVY) + 3)})
    async with Server.running(says(answer(b""))) as (server, url):
        assert await road.came(url, asked) == EMPTY
        assert await road.came(url) == EMPTY
        assert server.connections == 1
    assert server.received[0].body == HEAVY + b"end"


async def test_a_body_in_pieces_without_a_length_goes_in_chunks(road: Road) -> None:
    got: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"transfer-encoding: chunked" in (await reader.readuntil(b"\r\n\r\n")).lower()
        while size := int(await reader.readline(), 16):
            got.append((await reader.readexactly(size + 2))[:-2])
        assert await reader.readline() == b"\r\n"
        writer.write(answer(b""))
        await reader.read()

    async with listening(converse) as url:
        assert await road.came(url, Asked(content=_in_pieces(b"good", b"", b"x" * 300_000))) == EMPTY
        await road.transport.aclose()
    assert got == [b"good", b"x" * 300_000]


@pytest.mark.parametrize("length", ["3", "5"])
async def test_a_body_that_is_not_as_long_as_announced_is_our_own_mistake(length: str, road: Road) -> None:
    asked = Asked(content=_in_pieces(b"good"), headers={"content-length": length})
    async with Server.running(says(answer(b""))) as (server, url):
        if road.name == HTTPX2:
            with pytest.raises(h11.LocalProtocolError):  # which is none of its own errors
                await road.came(url, asked)
        else:
            assert await road.came(url, asked) == Came(broke=httpx2.LocalProtocolError)
        await eventually(lambda: _open(server, 0))
        assert not server.received


async def test_a_header_that_would_be_two_is_our_own_mistake(road: Road) -> None:
    async with Server.running(says(answer(b""))) as (server, url):
        asked = Asked(headers={"x": "a\r\nx-admin: 1"})
        assert await road.came(url, asked) == Came(broke=httpx2.LocalProtocolError)
        await road.transport.aclose()
        assert not server.received


async def test_an_error_of_whoever_writes_the_body_passes_through_and_the_connection_is_closed(road: Road) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"good"
        raise OSError("my own")

    async with Server.running(says(answer(b""))) as (server, url):
        with pytest.raises(OSError, match="my own"):
            await road.came(url, Asked(content=breaks()))
        await eventually(lambda: _open(server, 0))


async def test_a_slow_peer_is_not_written_ahead_of(road: Road) -> None:
    """What is written and not taken is bounded: the writer of the body waits."""
    asked_for = 0
    taken = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        nonlocal asked_for
        for _ in range(400):
            asked_for += 1
            yield HEAVY[: 256 * 1024]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await taken.wait()
        await reader.readexactly(100 * 1024 * 1024)
        writer.write(answer(b"good"))
        await reader.read()

    async with listening(converse) as url:
        asked = Asked(content=body(), headers={"content-length": str(100 * 1024 * 1024)})
        task = asyncio.create_task(road.came(url, asked))
        await eventually(lambda: _standing(lambda: asked_for))
        assert 0 < asked_for < 400
        taken.set()
        assert await task == Came(200, b"good")
        await road.transport.aclose()


async def test_an_answer_before_the_request_is_sent_is_given_and_the_rest_is_not_sent(road: Road) -> None:
    written = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal written
        while written < 4000:
            written += 1
            yield HEAVY[: 256 * 1024]

    async with listening(_answers_at_once) as url:
        asked = Asked(content=body(), headers={"content-length": str(4000 * 256 * 1024)})
        if road.name == HTTPX2:
            # It does not look for an answer before all is sent, and here that is never.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await road.came(url, asked)
            return
        assert await road.came(url, asked) == TOO_LARGE
        assert written < 4000


async def test_an_answer_before_a_large_body_is_taken_is_given_and_the_connection_not_used_again(road: Road) -> None:
    async with listening(_answers_at_once) as url:
        if road.name == HTTPX2:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await road.came(url, Asked(content=HEAVY))
            return
        assert await road.came(url, Asked(content=HEAVY)) == TOO_LARGE
        assert isinstance(road.transport, Transport)
        assert road.transport.pool.waiting == 0


async def test_an_answer_of_a_peer_that_closes_in_the_middle_of_a_request(road: Road) -> None:
    """It resets the connection, since it has not read all. What it said before comes all the same."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"too large", 413))

    async with listening(converse) as url:
        came = await road.came(url, Asked(content=HEAVY))
        if road.name == HTTPX2:
            # It does not read while it writes, and what has come in is gone with the connection.
            assert came in (TOO_LARGE, Came(broke=httpx2.ReadError))
        else:
            assert came == TOO_LARGE


async def _answers_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a head and no more, answers, and holds the line."""
    await reader.readuntil(b"\r\n\r\n")
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(answer(b"too large", 413))
    await writer.wait_closed()


async def _standing(count: Callable[[], int]) -> bool:
    before = count()
    await asyncio.sleep(0.2)
    return before == count() != 0


async def _open(server: Server, count: int) -> bool:
    return server.open == count
