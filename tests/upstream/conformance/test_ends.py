"""Where a connection can break, and by which name: nothing that may have been seen is ever called a connect error."""

import asyncio
import socket

import httpx2
import pytest

from tests.upstream.conformance.exchange import EMPTY, Asked, Came, Road
from tests.upstream.server import (
    Script,
    Server,
    Turn,
    answer,
    head,
    in_turn,
    listening,
    resets,
    says,
    says_and_falls_silent,
    says_and_hangs_up,
)
from tests.waiting import eventually

SHORT_S = 0.05
HALF = head(content_length=1000) + b"x" * 500
CHUNKED = head(transfer_encoding="chunked") + b"4\r\ngood\r\n"
UNREACHABLE = httpx2.ConnectError


async def _half_closes(turn: Turn) -> None:
    turn.writer.write_eof()
    await turn.until_caller_leaves()


def _says_and_half_closes(said: bytes) -> Script:
    async def script(turn: Turn) -> None:
        await turn.say(said)
        await _half_closes(turn)

    return script


ENDS: dict[str, tuple[Script, Came]] = {
    "reset after the request": (resets, Came(broke=httpx2.ReadError)),
    "closed after the request": (says_and_hangs_up(), Came(broke=httpx2.RemoteProtocolError)),
    "half-closed after the request": (_half_closes, Came(broke=httpx2.RemoteProtocolError)),
    "closed in the status line": (says_and_hangs_up(b"HTTP/1.1 20"), Came(broke=httpx2.RemoteProtocolError)),
    "half of a body of known length": (
        says_and_hangs_up(HALF),
        Came(200, b"x" * 500, httpx2.RemoteProtocolError),
    ),
    "half of a body, then half-closed": (
        _says_and_half_closes(HALF),
        Came(200, b"x" * 500, httpx2.RemoteProtocolError),
    ),
    "chunks without their last": (says_and_hangs_up(CHUNKED), Came(200, b"good", httpx2.RemoteProtocolError)),
    "whole, then half-closed": (_says_and_half_closes(answer(b"good")), Came(200, b"good")),
    "without a length, then half-closed": (_says_and_half_closes(head() + b"good"), Came(200, b"good")),
}


@pytest.mark.parametrize("what", ENDS)
async def test_an_end_has_its_name_and_leaves_nothing_open(what: str, road: Road) -> None:
    script, expected = ENDS[what]
    async with Server.running(script) as (server, url):
        assert await road.came(url) == expected
        await road.transport.aclose()
        await eventually(lambda: _open(server, 0))


async def test_a_reset_in_mid_body_is_a_read_error_after_what_has_come(road: Road) -> None:
    seen = asyncio.Event()

    async def script(turn: Turn) -> None:
        await turn.say(HALF)
        await seen.wait()
        turn.reset()

    async with Server.running(script) as (_, url):
        response = await road.head(url)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        pieces = aiter(response.stream)
        assert await anext(pieces) == b"x" * 500
        seen.set()
        with pytest.raises(httpx2.ReadError):
            await anext(pieces)
        await response.aclose()


async def test_a_peer_that_closes_before_it_reads_is_no_connect_error(road: Road) -> None:
    async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with listening(closes_at_once) as url:
        came = await road.came(url, Asked(content=b"x" * 5_000_000))
        assert came.broke in (httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.WriteError)


async def test_a_closed_port_is_a_connect_error(road: Road) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert await road.came(f"http://127.0.0.1:{port}/") == Came(broke=UNREACHABLE)
    assert await road.came(f"http://localhost:{port}/") == Came(broke=UNREACHABLE)


async def test_a_host_that_is_none_is_a_connect_error(road: Road) -> None:
    assert await road.came("http://nothing.invalid/") == Came(broke=UNREACHABLE)


async def test_a_scheme_that_is_none_is_told(road: Road) -> None:
    assert await road.came("ftp://127.0.0.1/") == Came(broke=httpx2.UnsupportedProtocol)


async def test_an_address_that_takes_no_connection_in_time_is_a_connect_timeout(deaf: str, road: Road) -> None:
    assert await road.came(deaf, Asked(timeout={"connect": SHORT_S})) == Came(broke=httpx2.ConnectTimeout)


async def test_a_head_that_does_not_come_is_a_read_timeout(road: Road) -> None:
    async with Server.running(says_and_falls_silent()) as (server, url):
        assert await road.came(url, Asked(timeout={"read": SHORT_S})) == Came(broke=httpx2.ReadTimeout)
        await eventually(lambda: _open(server, 0))


async def test_a_body_that_falls_silent_is_a_read_timeout(road: Road) -> None:
    async with Server.running(says_and_falls_silent(HALF)) as (server, url):
        came = await road.came(
            url, Asked(timeout={"read": 20 * SHORT_S})
        )  # the head comes in time, however busy we are
        assert came == Came(200, b"x" * 500, httpx2.ReadTimeout)
        await eventually(lambda: _open(server, 0))


async def test_a_request_that_nobody_takes_is_a_write_timeout(road: Road) -> None:
    async def reads_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await gone.wait()

    gone = asyncio.Event()
    async with listening(reads_nothing) as url:
        asked = Asked(content=b"x" * 20_000_000, timeout={"write": SHORT_S})
        assert await road.came(url, asked) == Came(broke=httpx2.WriteTimeout)
        gone.set()


async def test_a_pooled_connection_that_dies_under_a_request_is_not_tried_again(road: Road) -> None:
    script = in_turn(says(answer(b"")), says_and_hangs_up(), says(answer(b"")))
    async with Server.running(script) as (server, url):
        assert await road.came(url) == EMPTY
        assert await road.came(url) == Came(broke=httpx2.RemoteProtocolError)
        assert [each.connection for each in server.received] == [1, 1]
        assert await road.came(url) == EMPTY
        assert [each.connection for each in server.received] == [1, 1, 2]


async def _open(server: Server, count: int) -> bool:
    return server.open == count
