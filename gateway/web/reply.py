"""What goes back over HTTP: answers as they come, errors as the caller's dialect has them.

The only file that renders a `GatewayError`, and beside the relay the only one that looks at `started`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.core.errors import GatewayError, WrongMethod
from gateway.core.headers import (
    ATTEMPTS,
    BILLED,
    CALL_ID,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COST_USD,
    GROUP,
    HOLD_USD,
    REQUEST_ID,
    RETRY_AFTER,
    SHOULD_RETRY,
)
from gateway.core.money import usd_of
from gateway.dialects.base import JSON, Dialect
from gateway.relay.journey import Journey

Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiSink:
    """An answer on its way to one caller."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, content_type: str, length: int | None, journey: Journey) -> None:
        """Sends the head: from here on the answer can only be finished or broken off."""
        headers = {
            CONTENT_TYPE: content_type,
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would hold a stream back until it is whole
            REQUEST_ID: self._request_id,
            CALL_ID: journey.call.id,
            **_of_journey(journey),
        }
        if length is not None:
            headers[CONTENT_LENGTH] = str(length)
        self.started = True
        await self._send(_head(200, headers))

    async def send(self, data: bytes) -> None:
        if data and not self.gone.done():
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def break_off(self) -> None:
        """Leaves the answer unfinished: the server then closes the connection, and the caller sees that."""
        self.leave()

    def leave(self) -> None:
        """The caller has hung up."""
        if not self.gone.done():
            self.gone.set_result(None)


def _of_journey(journey: Journey) -> dict[str, str]:
    """What is known of the money when the head is sent: all of it, or only what is held."""
    headers = {ATTEMPTS: str(journey.attempts)}
    if journey.head.done() and journey.head.exception() is None:
        headers |= {GROUP: journey.head.result().lane.group.name, BILLED: "yes"}
    else:
        headers[BILLED] = "unknown"
    if journey.charge is not None:
        headers[COST_USD] = usd_of(journey.charge.nanos)
    else:
        headers[HOLD_USD] = usd_of(journey.hold.nanos)
    return headers


async def send_json(send: Send, request_id: str, body: bytes) -> None:
    await _whole(send, 200, {CONTENT_TYPE: JSON + "; charset=UTF-8", REQUEST_ID: request_id}, body)


async def send_error(send: Send, dialect: Dialect, error: GatewayError, request_id: str, call_id: str | None) -> None:
    """An error, whole, with what its reader may do about it in the headers."""
    status, body = dialect.error(error)
    headers = {CONTENT_TYPE: JSON + "; charset=UTF-8", REQUEST_ID: request_id, BILLED: error.billed}
    if call_id is not None:
        headers[CALL_ID] = call_id
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
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}
