"""HTTP/1.1 to the upstream over connections of our own: what httpx2's transport does, for thousands of calls at a time.

A request is sent once. Only a connection on which not a byte of it went may be another's in its place; what befalls it
later is a `ReadError`, a `WriteTimeout`, a `ReadTimeout` or a `RemoteProtocolError`, never a `ConnectError`: it may
have been billed.

Of a request's extensions `timeout` and `sni_hostname` are heeded. As many connections are opened as are needed, so that
there is no pool to wait for.
"""

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import httpx2

from gateway.upstream.arrival import Arrival
from gateway.upstream.connection import Connection, Origin
from gateway.upstream.dial import dial
from gateway.upstream.heads import RequestHead, request_head
from gateway.upstream.pool import Pool

_PORTS = {"http": 80, "https": 443}


class Transport(httpx2.AsyncBaseTransport):
    """For one event loop. It offers HTTP/1.1 alone with `trust`, from here on and to whoever else uses that.

    Idle connections are kept for `idle_s`, and `idle_most` of them for each origin.
    """

    def __init__(self, trust: ssl.SSLContext, *, idle_s: float = 30.0, idle_most: int = 1000) -> None:
        trust.set_alpn_protocols(["http/1.1"])
        self._trust = trust
        self.pool = Pool(idle_s=idle_s, idle_most=idle_most)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer's head; its body is read from the stream, which ends its use of the connection."""
        patience: dict[str, float | None] = request.extensions.get("timeout", {})
        head = request_head(request.method, request.url.raw_path, request.headers.raw)
        body = _body(request, head)
        connection = await self._connection(request, patience.get("connect"))
        arrival = connection.ask(request.method, patience.get("read"))
        write_s = patience.get("write")
        try:
            if body is None:
                await _send(connection, arrival, _frames(head, request.stream), write_s)
            else:
                connection.write_whole(head.wire, body)
            if connection.stuffed:
                await _taken(connection, arrival, write_s)
            await arrival.head()
        except BaseException:
            await arrival.aclose()
            raise
        return httpx2.Response(
            arrival.status,
            headers=arrival.headers,
            stream=arrival,
            extensions={"http_version": b"HTTP/" + arrival.version.encode(), "reason_phrase": arrival.reason},
        )

    async def send(self, origin: Origin, head: bytes, body: bytes, connect_s: float | None) -> Arrival:
        """The answer, whose head is here, to a POST of which head and body are as they go out."""
        connection = self.pool.take(origin) or await dial(origin, self.pool, self._trust, connect_s)
        arrival = connection.ask("POST", None)
        try:
            connection.write_whole(head, body)
            await arrival.head()
        except BaseException:
            await arrival.aclose()
            raise
        return arrival

    async def aclose(self) -> None:
        """Closes every connection, also those in use, and returns when they are closed."""
        await self.pool.aclose()

    async def _connection(self, request: httpx2.Request, connect_s: float | None) -> Connection:
        origin = origin_of(request)
        return self.pool.take(origin) or await dial(origin, self.pool, self._trust, connect_s)


def origin_of(request: httpx2.Request) -> Origin:
    """Where a request goes; raises `UnsupportedProtocol`."""
    url = request.url
    scheme = url.scheme
    if scheme not in _PORTS:
        raise httpx2.UnsupportedProtocol(f"{scheme or 'no scheme'}: only http and https are spoken here")
    host = url.raw_host.decode("ascii")
    return Origin(scheme, host, url.port or _PORTS[scheme], request.extensions.get("sni_hostname") or host)


def _body(request: httpx2.Request, head: RequestHead) -> bytes | None:
    """None: it goes in pieces."""
    if head.length is None:
        return None
    try:
        body = request.content
    except httpx2.RequestNotRead:
        return None
    if len(body) != head.length:
        raise httpx2.LocalProtocolError(f"the head announces {head.length} bytes, and there are {len(body)}")
    return body


async def _send(
    connection: Connection, arrival: Arrival, frames: AsyncGenerator[Sequence[bytes]], write_s: float | None
) -> None:
    """Until all is sent, or the answer shows that nobody wants the rest."""
    async with aclosing(frames):
        async for frame in frames:
            await _taken(connection, arrival, write_s)
            if not arrival.silent:
                return
            connection.write(frame)
    connection.sent()


async def _taken(connection: Connection, arrival: Arrival, write_s: float | None) -> None:
    """Returns when there is room for more, or when that does not matter any more."""
    while connection.stuffed and arrival.silent:
        await arrival.news(write_s, httpx2.WriteTimeout)


async def _frames(head: RequestHead, stream: object) -> AsyncGenerator[Sequence[bytes]]:
    """A request as it goes out; raises `LocalProtocolError` when its body is not what its head has announced."""
    yield (head.wire,)
    left = head.length
    assert isinstance(stream, httpx2.AsyncByteStream), "a body that cannot be read here"
    async for piece in stream:
        if left is not None:
            left -= len(piece)
            if left < 0:
                raise httpx2.LocalProtocolError(f"more than the {head.length} bytes that the head announces")
        if piece:
            yield (piece,) if left is not None else (b"%x\r\n" % len(piece), piece, b"\r\n")
    if left:
        raise httpx2.LocalProtocolError(f"{left} bytes less than the {head.length} that the head announces")
    if left is None:
        yield (b"0\r\n\r\n",)
