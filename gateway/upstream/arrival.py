"""One answer as it arrives on a connection: its head, then its body in the very pieces that the loop made.

A body of known length never meets the parser again once its head was read. What nobody has read yet is bounded: above
`HELD_BYTES` the connection stops reading until the reader has caught up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import httptools
import httpx2

from gateway.upstream.heads import CHUNKED, body_end

HELD_BYTES = 64 * 1024
_CAUGHT_UP_BYTES = HELD_BYTES // 4
# As much as httpx2 reads of a head; also of trailers and of early hints, of which there could be no end.
HEAD_BYTES = 100 * 1024


# Until something comes: a deque is larger than all else of an answer that is waited for. Nothing is put into it.
_NOTHING: deque[bytes] = deque()


class Line(Protocol):
    """What an answer arrives on."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def release(self, *, usable: bool) -> None:
        """The answer needs it no more; `usable`: another one may follow on it."""

    def close(self) -> None: ...


class Arrival(httpx2.AsyncByteStream):
    """`status` is 0 until the head is here. `read_s` is how long each piece is waited for from now on; None: for ever.

    The line is released as soon as the last byte has come in, whether or not it was read. Who leaves earlier calls
    `aclose`, which closes the line.
    """

    def __init__(self, line: Line, method: str, read_s: float | None) -> None:
        self.status = 0
        self.reason = b""
        self.version = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self._line: Line | None = line
        self._method = method
        self.read_s = read_s
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._left = 0  # bytes of the body still to come, or CHUNKED, or UNTIL_CLOSE
        self._bare = False  # what comes is the body and nothing else
        self._whole = False
        self._keeps = False  # the connection may take another request
        self._fruitless_bytes = 0
        self._pieces = _NOTHING
        self._held_bytes = 0
        self._paused = False
        self._broken: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    # What the connection tells.

    def feed(self, received: bytes) -> None:
        if not self._bare:
            self._parse(received)
            return
        left = self._left
        if left < 0:
            self.on_body(received)
        elif len(received) < left:
            self._left = left - len(received)
            self.on_body(received)
        else:
            self._keeps = self._keeps and len(received) == left
            self.on_body(received if len(received) == left else received[:left])
            self._finish()

    def lose(self, error: Exception | None) -> None:
        """The connection has ended: by the peer's leave if there is no `error`, which may be how the body ends."""
        if self._line is None:
            return
        if error is not None:
            self._break(httpx2.ReadError(str(error) or type(error).__name__))
        elif not self.status:
            self._break(httpx2.RemoteProtocolError("Server disconnected without sending a response."))
        elif self._bare and self._left < 0:
            self._keeps = False
            self._finish()
        else:
            missing = "a last chunk" if self._left == CHUNKED else f"{self._left} bytes"
            self._break(httpx2.RemoteProtocolError(f"peer closed the connection, and {missing} of its body is missing"))

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the parser tells.

    def on_status(self, reason: bytes) -> None:
        if not self.status:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # after it they are trailers, which nobody asked for
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        status = parser.get_status_code()
        if self.status or (status < 200 and status != 101):
            return
        self.version = parser.get_http_version()
        if status == 101 or not self.version.startswith("1."):
            raise httpx2.RemoteProtocolError(f"HTTP/{self.version} {status} is no answer to an HTTP/1.1 request")
        self._left = body_end(self._method, status, self.headers)
        self._keeps = parser.should_keep_alive()
        self._whole = self._left == 0
        self.status = status

    def on_body(self, piece: bytes) -> None:
        if self._whole:
            self._keeps = False  # a body where none may be
            return
        if self._pieces is _NOTHING:
            self._pieces = deque()
        self._pieces.append(piece)
        self._held_bytes += len(piece)
        self._fruitless_bytes = 0
        if self._held_bytes > HELD_BYTES and not self._paused and self._line is not None:
            self._paused = True
            self._line.pause()
        if self._waiter is not None:
            self.wake()

    def on_message_begin(self) -> None:
        if self._whole:
            self._keeps = False  # an answer to nothing

    def on_message_complete(self) -> None:
        if self.status:
            self._whole = True
            return
        self.reason = b""  # that was a hint, and the answer is still to come
        self.headers.clear()

    # What the reader asks.

    @property
    def silent(self) -> bool:
        """Neither has the head come, nor can it come no more."""
        return not self.status and self._broken is None

    async def head(self) -> None:
        """Returns when the head is here; raises what befell the connection before."""
        while self.silent:
            await self.news(self.read_s, httpx2.ReadTimeout)
        if self._broken is not None and not self.status:
            raise self._broken

    async def news(self, patience_s: float | None, expired: type[httpx2.TimeoutException]) -> None:
        """Returns when something has changed; raises `expired` when nothing has in so many seconds."""
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        late = None if patience_s is None else loop.call_later(patience_s, _expire, waiter)
        try:
            await waiter
        except TimeoutError:
            raise expired(f"nothing happened for {patience_s:g} s") from None
        finally:
            self._waiter = None
            if late is not None:
                late.cancel()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._broken is not None:
                raise self._broken
            if self._line is None:
                raise StopAsyncIteration
            try:
                await self.news(self.read_s, httpx2.ReadTimeout)
            except BaseException:
                await self.aclose()
                raise
        piece = self._pieces.popleft()
        self._held_bytes -= len(piece)
        if self._paused and self._held_bytes <= _CAUGHT_UP_BYTES:
            self._paused = False
            if self._line is not None:
                self._line.resume()
        return piece

    async def aclose(self) -> None:
        """Nobody reads on: what is still to come is not waited for."""
        self._pieces.clear()
        if self._line is not None:
            self._break(httpx2.StreamClosed())

    # Ends.

    def _parse(self, received: bytes) -> None:
        assert self._parser is not None
        self._fruitless_bytes += len(received)
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._whole:
                self._break(_unreadable(error))
                return
            self._keeps = False
        if self._whole:
            self._finish()
        elif self._fruitless_bytes > HEAD_BYTES:
            self._break(httpx2.RemoteProtocolError(f"more than {HEAD_BYTES} bytes, and nothing of a body among them"))
        elif self.status and self._left != CHUNKED:
            self._bare = True
            self._left -= self._held_bytes if self._left > 0 else 0
        if self.status:
            self.wake()

    def _finish(self) -> None:
        line, self._line = self._line, None
        self._parser = None
        if line is not None:
            if self._paused:  # who comes next on this line must not find it deaf
                self._paused = False
                line.resume()
            line.release(usable=self._keeps)
        self.wake()

    def _break(self, error: Exception) -> None:
        line, self._line = self._line, None
        self._parser = None
        self._broken = error
        if line is not None:
            line.close()
        self.wake()


def _unreadable(error: Exception) -> httpx2.RemoteProtocolError:
    """What was thrown at the parser by its listener, or what it threw itself."""
    inner = error.__context__
    return inner if isinstance(inner, httpx2.RemoteProtocolError) else httpx2.RemoteProtocolError(str(error))


def _expire(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
