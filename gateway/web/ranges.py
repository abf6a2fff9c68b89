"""Which part of something somebody wants who has a part of it already. RFC 9110, sections 13 and 14; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=[ \t]*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))[ \t]*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `begin` to before `end`."""

    begin: int
    end: int


class Unsatisfiable(Exception):
    """There is not a byte of what is wanted."""


def wanted(headers: Mapping[str, str], *, size: int, etag: str) -> Span | None:
    """The part that a GET asks for; None: the whole, also where it asks for several, or in a way that nobody knows.

    With `If-Range` a part is wanted only of what has this very tag. Raises `Unsatisfiable`.
    """
    match = _RANGE.fullmatch(headers.get("range", ""))
    if match is None or headers.get("if-range", etag).strip() != etag:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return _part(max(0, size - int(suffix)), size, size)
    begin, end = int(first), int(last) + 1 if last else size
    if last and end <= begin:
        return None
    return _part(begin, min(end, size), size)


def unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether whoever asks has it, as `If-None-Match` says."""
    tags = (tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(","))
    return any(tag in (etag, "*") for tag in tags)


def _part(begin: int, end: int, size: int) -> Span:
    if begin >= size:
        raise Unsatisfiable
    return Span(begin, end)
