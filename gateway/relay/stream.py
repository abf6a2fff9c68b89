"""From journeys to their caller: chunks as they come, or one answer out of whole replies.

The sink's start is the point of no return. Before it every error is raised and rendered whole;
after it an answer is finished, ended with an error the format knows, or broken off for all to see.
One piece is always held back until the books are written, so that whoever has the answer finds it
in them; and an answer of one piece is known whole before its head is sent.
"""

from collections.abc import Sequence

from gateway.core.errors import CallerLeft, GatewayError, InternalError, StillDrawing, UpstreamCut
from gateway.core.outcome import Verdict
from gateway.dialects.base import Gathering, Passing
from gateway.relay.heads import head_of
from gateway.relay.journey import Journey
from gateway.relay.vigil import Sink, Vigil


async def deliver(
    journeys: Sequence[Journey], writer: Passing | Gathering, sink: Sink, vigil: Vigil
) -> GatewayError | None:
    """Writes the answer; returns the error that was told after its head, if there was one.

    Raises `GatewayError` while nothing has been sent yet, and `CallerLeft`.
    """
    try:
        if isinstance(writer, Gathering):
            await _gather(journeys, writer, sink, vigil)
        else:
            await _pass(journeys[0], writer, sink, vigil)
    except GatewayError as error:
        if not isinstance(error, StillDrawing):
            for journey in journeys:
                await journey.settled_for_now()
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


async def _pass(journey: Journey, writer: Passing, sink: Sink, vigil: Vigil) -> None:
    await vigil.until([journey.head])
    attempt = journey.head.result()
    length = attempt.length if writer.keeps_length else None
    last = b""
    async for chunk in attempt.pipe:
        if sink.gone.done():
            raise CallerLeft
        piece = writer.feed(chunk)
        if piece and last:
            if not sink.started:
                await sink.start(writer.content_type, length, head_of([journey]))
            await sink.send(last)
        last = piece or last
    await attempt.ended.wait()
    await journey.settled_for_now()
    if attempt.outcome.verdict is Verdict.CUT:
        raise UpstreamCut("The upstream's answer broke off; nothing is charged to your key.")
    await _finish(last + writer.closing(), writer, sink, head_of([journey]))


async def _gather(journeys: Sequence[Journey], writer: Gathering, sink: Sink, vigil: Vigil) -> None:
    pending = {journey.collect(): number for number, journey in enumerate(journeys)}
    failures: list[GatewayError] = []
    while pending:
        await vigil.until(pending)
        for reply in [each for each in pending if each.done()]:
            number = pending.pop(reply)
            try:
                piece = writer.each(number, reply.result())
            except GatewayError as error:
                failures.append(error)
                continue
            if piece:
                await vigil.open()
                await sink.send(piece)
    if len(failures) == len(journeys):
        raise failures[0]
    await _finish(writer.closing(), writer, sink, head_of(journeys, failed=len(failures)))


async def _finish(rest: bytes, writer: Passing | Gathering, sink: Sink, headers: dict[str, str]) -> None:
    if not sink.started:
        await sink.start(writer.content_type, len(rest), headers)
    await sink.send(rest)
    await sink.end()


async def _break(error: GatewayError, writer: Passing | Gathering, sink: Sink) -> None:
    told = writer.broken(error)
    if told:
        await sink.send(told)
        await sink.end()
    else:
        await sink.break_off()
