"""What has no end is given up before it fills the memory."""

import httpx2
import pytest

from tests.upstream.conformance.exchange import HTTPX2, PLAIN, Asked, Came, Road
from tests.upstream.server import Server, says_and_falls_silent

SHORT_S = 0.2
PLENTY = 300_000
BROKE = httpx2.RemoteProtocolError

STATUS = b"HTTP/1.1 200 OK\r\n"
LAST_CHUNK = STATUS + b"transfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0"

ENDLESS: dict[str, tuple[bytes, Came]] = {
    "a status": (b"HTTP/1.1 200 " + b"x" * PLENTY, Came(broke=BROKE)),
    "a header": (STATUS + b"x: " + b"y" * PLENTY, Came(broke=BROKE)),
    "a name": (STATUS + b"x" * PLENTY, Came(broke=BROKE)),
    "headers": (STATUS + b"x: y\r\n" * (PLENTY // 6), Came(broke=BROKE)),
    "a trailer": (LAST_CHUNK + b"\r\nx: " + b"y" * PLENTY, Came(200, b"good", BROKE)),
    "trailers": (LAST_CHUNK + b"\r\n" + b"x: y\r\n" * (PLENTY // 6), Came(200, b"good", BROKE)),
    "an extension of a chunk": (LAST_CHUNK + b";" + b"y" * PLENTY, Came(200, b"good", BROKE)),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_has_no_end_is_given_up(what: str, road: Road) -> None:
    said, expected = ENDLESS[what]
    async with Server.running(says_and_falls_silent(said)) as (_, url):
        assert await road.came(url) == expected


async def test_hints_without_end_are_given_up(road: Road) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    async with Server.running(says_and_falls_silent(hint * (PLENTY // len(hint)))) as (_, url):
        if road.name == HTTPX2:  # it reads them all, as long as they come
            assert await road.came(url, Asked(timeout={"read": SHORT_S})) == Came(broke=httpx2.ReadTimeout)
        else:
            assert await road.came(url, PLAIN) == Came(broke=BROKE)


async def test_a_head_as_long_as_may_be_is_read(road: Road) -> None:
    said = STATUS + b"x: " + b"y" * 60_000 + b"\r\ncontent-length: 4\r\n\r\ngood"
    async with Server.running(says_and_falls_silent(said)) as (_, url):
        assert await road.came(url) == Came(200, b"good")
