"""From journeys to their caller: chunks as they come, or one answer out of whole replies.

The sink's start is the point of no return. Before it every error is raised and rendered whole;
after it an answer is finished, ended with an error the format knows, or broken off for all to see.
One piece is always held back until the books are written, so that whoever has the answer finds it
in them; and an answer of one piece is known whole before its head is sent.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from gateway.core.errors import AnswerGone, CallerLeft, GatewayError, InternalError, StillDrawing, UpstreamCut
from gateway.dialects.base import Gathering, Passing
from gateway.dialects.spans import pieces_of
from gateway.flag import Flag
from gateway.relay.vigil import Sink, Vigil
from gateway.relay.whole import WholeReply
from gateway.vault.tape import TapeLost

# The head of an answer that lacks so many of the pictures that were asked for.
Head = Callable[[int], dict[str, str]]

# Those that an answer is written out of, by their numbers.
Replies = Mapping[int, WholeReply]

# Whether what an answer is made of is in the vault, once that is known.
Kept = asyncio.Future[bool]


class Answer(Protocol):
    """One reply of the upstream, from its first byte on. `length` None: it is not known; `cut` when it has ended."""

    length: int | None
    ended: Flag

    @property
    def cut(self) -> bool: ...

    def chunks(self) -> AsyncIterator[bytes]: ...


class Source(Protocol):
    """What one picture comes from: `head` is its answer, when that begins, or fails with the error to tell."""

    @property
    def head(self) -> "asyncio.Future[Any]": ...

    def collect(self) -> "asyncio.Future[WholeReply]": ...

    async def settled_for_now(self) -> None: ...


async def deliver(
    sources: Sequence[Source], writer: Passing | Gathering, sink: Sink, vigil: Vigil, head: Head, kept: Kept
) -> GatewayError | None:
    """Writes the answer; returns the error that was told after its head, if there was one.

    One that is linked waits until it is known whether it is kept.
    Raises `GatewayError` while nothing has been sent yet, and `CallerLeft`.
    """
    try:
        if isinstance(writer, Gathering):
            await _gather(sources, writer, sink, vigil, head, kept)
        else:
            await _pass(sources[0], writer, sink, vigil, head)
    except GatewayError as error:
        if not isinstance(error, StillDrawing):
            for source in sources:
                await source.settled_for_now()
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


async def _pass(source: Source, writer: Passing, sink: Sink, vigil: Vigil, head: Head) -> None:
    await vigil.until([source.head])
    answer: Answer = source.head.result()
    length = answer.length if writer.keeps_length else None
    last = b""
    try:
        async for chunk in answer.chunks():
            if sink.gone.done():
                raise CallerLeft
            piece = writer.feed(chunk)
            if piece and last:
                if not sink.started:
                    await sink.start(writer.content_type, length, head(0))
                await sink.send(last)
            last = piece or last
    except TapeLost:
        raise AnswerGone("The answer was drawn and charged, and could not be kept until you read it.") from None
    await answer.ended.wait()
    await source.settled_for_now()
    if answer.cut:
        raise UpstreamCut("The upstream's answer broke off; nothing is charged to your key.")
    rest = last + writer.closing()
    if not sink.started:
        await sink.start(writer.content_type, len(rest), head(0))
    await sink.send(rest)
    await sink.end()


async def _gather(
    sources: Sequence[Source], writer: Gathering, sink: Sink, vigil: Vigil, head: Head, kept: Kept
) -> None:
    pending = {source.collect(): number for number, source in enumerate(sources)}
    replies: dict[int, WholeReply] = {}
    failures: list[GatewayError] = []
    while pending:
        await vigil.until(pending)
        for reply in [each for each in pending if each.done()]:
            number = pending.pop(reply)
            try:
                replies[number] = reply.result()
                written = writer.each(number, replies[number].content)
            except GatewayError as error:
                failures.append(error)
                continue
            if written:
                await vigil.open()
                await _put(written, replies, sink)
    if len(failures) == len(sources):
        raise failures[0]
    if writer.linked:
        await vigil.until([kept])
        if not kept.result():
            writer.unlink()
    if len(sources) > 1:  # which may be charged together, when the last has come
        await asyncio.gather(*(source.settled_for_now() for source in sources))
    rest = writer.closing()
    if not sink.started:
        await sink.start(writer.content_type, await _size(rest, replies), head(len(failures)))
    await _put(rest, replies, sink)
    await sink.end()


async def _size(written: bytes, replies: Replies) -> int:
    """Of what is written, with the pictures in it."""
    size = 0
    for piece in pieces_of(written):
        size += len(piece) if isinstance(piece, bytes) else await replies[piece.reply].size(piece.picture)
    return size


async def _put(written: bytes, replies: Replies, sink: Sink) -> None:
    """Sends what is written, and the pictures where it has room for them, each as it is read.

    Where one is lost the answer is broken off: nothing can be told in the middle of a picture.
    """
    for piece in pieces_of(written):
        if isinstance(piece, bytes):
            await sink.send(piece)
            continue
        try:
            async with aclosing(replies[piece.reply].base64(piece.picture)) as base64:
                async for part in base64:
                    if sink.gone.done():
                        return
                    await sink.send(part)
        except GatewayError:
            await sink.break_off()
            raise


async def _break(error: GatewayError, writer: Passing | Gathering, sink: Sink) -> None:
    told = b"" if sink.gone.done() else writer.broken(error)
    if told:
        await sink.send(told)
        await sink.end()
    else:
        await sink.break_off()
