"""Bytes that are kept, on their way to whoever asked for them: all or a part, never whole in memory."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from gateway.core.errors import GatewayBusy
from gateway.core.headers import CONTENT_LENGTH, CONTENT_TYPE
from gateway.web.problems import Problem
from gateway.web.ranges import Span, Unsatisfiable, unchanged, wanted


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes that never change under their `tag`, and the `headers` that they are told with, their type among them.

    `name` is for whoever makes a file of them. `read` gives the bytes from one to before another, in pieces. With a
    `status` other than 200 they are always told whole.
    """

    name: str
    tag: str
    size: int
    headers: Mapping[str, str]
    read: Callable[[int, int], AsyncGenerator[bytes]]
    status: int = 200

    @property
    def media_type(self) -> str:
        return self.headers[CONTENT_TYPE]


def private(media_type: str, name: str, lasts_s: float) -> dict[str, str]:
    """The headers of what whoever has it may keep for so long, and shows as what it is."""
    return {
        CONTENT_TYPE: media_type,
        "cache-control": f"private, max-age={max(0, int(lasts_s))}",
        "content-disposition": f'inline; filename="{name}"',
        "x-content-type-options": "nosniff",
    }


async def answered(download: Download, request: Request) -> Response:
    """The answer to a GET or a HEAD. What is not there any more is found out before the head is sent."""
    status, headers, span = _head(download, request)
    if status == 304 or request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = download.read(span.begin, span.end)
    try:
        first = await anext(pieces, b"")
    except OSError:
        raise GatewayBusy("What is kept cannot be read at the moment; try again.") from None
    return StreamingResponse(_joined(first, pieces), status, headers)


def _head(download: Download, request: Request) -> tuple[int, dict[str, str], Span]:
    """Status, headers, and which of the bytes go with them. Conditions and ranges are for what is 200 (RFC 9110)."""
    whole, size = Span(0, download.size), str(download.size)
    if download.status != 200:
        return download.status, {**download.headers, CONTENT_LENGTH: size}, whole
    etag = f'"{download.tag}"'
    headers = {**download.headers, "etag": etag, "accept-ranges": "bytes"}
    if unchanged(request.headers, etag):
        del headers[CONTENT_TYPE]
        return 304, headers, Span(0, 0)
    part = None if request.method == "HEAD" else _part(request, download.size, etag)
    if part is None:
        return 200, {**headers, CONTENT_LENGTH: size}, whole
    length, place = str(part.end - part.begin), f"bytes {part.begin}-{part.end - 1}/{size}"
    return 206, {**headers, CONTENT_LENGTH: length, "content-range": place}, part


def _part(request: Request, size: int, etag: str) -> Span | None:
    try:
        return wanted(request.headers, size=size, etag=etag)
    except Unsatisfiable:
        whole = {"content-range": f"bytes */{size}"}
        raise Problem(416, f"There are {size} bytes; ask for some of them.", headers=whole) from None


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
