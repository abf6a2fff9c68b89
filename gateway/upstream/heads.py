"""What a request's head looks like on the wire, and what an answer's head says of its body. Knows no socket."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import httpx2

Headers = Iterable[tuple[bytes, bytes]]

# Where an answer's body ends, if not after a number of bytes.
CHUNKED = -1
UNTIL_CLOSE = -2

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_SENDABLE = re.compile(
    _TOKEN + rb" [\x21-\x7e]++ HTTP/1\.1\r\n"
    rb"(?:" + _TOKEN + rb": [\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
)


class RequestHead(NamedTuple):
    """`length` is of the body that the head announces, in bytes; None: it goes in chunks."""

    wire: bytes
    length: int | None


def request_head(method: str, target: bytes, headers: Headers) -> RequestHead:
    """Raises `LocalProtocolError` where a header, the method or the target would not stay what it is on the wire."""
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target)]
    told: bytes | None = None
    chunked = False
    for name, value in headers:
        lines.append(b"%b: %b" % (name, value))
        if len(name) == 14 and name.lower() == b"content-length":
            told = value
        elif len(name) == 17 and name.lower() == b"transfer-encoding":
            chunked = True
    wire = b"\r\n".join((*lines, b"", b""))
    if _SENDABLE.fullmatch(wire) is None or wire.count(b"\r\n") != len(lines) + 1:
        raise httpx2.LocalProtocolError("the method, the address or a header has characters that cannot be sent")
    if told is None:
        return RequestHead(wire, None if chunked else 0)
    if chunked or not told.isdigit():
        raise httpx2.LocalProtocolError(f"content-length {told!r} is no number of bytes, or the body goes in chunks")
    return RequestHead(wire, int(told))


def body_end(method: str, status: int, headers: Headers) -> int:
    """How many bytes the body of an answer has, or `CHUNKED`, or `UNTIL_CLOSE`.

    Raises `RemoteProtocolError` for what cannot be read: any coding of the transfer but chunked.
    """
    length = UNTIL_CLOSE
    codings: list[bytes] = []
    for name, value in headers:
        if len(name) == 14 and name.lower() == b"content-length":
            length = int(value)
        elif len(name) == 17 and name.lower() == b"transfer-encoding":
            codings.append(value.strip().lower())
    if codings and codings != [b"chunked"]:
        raise httpx2.RemoteProtocolError(f"transfer-encoding {b', '.join(codings)!r} is not known here, only chunked")
    if method == "HEAD" or status in (204, 304):
        return 0
    return CHUNKED if codings else length
