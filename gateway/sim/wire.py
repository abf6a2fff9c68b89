"""One HTTP exchange, close to the socket.

A fault of the network is only worth rehearsing if it is real, so this file reaches below ASGI: the
protocol lends each request its transport, and `Wire` can reset the connection, close it early, or
notice that the caller has left. It knows nothing of pictures, bills or what the bytes mean.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TRANSPORT = "sim.transport"
_PIECE_BYTES = 128 * 1024  # what is written between two looks at whether the caller is still there
_LINGER_NOT = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN


class Wire:
    """The reply side of one request. After the caller has gone, everything written is dropped."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        self._transport: asyncio.Transport | None = scope.get("extensions", {}).get(_TRANSPORT)
        self._left = asyncio.create_task(_disconnect(receive), name="sim: watch for a hang-up")
        self.sent: list[bytes] = []  # the body so far
        self.finished = False  # everything was handed to a caller who was still there

    @property
    def gone(self) -> bool:
        """Whether the connection is known to be lost."""
        return self._left.done() or (self._transport is not None and self._transport.is_closing())

    async def until_gone(self, limit_s: float | None = None) -> None:
        """Waits for the caller to leave, at most so long."""
        await asyncio.wait({self._left}, timeout=limit_s)

    async def first(self, work: asyncio.Future[Any]) -> bool:
        """Waits for the work or the caller's leaving; whether the work came first."""
        await asyncio.wait({self._left, work}, return_when=asyncio.FIRST_COMPLETED)
        return work.done() and not self.gone

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes) -> None:
        for at in range(0, len(body), _PIECE_BYTES):
            if self.gone:
                return
            piece = body[at : at + _PIECE_BYTES]
            self.sent.append(piece)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self) -> None:
        self.finished = not self.gone
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def reset(self) -> None:
        """Cuts the connection the hard way: the caller gets ECONNRESET."""
        transport = self._lent_transport()
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()
        await self.until_gone()

    async def close(self) -> None:
        """Sends what is written so far, then ends the connection, whatever was promised."""
        self._lent_transport().close()
        await self.until_gone()

    def let_go(self) -> None:
        self._left.cancel()

    def _lent_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionAbortedError("this server lends no transport; run the simulator with gateway.sim.wire")
        return self._transport


class _LendingProtocol(HttpToolsProtocol):
    """uvicorn's own protocol; each request's scope also holds the transport it came in on."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {_TRANSPORT: self.transport}


def server(app: ASGIApp) -> uvicorn.Server:
    """A server for the app whose connections can be cut; `run(sockets=[…])` it in any thread."""
    config = uvicorn.Config(
        app,
        http=_LendingProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # as nginx; soon closed, a connection is now and then used again just as it closes
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A bound and listening socket; port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def run(app: ASGIApp, listening: socket.socket, *, ready: Callable[[int], None]) -> None:
    """Serves until a signal ends it; `ready` is told the port as soon as callers may connect."""
    ready(listening.getsockname()[1])
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has ended in good order, then raises it again
        server(app).run(sockets=[listening])


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
