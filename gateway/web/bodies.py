"""Request bodies, read within limits: of size, of time, and of what all of them together may hold in memory."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from gateway.core.errors import BadRequest, BodyTooLarge, BodyTooSlow, CallerLeft, GatewayBusy
from gateway.web.request import Request


@dataclass(slots=True)
class _Body:
    """What has come of one body."""

    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def whole(self) -> bytes:
        """All of it, once: it is kept by whoever asks, and not here."""
        chunks, self.chunks = self.chunks, []
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class Bodies:
    """Reads bodies and keeps count of them. `most_bytes` is for one, `all_bytes` for all in memory, None: no limit.

    A body must move within `idle_s` and end within `total_s`: whoever sends slower holds a place for nothing.
    """

    def __init__(self, most_bytes: int, all_bytes: int | None, *, idle_s: float = 30.0, total_s: float = 300.0) -> None:
        self._most_bytes = most_bytes
        self._all_bytes = all_bytes
        self._idle_s = idle_s
        self._total_s = total_s
        self.in_memory = 0

    async def read(self, request: Request, receive: Any) -> bytes:
        """The whole body, counted until it is `forgotten`. Raises `CallerLeft`, or the error to tell."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadRequest("Send the body uncompressed; Content-Encoding is not supported.", code="bad_encoding")
        self._check(request.length or 0)
        body = _Body()
        try:
            await self._collect(receive, body)
        except BaseException:
            self.in_memory -= body.size
            raise
        return body.whole()

    def forgotten(self, size: int) -> None:
        """So much of what was counted is needed no more."""
        self.in_memory -= size

    def grow(self, size: int) -> None:
        """Counts what a request grows by here, until so much is `forgotten`; raises `GatewayBusy`."""
        self._check_all(size)
        self.in_memory += size

    async def _collect(self, receive: Any, body: _Body) -> None:
        now = asyncio.get_running_loop().time
        ends_at = now() + self._total_s
        try:
            async with asyncio.timeout(min(self._idle_s, self._total_s)) as patience:
                while self._taken(await receive(), body):
                    patience.reschedule(min(now() + self._idle_s, ends_at))
        except TimeoutError:
            raise BodyTooSlow("The request body came too slowly; nothing was charged.") from None

    def _taken(self, message: dict[str, Any], body: _Body) -> bool:
        """Takes a piece; says whether there are more."""
        if message["type"] == "http.disconnect":
            raise CallerLeft
        chunk = message.get("body", b"")
        body.chunks.append(chunk)
        body.size += len(chunk)
        self.in_memory += len(chunk)
        self._check(body.size, counted=body.size)
        return bool(message.get("more_body", False))

    def _check(self, size: int, *, counted: int = 0) -> None:
        """Refuses a body of `size` bytes, `counted` of which are in memory already, where a limit says so."""
        if size > self._most_bytes:
            raise BodyTooLarge(
                f"The request body is larger than {self._most_bytes} bytes; send fewer or smaller reference pictures."
            )
        self._check_all(size - counted)

    def _check_all(self, more: int) -> None:
        """Refuses `more` bytes where all bodies together would be too much."""
        if self._all_bytes is not None and self.in_memory + more > self._all_bytes:
            raise GatewayBusy("Too many large requests are being read just now; try again in a moment.")
