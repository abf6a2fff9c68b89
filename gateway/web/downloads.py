"""Bytes that are kept, on their way to whoever asked for them: all or a part, never whole in memory."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from gateway.core.errors import GatewayBusy
from gateway.web.problems import Problem
from gateway.web.ranges import Span, Unsatisfiable, unchanged, wanted


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes that never change under their `tag`, and that may be kept by whoever has them for `lasts_s`.

    `name` is for whoever makes a file of them. `read` gives the bytes from one to before another, in pieces.
    """

    media_type: str
    name: str
    tag: str
    size: int
    lasts_s: float
    read: Callable[[int, int], AsyncGenerator[bytes]]


async def answered(download: Download, request: Request) -> Response:
    """The answer to a GET or a HEAD. What is not there any more is found out before the head is sent."""
    etag = f'"{download.tag}"'
    headers = _headers(download, etag)
    if unchanged(request.headers, etag):
        return Response(status_code=304, headers=headers)
    size = download.size
    if request.method == "HEAD":
        return Response(headers={**headers, "content-length": str(size)}, media_type=download.media_type)
    try:
        part = wanted(request.headers, size=size, etag=etag)
    except Unsatisfiable:
        whole = {"content-range": f"bytes */{size}"}
        raise Problem(416, f"There are {size} bytes; ask for some of them.", headers=whole) from None
    status, span = (200, Span(0, size)) if part is None else (206, part)
    if part is not None:
        headers["content-range"] = f"bytes {span.begin}-{span.end - 1}/{size}"
    headers["content-length"] = str(span.end - span.begin)
    pieces = download.read(span.begin, span.end)
    try:
        first = await anext(pieces, b"")
    except OSError:
        raise GatewayBusy("What is kept cannot be read at the moment; try again.") from None
    return StreamingResponse(_joined(first, pieces), status, headers, download.media_type)


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


def _headers(download: Download, etag: str) -> dict[str, str]:
    return {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": f"private, max-age={max(0, int(download.lasts_s))}",
        "content-disposition": f'inline; filename="{download.name}"',
        "x-content-type-options": "nosniff",
    }
