"""Request bodies, read within limits: of size, of time, and of what all of them together may hold in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.core.errors import BadRequest, BodyTooLarge, BodyTooSlow, CallerLeft, GatewayBusy
from gateway.web.request import Request

# Within these a body must move: whoever sends slower holds a place for nothing.
IDLE_S = 30.0
TOTAL_S = 300.0


class Bodies:
    """Reads bodies and keeps count of them. `most_bytes` is for one, `all_bytes` for all in memory, None: no limit."""

    def __init__(self, most_bytes: int, all_bytes: int | None) -> None:
        self._most_bytes = most_bytes
        self._all_bytes = all_bytes
        self.in_memory = 0

    @asynccontextmanager
    async def read(self, request: Request, receive: Any) -> AsyncIterator[bytes]:
        """The whole body, counted for as long as the block lasts. Raises `CallerLeft`, or the error to tell."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadRequest("Send the body uncompressed; Content-Encoding is not supported.", code="bad_encoding")
        self._check(request.length or 0)
        chunks: list[bytes] = []
        try:
            await self._collect(receive, chunks)
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            self.in_memory -= sum(map(len, chunks))

    async def _collect(self, receive: Any, chunks: list[bytes]) -> None:
        size = 0
        more = True
        try:
            async with asyncio.timeout(TOTAL_S):
                while more:
                    async with asyncio.timeout(IDLE_S):
                        message = await receive()
                    if message["type"] == "http.disconnect":
                        raise CallerLeft
                    chunk = message.get("body", b"")
                    chunks.append(chunk)
                    size += len(chunk)
                    self.in_memory += len(chunk)
                    self._check(size, counted=size)
                    more = message.get("more_body", False)
        except TimeoutError:
            raise BodyTooSlow("The request body came too slowly; nothing was charged.") from None

    def _check(self, size: int, *, counted: int = 0) -> None:
        """Refuses a body of `size` bytes, `counted` of which are in memory already, where a limit says so."""
        if size > self._most_bytes:
            raise BodyTooLarge(
                f"The request body is larger than {self._most_bytes} bytes; send fewer or smaller reference pictures."
            )
        if self._all_bytes is not None and self.in_memory - counted + size > self._all_bytes:
            raise GatewayBusy("Too many large requests are being read just now; try again in a moment.")
