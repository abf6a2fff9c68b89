"""However an answer is cut into pieces it is the same answer; and wherever it breaks off it is never a whole one."""

import asyncio
import random
from collections.abc import Iterator

import httpx2
import pytest

from tests.upstream.conformance.exchange import Came, Road
from tests.upstream.server import Script, Server, Turn, says_and_hangs_up

BODY = bytes(range(256)) * 1200  # more than a transport reads at once

SHORT = {
    "a length": b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 8\r\n\r\nabcdefgh",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n5\r\ndefgh\r\n0\r\nx-t: 1\r\n\r\n",
    "a hint": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcdefgh",
}
WHOLE = Came(200, b"abcdefgh")
LONG = {
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (BODY[:7], BODY[7:100_000], BODY[100_000:]))
    + b"0\r\n\r\n",
}
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\nabcdefgh"


@pytest.mark.parametrize("what", SHORT)
async def test_an_answer_in_two_pieces_is_the_same_wherever_it_is_cut(what: str, road: Road) -> None:
    said = SHORT[what]
    places = iter(range(1, len(said)))
    async with Server.running(_cut_at_each(said, places)) as (server, url):
        for _ in range(1, len(said)):
            assert await road.came(url) == WHOLE
        assert server.connections == 1


@pytest.mark.parametrize("what", SHORT)
async def test_an_answer_byte_by_byte_is_the_same(what: str, road: Road) -> None:
    async def script(turn: Turn) -> None:
        await _say_apart(turn, *(SHORT[what][at : at + 1] for at in range(len(SHORT[what]))))

    async with Server.running(script) as (server, url):
        assert [await road.came(url) for _ in range(2)] == [WHOLE] * 2
        assert server.connections == 1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("what", LONG)
async def test_a_long_answer_is_the_same_in_whatever_pieces(what: str, seed: int, road: Road) -> None:
    said, dice = LONG[what], random.Random(seed)
    cuts = sorted(dice.sample(range(1, len(said)), dice.choice((3, 30))))

    async def script(turn: Turn) -> None:
        await _say_apart(turn, *(said[one:two] for one, two in zip([0, *cuts], [*cuts, len(said)], strict=True)))

    async with Server.running(script) as (server, url):
        assert [await road.came(url) for _ in range(2)] == [Came(200, BODY)] * 2
        assert server.connections == 1


@pytest.mark.parametrize("what", SHORT)
async def test_an_answer_that_breaks_off_is_never_whole_and_never_unreachable(what: str, road: Road) -> None:
    said = SHORT[what]
    head_ends = said.rindex(b"\r\n\r\n", 0, said.index(b"abc")) + 4
    for at in range(len(said)):
        async with Server.running(says_and_hangs_up(said[:at])) as (_, url):
            came = await road.came(url)
            assert came.broke is httpx2.RemoteProtocolError, at
            assert came.status == (200 if at >= head_ends else None), at
            assert WHOLE.body.startswith(came.body), at


async def test_an_answer_that_ends_with_its_connection_is_whole_at_any_byte_of_its_body(road: Road) -> None:
    head_ends = UNTIL_CLOSE.index(b"\r\n\r\n") + 4
    for at in range(len(UNTIL_CLOSE)):
        async with Server.running(says_and_hangs_up(UNTIL_CLOSE[:at])) as (_, url):
            expected = (
                Came(broke=httpx2.RemoteProtocolError) if at < head_ends else Came(200, UNTIL_CLOSE[head_ends:at])
            )
            assert await road.came(url) == expected, at


def _cut_at_each(said: bytes, places: Iterator[int]) -> Script:
    async def script(turn: Turn) -> None:
        at = next(places)
        await _say_apart(turn, said[:at], said[at:])

    return script


async def _say_apart(turn: Turn, *pieces: bytes) -> None:
    """The loop gets round between two pieces, so that they are mostly read as they were written."""
    for piece in pieces:
        await turn.say(piece)
        await asyncio.sleep(0)
