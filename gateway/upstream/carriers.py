"""What carries requests to a lane: connections of our own, or the library's."""

import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import httpx2

from gateway.upstream.connection import KEEPALIVE, Origin
from gateway.upstream.heads import request_head
from gateway.upstream.transport import Transport, origin_of

_NAME, _LENGTH = b"x-request-id: ", b"\r\ncontent-length: "


class Reply(NamedTuple):
    """The head of an answer, and its body as it comes; its use of the connection ends with the stream."""

    status: int
    headers: list[tuple[bytes, bytes]]
    stream: httpx2.AsyncByteStream

    def header(self, name: bytes) -> str:
        """Of a name in lower case; empty: there is none."""
        for known, value in self.headers:
            if len(known) == len(name) and known.lower() == name:
                return value.decode("latin-1")
        return ""


class Carrier(Protocol):
    """Raises what httpx2's transports raise."""

    async def post(self, url: str, headers: Mapping[str, str], request_id: str, body: bytes, connect_s: float) -> Reply:
        """Sends once. The headers of an address are always the same; `request_id` is another each time."""

    async def aclose(self) -> None:
        """Closes every connection, also those in use."""


class Own:
    """What is the same in every request to an address is put together once."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._transport = Transport(trust)
        self._heads: dict[str, tuple[Origin, bytes]] = {}  # as many as models

    async def post(self, url: str, headers: Mapping[str, str], request_id: str, body: bytes, connect_s: float) -> Reply:
        origin, head = self._heads.get(url) or self._head(url, headers)
        whole = b"%b%b%b%d\r\n\r\n" % (head, request_id.encode("ascii"), _LENGTH, len(body))
        arrival = await self._transport.send(origin, whole, body, connect_s)
        return Reply(arrival.status, arrival.headers, arrival)

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _head(self, url: str, headers: Mapping[str, str]) -> tuple[Origin, bytes]:
        request = httpx2.Request("POST", url, headers=headers)
        raw = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
        wire = request_head("POST", request.url.raw_path, raw).wire
        self._heads[url] = made = origin_of(request), wire.removesuffix(b"\r\n") + _NAME
        return made


class Library:
    """httpx2's own transport."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        # Few idle connections: its pool looks at every one of them for every request.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30.0)
        self._transport = httpx2.AsyncHTTPTransport(
            verify=trust, trust_env=False, limits=limits, socket_options=KEEPALIVE
        )

    async def post(self, url: str, headers: Mapping[str, str], request_id: str, body: bytes, connect_s: float) -> Reply:
        request = httpx2.Request(
            "POST",
            url,
            content=body,
            headers={**headers, "x-request-id": request_id},
            extensions={"timeout": {"connect": connect_s}},
        )
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return Reply(response.status_code, response.headers.raw, response.stream)

    async def aclose(self) -> None:
        await self._transport.aclose()


CARRIERS: dict[str, Callable[[ssl.SSLContext], Carrier]] = {"own": Own, "httpx2": Library}
