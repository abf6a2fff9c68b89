"""One connection to the upstream: requests go out on it one after another, and each has one answer."""

import asyncio
import select
import socket
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from gateway.upstream.arrival import Arrival

# A call is silent for minutes. Whatever stands between forgets connections on which nothing moves, some after a minute.
KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), seconds)
    for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]

# Below it, one packet and one copy are cheaper than two pieces.
_JOINED_BYTES = 64 * 1024


class Origin(NamedTuple):
    """Where a connection leads, and under which name its certificate was asked for."""

    scheme: str
    host: str
    port: int
    name: str


class Home(Protocol):
    """Where connections are known as long as they are open, and wait between requests."""

    def opened(self, connection: "Connection") -> None: ...

    def idle(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """Made by a loop. It has an `Arrival` from a request until the last byte of its answer, and is idle without one."""

    __slots__ = ("_arrival", "_home", "_poll", "_sending", "_transport", "origin", "stuffed")

    _transport: asyncio.Transport

    def __init__(self, origin: Origin, home: Home) -> None:
        self.origin = origin
        self.stuffed = False  # what was written last has not been taken yet
        self._home = home
        self._arrival: Arrival | None = None
        self._sending = False

    @property
    def stands(self) -> bool:
        return not self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """It stands, and nothing has come in that the loop has not seen yet: not even that the peer has left."""
        return self.stands and not self._poll.poll(0)

    def ask(self, method: str, read_s: float | None) -> Arrival:
        """The answer to a request that is written next. It is not another's turn until all of it is `sent`."""
        self._sending = True
        self._arrival = Arrival(self, method, read_s)
        return self._arrival

    def write_whole(self, head: bytes, body: bytes) -> None:
        if len(body) <= _JOINED_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        self._sending = False

    def write(self, pieces: Sequence[bytes]) -> None:
        self._transport.writelines(pieces)

    def sent(self) -> None:
        self._sending = False

    # What an arrival does.

    def pause(self) -> None:
        self._transport.pause_reading()

    def resume(self) -> None:
        self._transport.resume_reading()

    def release(self, *, usable: bool) -> None:
        self._arrival = None
        # An answer can be there before its request has gone out, and then the rest of that is still on its way.
        if usable and not self._sending and not self._transport.get_write_buffer_size():
            self._home.idle(self)
        else:
            self.close()

    def close(self) -> None:
        """At once, whatever is still to be written; who waits for an answer here gets a `ReadError`."""
        arrival, self._arrival = self._arrival, None
        self._transport.abort()
        if arrival is not None:
            arrival.lose(ConnectionAbortedError("the connection was closed on this side"))

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by name
        own: socket.socket = transport.get_extra_info("socket")
        for option in KEEPALIVE:
            own.setsockopt(*option)
        self._poll = select.poll()
        self._poll.register(own.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._arrival is not None:
            self._arrival.feed(data)
        else:
            self.close()  # nobody asked

    def eof_received(self) -> None:
        self._lose(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(exc)
        self._home.closed(self)

    def pause_writing(self) -> None:
        self.stuffed = True

    def resume_writing(self) -> None:
        self.stuffed = False
        if self._arrival is not None:
            self._arrival.wake()

    def _lose(self, error: Exception | None) -> None:
        if self._arrival is not None:
            self._arrival.lose(error)
        self.close()

    def __repr__(self) -> str:
        return f"<Connection {self.origin.host}:{self.origin.port} {'in use' if self._arrival else 'idle'}>"
