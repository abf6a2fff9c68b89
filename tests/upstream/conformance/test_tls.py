"""The same over TLS, with certificates of an authority made for it."""

import asyncio
import gc
import ssl
from collections.abc import Callable

import httpx2
import pytest
import trustme

from tests.upstream.conformance.exchange import EMPTY, HTTPX2, Asked, Came, Road
from tests.upstream.server import (
    Script,
    Server,
    Turn,
    answer,
    head,
    listening,
    resets,
    says,
    says_and_falls_silent,
    says_and_hangs_up,
)
from tests.waiting import eventually

SHORT_S = 0.05
HEAVY = bytes(range(256)) * (4 * 1024 * 1024 // 256)
GOOD = Came(200, b"good")

Tls = Callable[..., ssl.SSLContext]


@pytest.fixture
def tls(authority: trustme.CA) -> Tls:
    """A server's side, for a name."""

    def made(name: str = "localhost") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2", "http/1.1"])
        authority.issue_cert(name).configure_cert(context)
        return context

    return made


def named(url: str, name: str = "localhost") -> str:
    return url.replace("127.0.0.1", name)


async def test_bodies_of_any_size_go_and_come(tls: Tls, road: Road) -> None:
    async with Server.running(says(answer(HEAVY)), tls()) as (server, url):
        for _ in range(3):
            assert await road.came(named(url), Asked(content=HEAVY)) == Came(200, HEAVY)
        assert server.connections == 1
        assert [each.body == HEAVY for each in server.received] == [True] * 3


async def test_http_1_1_is_what_is_agreed_on(tls: Tls, road: Road) -> None:
    agreed: list[str | None] = []

    async def script(turn: Turn) -> None:
        agreed.append(turn.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await turn.say(answer(b"good"))

    async with Server.running(script, tls()) as (_, url):
        assert await road.came(named(url)) == GOOD
    assert agreed == ["http/1.1"]


@pytest.mark.parametrize("length", [True, False], ids=["with a length", "until it closes"])
async def test_a_reader_who_rests_gets_all_of_it_though_the_peer_has_left(length: bool, tls: Tls, road: Road) -> None:
    said = answer(HEAVY) if length else head() + HEAVY
    async with Server.running(says_and_hangs_up(said), tls()) as (_, url):
        response = await road.head(named(url))
        await asyncio.sleep(0.1)
        assert await response.aread() == HEAVY


async def test_a_certificate_must_be_of_the_name_that_is_asked_for(tls: Tls, road: Road) -> None:
    async with Server.running(says(answer(b"good")), tls("images.example")) as (server, url):
        assert await road.came(named(url)) == Came(broke=httpx2.ConnectError)
        assert await road.came(url) == Came(broke=httpx2.ConnectError)
        assert await road.came(url, Asked(sni="images.example")) == GOOD
        assert len(server.received) == 1


async def test_a_connection_of_one_name_is_not_used_for_another(tls: Tls, road: Road) -> None:
    async with Server.running(says(answer(b"good")), tls("images.example")) as (_, url):
        assert await road.came(url, Asked(sni="images.example")) == GOOD
        came = await road.came(url, Asked(sni="other.example"))
        if road.name == HTTPX2:
            assert came == GOOD  # its pool knows addresses and no names: nobody has proved to be other.example
        else:
            assert came == Came(broke=httpx2.ConnectError)


async def test_an_authority_nobody_trusts_is_a_connect_error(road: Road) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with Server.running(says(answer(b"good")), context) as (server, url):
        assert await road.came(named(url)) == Came(broke=httpx2.ConnectError)
        assert not server.received


async def test_a_peer_that_speaks_no_tls_is_a_connect_error(road: Road) -> None:
    async with listening(_speaks_no_tls) as url:
        assert await road.came(named(url).replace("http:", "https:")) == Came(broke=httpx2.ConnectError)


async def test_a_handshake_that_does_not_end_in_time_is_a_connect_timeout(road: Road) -> None:
    async with listening(_says_nothing) as url:
        asked = Asked(timeout={"connect": SHORT_S})
        for host in ("127.0.0.1", "localhost"):
            address = named(url, host).replace("http:", "https:")
            assert await road.came(address, asked) == Came(broke=httpx2.ConnectTimeout)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_a_cancel_in_the_handshake_leaves_nothing_open(road: Road) -> None:
    met, left = asyncio.Event(), asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        met.set()
        await reader.read()
        left.set()

    async with listening(converse) as url:
        task = asyncio.create_task(road.came(named(url).replace("http:", "https:")))
        await met.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if road.name == HTTPX2:
            gc.collect()  # it closes after an `Exception` alone, which a cancel is not: on uvloop the connection stays
        else:
            await left.wait()


ENDS: dict[str, tuple[Script, Came]] = {
    "reset after the request": (resets, Came(broke=httpx2.ReadError)),
    "closed after the request": (says_and_hangs_up(), Came(broke=httpx2.RemoteProtocolError)),
    "half of a body": (
        says_and_hangs_up(head(content_length=9) + b"half"),
        Came(200, b"half", httpx2.RemoteProtocolError),
    ),
    "until the connection closes": (says_and_hangs_up(head() + b"good"), GOOD),
}


@pytest.mark.parametrize("what", ENDS)
async def test_an_end_has_its_name_over_tls_too(what: str, tls: Tls, road: Road) -> None:
    script, expected = ENDS[what]
    async with Server.running(script, tls()) as (server, url):
        assert await road.came(named(url)) == expected
        await road.transport.aclose()
        await eventually(lambda: _open(server, 0))


async def test_one_on_which_the_peer_said_goodbye_is_not_used(tls: Tls, road: Road) -> None:
    async with Server.running(says_and_hangs_up(answer(b"")), tls()) as (server, url):
        assert await road.came(named(url)) == EMPTY
        await eventually(lambda: _open(server, 0))
        came = await road.came(named(url))
        if road.name == HTTPX2:
            # It looks whether anything has come in, and the goodbye came in with the answer.
            assert came in (EMPTY, Came(broke=httpx2.RemoteProtocolError))
        else:
            assert came == EMPTY
            assert server.connections == 2


async def test_an_answer_closed_half_read_closes_its_connection(tls: Tls, road: Road) -> None:
    script = says_and_falls_silent(head(content_length=1000) + b"x" * 500)
    async with Server.running(script, tls()) as (server, url):
        response = await road.head(named(url))
        await response.aclose()
        await eventually(lambda: _open(server, 0))


async def _speaks_no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _open(server: Server, count: int) -> bool:
    return server.open == count
