"""Answers that leave room for pictures: what is written of them, and which picture of which reply goes where.

Whoever writes an answer has the head of a picture and never the picture: it marks the place, and whoever sends
the answer reads the picture there, piece by piece. So no answer ever has a copy of one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from gateway.dialects.replies import Sketch

# Written JSON has it in no other place: inside a string it is escaped.
_MARK = b"\0"


@dataclass(frozen=True, slots=True)
class Span:
    """Room for a picture, by the number of its reply and its own in there: its base64 goes there, standard and padded.

    A string of JSON takes it as it is.
    """

    reply: int
    picture: int


def string(*pieces: str | Span) -> orjson.Fragment:
    """A string of JSON out of these, for a document that `orjson` writes."""
    inside = (_mark(each) if isinstance(each, Span) else orjson.dumps(each)[1:-1] for each in pieces)
    return orjson.Fragment(b'"' + b"".join(inside) + b'"')


def data_uri(reply: int, picture: Sketch) -> tuple[str, Span]:
    """The address of a picture that is the picture itself, to be put into a string."""
    return f"data:{picture.media_type};base64,", Span(reply, picture.number)


def pieces_of(written: bytes) -> Iterator[bytes | Span]:
    """What was written with such strings in it, in order."""
    for at, piece in enumerate(written.split(_MARK)):
        if at % 2:
            reply, picture = piece.split(b".")
            yield Span(int(reply), int(picture))
        elif piece:
            yield piece


def _mark(span: Span) -> bytes:
    return _MARK + b"%d.%d" % (span.reply, span.picture) + _MARK
