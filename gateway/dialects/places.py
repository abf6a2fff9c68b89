"""Where the pictures of a reply are in it, and how they come out of there: piece by piece, and any part of one.

A reply is read once, in passing, as its skeleton. What is noted of a picture then is enough to read that
alone out of a reply that is kept: nobody looks for it again, and nobody holds it whole.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gateway.core.skim import Skeleton
from gateway.dialects.digits import Digits
from gateway.dialects.parts import mime_of
from gateway.dialects.replies import Content, read_content

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
    content, insides = _numbered(skeleton.text, streams=streams)
    if content is None or not content.pictures:
        return None
    begin, end = insides[int(content.pictures[-1].head)]
    head, gap = skeleton.text[begin:end], skeleton.gap(end)
    first, last = skeleton.place(begin), skeleton.place(end)
    bare = _BARE.fullmatch(head) is not None
    ending = head[-4:]
    if gap is not None:
        bare = bare and gap.bare and _BARE.fullmatch(gap.last) is not None and not head.endswith(b"=")
        ending = gap.last
    digits = last - first - (len(ending) - len(ending.rstrip(b"=")))
    return Place(_kind_of(head), first, last, digits * 3 // 4 if bare else None)


def insides_of(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """Where all pictures of a reply that was no stream are in it, by their numbers.

    Of each from which byte to before which its base64 is, as JSON has it.
    """
    content, insides = _numbered(skeleton.text, streams=False)
    found = {} if content is None else {each.number: insides[int(each.head)] for each in content.sketches}
    return tuple((skeleton.place(begin), skeleton.place(end)) for _, (begin, end) in sorted(found.items()))


def _numbered(skeleton: bytes, *, streams: bool) -> tuple[Content | None, list[tuple[int, int]]]:
    """What a skeleton holds with a number in the place of each string, and where the insides of those are in it.

    The document is read as ever: so what is meant by it and where that is cannot be two different strings.
    """
    insides: list[tuple[int, int]] = []

    def numbered(string: re.Match[bytes]) -> bytes:
        if string[2] is not None or not string[1]:
            return string[0]
        insides.append(string.span(1))
        return b'"%d"' % (len(insides) - 1)

    return read_content(_STRING.sub(numbered, skeleton), streams=streams), insides


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
        self._digits = Digits()
        self._rest = b""  # digits that do not make three bytes yet

    def feed(self, text: bytes) -> bytes:
        """What can be told with the next piece."""
        digits = self._rest + self._digits.feed(text)
        whole = len(digits) - len(digits) % 4
        self._rest = digits[whole:]
        return binascii.a2b_base64(digits[:whole], strict_mode=True) if whole else b""

    def finish(self) -> bytes:
        """The last bytes, where the padding was left out."""
        self._digits.finish()
        digits, self._rest = self._rest, b""
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True) if digits else b""
