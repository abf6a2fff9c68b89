"""One request over one of the two transports, and what came of it."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field

import httpx2

from tests.upstream.server import Script, Turn

OWN, HTTPX2 = "own", "httpx2"

Failure = type[httpx2.HTTPError] | type[httpx2.StreamError]
Content = bytes | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a request: a status if a head came, the body as far as it came, and what it broke with."""

    status: int | None = None
    body: bytes = b""
    broke: Failure | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    method: str = "POST"
    content: Content = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: Mapping[str, float | None] = field(default_factory=dict)
    sni: str | None = None

    def request(self, url: str) -> httpx2.Request:
        names = {"sni_hostname": self.sni} if self.sni else {}
        extensions = {"timeout": dict(self.timeout)} | names
        return httpx2.Request(
            self.method, url, content=self.content or None, headers=dict(self.headers), extensions=extensions
        )


PLAIN = Asked()
EMPTY = Came(200)


@dataclass(frozen=True, slots=True)
class Road:
    """`name` is which transport it is."""

    name: str
    transport: httpx2.AsyncBaseTransport

    async def head(self, url: str, asked: Asked = PLAIN) -> httpx2.Response:
        return await self.transport.handle_async_request(asked.request(url))

    async def came(self, url: str, asked: Asked = PLAIN) -> Came:
        try:
            response = await self.head(url, asked)
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            return Came(broke=type(error))
        body = b""
        try:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            async for piece in response.stream:
                body += piece
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            return Came(response.status_code, body, type(error))
        finally:
            await response.aclose()
        return Came(response.status_code, body)


@dataclass(frozen=True, slots=True)
class Case:
    """A script for the first request on a connection, what comes of it, and whether the next may follow on it.

    Where httpx2's own transport does something else, `theirs` is what, and `why` says what that is about; what comes of
    the request after it is `theirs_next` then.
    """

    script: Script
    ours: Came
    kept: bool
    asked: Asked = PLAIN
    theirs: Came | None = None
    theirs_kept: bool | None = None
    theirs_next: Came = EMPTY
    why: str = ""

    def comes(self, road: Road) -> Came:
        return self.theirs if self.theirs is not None and road.name == HTTPX2 else self.ours

    def keeps(self, road: Road) -> bool:
        return self.theirs_kept if self.theirs_kept is not None and road.name == HTTPX2 else self.kept

    def comes_next(self, road: Road) -> Came:
        return self.theirs_next if road.name == HTTPX2 else EMPTY


def once(script: Script) -> Script:
    """The script for the first request of all; every later one gets an empty answer."""
    met = False

    async def then(turn: Turn) -> None:
        nonlocal met
        if met:
            await turn.say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            return
        met = True
        await script(turn)

    return then
