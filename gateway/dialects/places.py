"""Where the picture of a reply is in it, and how it comes out of there: piece by piece, and any part of it.

A reply is read once, in passing, as its skeleton. What is noted of its picture then is enough to read that
alone out of a reply that is kept: nobody looks for it again, and nobody holds it whole.
"""

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gateway.core.skim import Skeleton
from gateway.dialects.parts import mime_of
from gateway.dialects.replies import read_content

# What a browser shows as nothing but itself, whatever is in it.
UNKNOWN = "application/octet-stream"

SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    UNKNOWN: "bin",
}

# A string of JSON, in order from the beginning, so that what looks like one inside another is none; with a colon it
# is a name.
_STRING = re.compile(rb'"((?:[^"\\]++|\\.)*+)"(\s*+:)?', re.DOTALL)

_BARE = re.compile(rb"[A-Za-z0-9+/_-]*={0,2}")

# They tell what kind of picture it is, also where there are escapes among them.
_HEAD_DIGITS = 128

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_WHITE = b" \t\r\n"

# An escape whose rest is still to come.
_SPLIT_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{0,3})?\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A picture in a reply: its base64 is from the byte `begin` to before `end`, as JSON has it.

    `size` is how many bytes it decodes to; None: there is more than base64 in it, and it has to be read to know.
    `media_type` is what its first bytes say.
    """

    media_type: str
    begin: int
    end: int
    size: int | None

    @property
    def suffix(self) -> str:
        return SUFFIXES.get(self.media_type, SUFFIXES[UNKNOWN])

    def text_of(self, begin: int, end: int) -> tuple[int, int, int]:
        """Which bytes of the reply to read for the picture's bytes from `begin` to before `end`.

        And how many of what they decode to come before those that are wanted.
        """
        if self.size is None:
            return self.begin, self.end, begin
        first, last = begin // 3, -(-end // 3)
        return self.begin + 4 * first, min(self.end, self.begin + 4 * last), begin - 3 * first

    def told(self) -> dict[str, Any]:
        """For whoever may fetch it."""
        return {"media_type": self.media_type, "bytes": self.size}

    def fact(self) -> dict[str, Any]:
        return {"media_type": self.media_type, "begin": self.begin, "end": self.end, "size": self.size}

    @classmethod
    def of(cls, fact: Mapping[str, Any]) -> Self:
        """From what `fact` gave, in a later release perhaps."""
        return cls(fact["media_type"], fact["begin"], fact["end"], fact["size"])


def place_of(skeleton: Skeleton, *, streams: bool) -> Place | None:
    """Where the result of a reply is, the last of its finished pictures; None: it has none."""
    inside = _inside_of_result(skeleton.text, streams=streams)
    if inside is None:
        return None
    begin, end = inside
    head, gap = skeleton.text[begin:end], skeleton.gap(end)
    first, last = skeleton.place(begin), skeleton.place(end)
    bare = _BARE.fullmatch(head) is not None
    ending = head[-4:]
    if gap is not None:
        bare = bare and gap.bare and _BARE.fullmatch(gap.last) is not None and not head.endswith(b"=")
        ending = gap.last
    digits = last - first - (len(ending) - len(ending.rstrip(b"=")))
    return Place(_kind_of(head), first, last, digits * 3 // 4 if bare else None)


def _inside_of_result(skeleton: bytes, *, streams: bool) -> tuple[int, int] | None:
    """Where in a skeleton the inside of the string is that is the result.

    Every string is put in place of a number, and the document read as ever: so the two cannot mean different strings.
    """
    insides: list[tuple[int, int]] = []

    def numbered(string: re.Match[bytes]) -> bytes:
        if string[2] is not None or not string[1]:
            return string[0]
        insides.append(string.span(1))
        return b'"%d"' % (len(insides) - 1)

    content = read_content(_STRING.sub(numbered, skeleton), streams=streams)
    return insides[int(content.pictures[-1].data)] if content and content.pictures else None


def _kind_of(text: bytes) -> str:
    try:
        return mime_of(Decoder().feed(text[:_HEAD_DIGITS])) or UNKNOWN
    except ValueError:
        return UNKNOWN


class Decoder:
    """Bytes out of base64 in either alphabet, that comes in pieces as JSON has it: with escapes, with line breaks.

    Raises `ValueError` for what is no base64.
    """

    def __init__(self) -> None:
        self._escape = b""  # the beginning of one
        self._rest = b""  # digits that do not make three bytes yet

    def feed(self, text: bytes) -> bytes:
        """What can be told with the next piece."""
        digits = self._rest + self._digits(text)
        whole = len(digits) - len(digits) % 4
        self._rest = digits[whole:]
        return binascii.a2b_base64(digits[:whole], strict_mode=True) if whole else b""

    def finish(self) -> bytes:
        """The last bytes, where the padding was left out."""
        if self._escape:
            raise ValueError("base64 ends within an escape")
        digits, self._rest = self._rest, b""
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True) if digits else b""

    def _digits(self, text: bytes) -> bytes:
        if self._escape:
            text, self._escape = self._escape + text, b""
        if b"\\" in text:
            if split := _SPLIT_ESCAPE.search(text, max(0, len(text) - 6)):
                text, self._escape = text[: split.start()], split[0]
            text = json.loads(b'"' + text + b'"').encode("ascii", "replace")
        return text.translate(_TO_STANDARD, _WHITE)
