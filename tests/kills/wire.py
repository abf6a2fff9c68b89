"""What passes between a gateway and its partners, cut into commands and answers of Redis, and HTTP requests. Pure."""

import re
from dataclasses import dataclass

# A picture has an id of its own, which the ids of its attempts begin with.
_PICTURE = re.compile(r"call_[0-9a-f]{32}(?:\.\d+)?")
_JOB = re.compile(r"job_[0-9a-f]{32}")

_WHOLE = {b"$", b"=", b"!"}  # of so many bytes
_LISTS = {b"*": 1, b"~": 1, b">": 1, b"%": 2}  # of so many messages


def frames(data: bytes) -> tuple[list[bytes], bytes]:
    """The messages of Redis in it, each as it came, and what there is of the next."""
    found, at = [], 0
    while (end := _end(data, at)) is not None:
        found.append(data[at:end])
        at = end
    return found, data[at:]


def _end(data: bytes, at: int) -> int | None:
    """Where the message that begins here ends; None: it is not all there."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    kind, after = data[at : at + 1], line + 2
    if kind in _WHOLE:
        length = int(data[at + 1 : line])
        after += length + 2 if length >= 0 else 0
        return after if after <= len(data) else None
    for _ in range(_LISTS.get(kind, 0) * int(data[at + 1 : line]) if kind in _LISTS else 0):
        end = _end(data, after)
        if end is None:
            return None
        after = end
    return after


def is_of(frame: bytes, function: str) -> bool:
    """Whether a command calls this function of the library, of whatever version."""
    return (
        frame.split(b"\r\n", 3)[2].upper() == b"FCALL"
        and re.search(rf"\r\ngw_\w+?_{function}\r\n".encode(), frame) is not None
    )


def pictures(text: bytes) -> frozenset[str]:
    """The pictures that are named in it. The call that several of them are of may be named too, which is none."""
    named = frozenset(_PICTURE.findall(text.decode(errors="replace")))
    return named - {each.rpartition(".")[0] for each in named}


def jobs(text: bytes) -> frozenset[str]:
    """The jobs that are named in it."""
    return frozenset(_JOB.findall(text.decode(errors="replace")))


@dataclass(frozen=True, slots=True)
class Request:
    whole: bytes
    pictures: frozenset[str]  # the one that it asks for; none: it asks for something else


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_ID = re.compile(rb"\r\nx-request-id: *([^\r]+)\r\n", re.IGNORECASE)


def requests(data: bytes) -> tuple[list[Request], bytes]:
    """The HTTP requests in it, and what there is of the next."""
    found = []
    while (head := data.find(b"\r\n\r\n")) >= 0:
        length, named = _LENGTH.search(data, 0, head + 2), _ID.search(data, 0, head + 2)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(data) < end:
            break
        found.append(Request(data[:end], pictures(named[1]) if named else frozenset()))
        data = data[end:]
    return found, data
