"""From a journey to its caller: the head, the chunks as they come, heartbeats before, the end.

The sink's start is the point of no return. Before it every error is raised and rendered whole;
after it an answer is finished, ended with an error the format knows, or broken off for all to see.
"""

import asyncio
import math
from asyncio import FIRST_COMPLETED
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from gateway.core.errors import CallerLeft, GatewayError, InternalError, StillDrawing, UpstreamCut
from gateway.core.outcome import Verdict
from gateway.dialects.base import Writer
from gateway.relay.attempt import Attempt
from gateway.relay.journey import Journey


class Sink(Protocol):
    """Where an answer goes. Sending to a caller who has left does nothing."""

    started: bool
    gone: asyncio.Future[None]  # done when the caller has hung up

    async def start(self, content_type: str, length: int | None, journey: Journey) -> None: ...

    async def send(self, data: bytes) -> None: ...

    async def end(self) -> None: ...

    async def break_off(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Pulse:
    """In seconds. Streams are opened after `open_s` of waiting, so that quick refusals keep their status,
    and kept warm every `beat_s`: proxies in between cut what is silent for a minute."""

    open_s: float = 2.0
    beat_s: float = 15.0
    settle_s: float = 1.0


async def deliver(journey: Journey, writer: Writer, sink: Sink, pulse: Pulse) -> GatewayError | None:
    """Writes the answer; returns the error that was told after its head, if there was one.

    Raises `GatewayError` while nothing has been sent yet, and `CallerLeft`.
    """
    try:
        attempt = await _winner(journey, writer, sink, pulse)
        await _answer(journey, attempt, writer, sink, pulse)
    except GatewayError as error:
        if not isinstance(error, StillDrawing):
            await _settled(journey, pulse)
        if not sink.started:
            raise
        await _break(error, writer, sink)
        return error
    except CallerLeft:
        raise
    except Exception:
        if not sink.started:
            raise
        await _break(InternalError("The gateway failed in the middle of an answer."), writer, sink)
        raise
    return None


async def _winner(journey: Journey, writer: Writer, sink: Sink, pulse: Pulse) -> Attempt:
    """Waits for the attempt whose answer the caller gets, for as long as the caller does."""
    beats = _beats(writer, pulse)
    left_s = journey.call.patience_s
    while not journey.head.done():
        beat_s, sends = next(beats)
        await asyncio.wait((journey.head, sink.gone), timeout=min(beat_s, left_s), return_when=FIRST_COMPLETED)
        left_s -= beat_s
        if journey.head.done():
            break
        if sink.gone.done():
            raise CallerLeft
        if left_s <= 0:
            raise StillDrawing(
                f"The picture is still being drawn and you would not wait longer. Call {journey.call.id} goes on "
                "and is charged when it is finished; allow your client more time (4K: 600 s)."
            )
        await _open(journey, writer, sink, sends)
    attempt = journey.head.result()
    if not sink.started and (opening := writer.opening()):
        await _open(journey, writer, sink, opening)
    return attempt


def _beats(writer: Writer, pulse: Pulse) -> Iterator[tuple[float, bytes]]:
    """How long to wait each time, and what to send when nothing has come by then."""
    if writer.heartbeat is None:
        while True:
            yield math.inf, b""
    if opening := writer.opening():
        yield pulse.open_s, opening
    while True:
        yield pulse.beat_s, writer.heartbeat


async def _open(journey: Journey, writer: Writer, sink: Sink, first: bytes) -> None:
    if not sink.started:
        await sink.start(writer.content_type, None, journey)
    await sink.send(first)


async def _answer(journey: Journey, attempt: Attempt, writer: Writer, sink: Sink, pulse: Pulse) -> None:
    """One piece is held back until the books are written: whoever has the answer finds it in them.

    An answer of one piece is therefore known whole before its head is sent: what it cost is in the
    head, and one that makes no sense can still be told as an error.
    """
    last = b""
    length = attempt.length if writer.passes else None
    async for chunk in attempt.pipe:
        if sink.gone.done():
            raise CallerLeft
        piece = writer.feed(chunk)
        if piece and last:
            if not sink.started:
                await sink.start(writer.content_type, length, journey)
            await sink.send(last)
        last = piece or last
    await attempt.ended.wait()
    await _settled(journey, pulse)
    if attempt.outcome.verdict is Verdict.CUT:
        raise UpstreamCut("The upstream's answer broke off; nothing is charged to your key.")
    last += writer.closing()
    if not sink.started:
        await sink.start(writer.content_type, len(last), journey)
    await sink.send(last)
    await sink.end()


async def _settled(journey: Journey, pulse: Pulse) -> None:
    """Waits for the settlement, but not for ever: with the store away it is written later."""
    try:
        async with asyncio.timeout(pulse.settle_s):
            await journey.settled.wait()
    except TimeoutError:
        return


async def _break(error: GatewayError, writer: Writer, sink: Sink) -> None:
    told = writer.broken(error)
    if told:
        await sink.send(told)
        await sink.end()
    else:
        await sink.break_off()
