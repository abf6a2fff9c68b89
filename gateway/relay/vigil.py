"""Waiting on a caller's behalf: the line is kept warm, and nobody waits for a caller who has left."""

import asyncio
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.core.call import Call
from gateway.core.errors import CallerLeft, StillDrawing
from gateway.dialects.base import Gathering, Passing


class Sink(Protocol):
    """Where an answer goes. Sending to a caller who has left does nothing."""

    started: bool
    gone: asyncio.Future[None]  # done when the caller has hung up

    async def start(self, content_type: str, length: int | None, headers: Mapping[str, str]) -> None: ...

    async def send(self, data: bytes) -> None: ...

    async def end(self) -> None: ...

    async def break_off(self) -> None: ...


# What may stand before any JSON.
_SPACE = b" "


@dataclass(frozen=True, slots=True)
class Pulse:
    """In seconds. Streams are opened after `open_s` of waiting, so that quick refusals keep their status,
    and kept warm every `beat_s`: proxies in between cut what is silent for a minute. What is no stream is
    opened after `unary_s`, None: not before it is there. `settle_s` is for how long an answer waits for the books.
    """

    open_s: float = 2.0
    unary_s: float | None = None
    beat_s: float = 15.0
    settle_s: float = 1.0


class Vigil:
    """`head` gives the headers of an answer that begins now."""

    def __init__(
        self,
        call: Call,
        writer: Passing | Gathering,
        sink: Sink,
        pulse: Pulse,
        *,
        now: Callable[[], float],
        head: Callable[[], Mapping[str, str]],
    ) -> None:
        self._call = call
        self._writer = writer
        self._sink = sink
        self._now = now
        self._head = head
        self._beats = _beats(writer, pulse)
        self._beat = next(self._beats)

    async def until(self, wanted: Collection[asyncio.Future[Any]]) -> None:
        """Returns when one of them is done. Raises `CallerLeft`, and `StillDrawing` when patience is over."""
        ends_at = self._call.arrived_at + self._call.patience_s
        while True:
            beat_s, sends = self._beat
            left_s = max(0.0, ends_at - self._now())
            if await _any_done(wanted, self._sink.gone, min(beat_s, left_s)):
                return
            if self._sink.gone.done():
                raise CallerLeft
            if self._now() >= ends_at:
                raise StillDrawing(
                    f"The picture is still being drawn and you would not wait longer. Call {self._call.id} goes on: "
                    "send the same request again and you get it, charged once; Location says how it stands. Allow your "
                    "client more time (4K: 600 s), or ask with Prefer: respond-async."
                )
            await self.open()
            await self._sink.send(sends)

    async def open(self) -> None:
        """Begins a stream, if it has not begun."""
        if self._sink.started:
            return
        await self._sink.start(self._writer.content_type, None, self._head())
        if isinstance(self._writer, Gathering):
            await self._sink.send(self._writer.opening())
        self._beat = next(self._beats)


async def _any_done(wanted: Collection[asyncio.Future[Any]], gone: asyncio.Future[None], for_s: float) -> bool:
    """Waits until one is done, or all is over, or the time is; whether one of those that are wanted is done."""
    for each in wanted:
        if each.done():
            return True
    if gone.done():
        return False
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake(_: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    waiting = (*wanted, gone)
    for each in waiting:
        each.add_done_callback(wake)
    timer = loop.call_later(for_s, wake)
    try:
        await waiter
    finally:
        timer.cancel()
        for each in waiting:
            each.remove_done_callback(wake)
    return any(each.done() for each in wanted)


def _beats(writer: Passing | Gathering, pulse: Pulse) -> Iterator[tuple[float, bytes]]:
    """How long to wait each time, and what to send when nothing has come by then."""
    beat = writer.heartbeat
    if beat is None:
        beat = _SPACE
        yield math.inf if pulse.unary_s is None else pulse.unary_s, beat
    elif isinstance(writer, Gathering) and writer.opening():
        yield pulse.open_s, b""
    while True:
        yield pulse.beat_s, beat
