"""What goes back over HTTP: answers as they come, errors as the caller's dialect has them.

The only file that renders a `GatewayError`, and beside the relay the only one that looks at `started`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from gateway.core.errors import GatewayError, StillDrawing, WrongMethod
from gateway.core.headers import (
    ATTEMPTS,
    BILLED,
    CALL_ID,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COST_USD,
    DRILL,
    GROUP,
    HOLD_USD,
    LEFT_USD,
    LOCATION,
    REQUEST_ID,
    RETRY_AFTER,
    SHOULD_RETRY,
)
from gateway.dialects.base import JSON, Dialect

# Those that are in nearly every answer, as they go out.
_NAMES = {
    name: name.encode()
    for name in (
        *(ATTEMPTS, BILLED, CALL_ID, CONTENT_LENGTH, CONTENT_TYPE, COST_USD, GROUP, HOLD_USD, LEFT_USD, REQUEST_ID),
        *("cache-control", "x-accel-buffering"),
    )
}

# What a connection takes without waiting.
_MUCH_BYTES = 64 * 1024

Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiSink:
    """An answer on its way to one caller."""

    def __init__(self, send: Send, request_id: str, call_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._call_id = call_id
        self.started = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, content_type: str, length: int | None, headers: Mapping[str, str]) -> None:
        """Sends the head: from here on the answer can only be finished or broken off."""
        all_headers = {
            CONTENT_TYPE: content_type,
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would hold a stream back until it is whole
            REQUEST_ID: self._request_id,
            CALL_ID: self._call_id,
            **headers,
        }
        if length is not None:
            all_headers[CONTENT_LENGTH] = str(length)
        self.started = True
        await self._send(_head(200, all_headers))

    async def send(self, data: bytes) -> None:
        if data and not self.gone.done():
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            if len(data) > _MUCH_BYTES and not self.gone.done():
                # A server waits before it writes: so nothing more is read before most of this has gone.
                await self._send({"type": "http.response.body", "body": b"", "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def break_off(self) -> None:
        """Leaves the answer unfinished: the server then closes the connection, and the caller sees that."""
        self.leave()

    def leave(self) -> None:
        """The caller has hung up."""
        if not self.gone.done():
            self.gone.set_result(None)


async def send_json(
    send: Send, request_id: str, body: bytes, *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    usual = {CONTENT_TYPE: JSON + "; charset=UTF-8", REQUEST_ID: request_id}
    await _whole(send, status, {**usual, **headers}, body)


async def send_error(send: Send, dialect: Dialect, error: GatewayError, request_id: str, call_id: str | None) -> None:
    """An error, whole, with what its reader may do about it in the headers."""
    status, body = dialect.error(error)
    headers = {CONTENT_TYPE: JSON + "; charset=UTF-8", REQUEST_ID: request_id, BILLED: error.billed}
    if call_id is not None:
        headers[CALL_ID] = error.call_id or call_id
    if isinstance(error, StillDrawing) and CALL_ID in headers:
        headers[LOCATION] = f"/gateway/calls/{headers[CALL_ID]}"
    if error.drill is not None:
        headers[DRILL] = error.drill
    if error.should_retry is not None:
        headers[SHOULD_RETRY] = "true" if error.should_retry else "false"
    if isinstance(error, WrongMethod):
        headers["allow"] = ", ".join(error.allowed)
    if error.retry_after_s is not None:
        headers[RETRY_AFTER] = str(error.retry_after_s)
    await _whole(send, status, headers, body)


async def _whole(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    await send(_head(status, {**headers, CONTENT_LENGTH: str(len(body))}))
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _head(status: int, headers: dict[str, str]) -> dict[str, Any]:
    pairs = [(_NAMES.get(name) or name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}
