"""A small document out of a large one: JSON in passing, with the insides of pictures left out.

A reply of 30 MB is one base64 string and a few hundred bytes around it. The skimmer is fed the
chunks as they pass, jumps through such strings with a one-byte search and keeps the rest, so that
what it keeps can be parsed whole: usage, finish reasons, the head of each picture. Quotes are the
only thing it must know of JSON, so it reads a JSON document, a JSON array and a stream of `data:`
lines alike. It cannot be fooled by text that looks like structure: text is always inside a string.

Of each inside that it leaves out it notes where that was, so that what is found in the small document
has its place in the large one.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

# Of a picture this much is kept: the head that tells its kind and pixels (a JPEG's is behind its metadata).
KEEP_BYTES = 8192

# The escapes that encoders put into base64: PHP before each slash, others at line ends. A string whose
# head holds any other, or a space, is text, and text is kept whole.
_IN_BASE64 = re.compile(rb"\\[/nr]")

# A document without pictures can be as large as its sender likes; past this it is given up.
LARGEST_BYTES = 4 * 1024 * 1024

# Of what is left out so many bytes are kept: base64 ends in at most two that stand for nothing.
_LAST_BYTES = 4

_BACKSLASH = ord("\\")

# Strings that are kept whole whatever is in them, with all that is between them, as many as follow each other.
_SHORT_BYTES = 4096
_SHORT = re.compile(rb'(?:[^"]*+"(?:[^"\\]|\\.){0,%d}+")++' % _SHORT_BYTES, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Gap:
    """What was left out at `at` in the skeleton: what follows there is `ahead` bytes further on in the document.

    `bare`: there are no escapes in its first and its last chunk, and an encoder that has any has them all along.
    `last` is how it ends.
    """

    at: int
    ahead: int
    bare: bool
    last: bytes


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A document without the insides of long strings; `gaps` in the order in which they are in it."""

    text: bytes
    gaps: tuple[Gap, ...]

    def place(self, at: int) -> int:
        """Where in the document that is, which is here in the skeleton."""
        before = bisect_right(self.gaps, at, key=lambda gap: gap.at)
        return at + (self.gaps[before - 1].ahead if before else 0)

    def left_out(self) -> list[tuple[int, int]]:
        """From where to before where in the document each gap is."""
        begins = [0, *(gap.ahead for gap in self.gaps)]
        return [(gap.at + before, gap.at + gap.ahead) for gap, before in zip(self.gaps, begins, strict=False)]

    def gap(self, at: int) -> Gap | None:
        """What was left out just here; None: nothing."""
        return next((gap for gap in self.gaps if gap.at == at), None)


class Skimmer:
    """Feed it every chunk in order; `skeleton` is then the document without the insides of long strings."""

    def __init__(self, keep_bytes: int = KEEP_BYTES) -> None:
        self._keep_bytes = keep_bytes
        self._skips = keep_bytes >= 2 * _SHORT_BYTES  # an escape is two bytes
        self._kept = bytearray()
        self._in_string = False
        self._odd_backslash = False  # the last chunk ended in an unfinished escape
        self._string_start = 0  # where the current string's inside begins in _kept
        self._is_text = False  # the current string is kept whole, however long
        self._cutting = False  # the current string is past what is kept of it
        self._bare = True  # there is no escape in the first of what is left out of it
        self._gaps: list[Gap] = []
        self._before = 0  # bytes of the document before this chunk
        self._last = b""  # the last of them
        self.given_up = False

    def feed(self, chunk: bytes | memoryview) -> None:
        """Looks at the next bytes of the document, whatever they were split at."""
        data = bytes(chunk)
        at, end = 0, len(data)
        while at < end and not self.given_up:
            if self._in_string:
                at = self._through_string(data, at)
            elif self._skips and (short := _SHORT.match(data, at)):
                self._kept += short[0]
                at = short.end()
            else:
                at = self._to_string(data, at)
            self.given_up = len(self._kept) > LARGEST_BYTES
        self._before += end
        self._last = data if end >= _LAST_BYTES else self._last[-_LAST_BYTES:] + data

    @property
    def skeleton(self) -> Skeleton:
        """What was kept so far; empty when the document was given up."""
        return Skeleton(b"", ()) if self.given_up else Skeleton(bytes(self._kept), tuple(self._gaps))

    def _to_string(self, data: bytes, at: int) -> int:
        quote = data.find(b'"', at)
        if quote < 0:
            self._kept += data[at:]
            return len(data)
        self._kept += data[at : quote + 1]
        self._in_string, self._is_text, self._odd_backslash = True, False, False
        self._string_start = len(self._kept)
        return quote + 1

    def _through_string(self, data: bytes, at: int) -> int:
        close = self._closing_quote(data, at)
        if not self._cutting:
            self._keep(data, at, close if close >= 0 else len(data))
        if close < 0:
            return len(data)
        if self._cutting:
            self._gaps.append(self._gap(data, at, close))
            self._cutting = False
        self._kept += b'"'
        self._in_string = False
        return close + 1

    def _gap(self, data: bytes, at: int, close: int) -> Gap:
        bare = self._bare and data.find(b"\\", at, close) < 0
        last = data[max(0, close - _LAST_BYTES) : close]
        if close < _LAST_BYTES:
            last = (self._last + last)[-_LAST_BYTES:]
        return Gap(len(self._kept), self._before + close - len(self._kept), bare, last)

    def _closing_quote(self, data: bytes, at: int) -> int:
        """Where the string ends; -1 when it goes on behind this chunk."""
        start = at
        while (quote := data.find(b'"', at)) >= 0:
            if not self._escaped(data, start, quote):
                return quote
            at = quote + 1
        self._odd_backslash = self._escaped(data, start, len(data))
        return -1

    def _escaped(self, data: bytes, start: int, at: int) -> bool:
        """Whether an odd number of backslashes stands before `at`, counting what the last chunk ended in."""
        run = at
        while run > start and data[run - 1] == _BACKSLASH:
            run -= 1
        odd = (at - run) % 2 == 1
        return odd != self._odd_backslash if run == start else odd

    def _keep(self, data: bytes, at: int, end: int) -> None:
        """What comes of a string from `at` to before `end`."""
        room = self._keep_bytes - (len(self._kept) - self._string_start)
        if self._is_text or end - at <= room:
            self._kept += data[at:end]
            return
        head = bytes(self._kept[self._string_start :]) + data[at : at + room]
        bare = _IN_BASE64.sub(b"", head)
        if bare.endswith(b"\\"):  # an escape split by the cut
            head, bare = head[:-1], bare[:-1]
        if b" " in bare or b"\\" in bare:
            self._is_text = True
            self._kept += data[at:end]
            return
        # Text of a tongue without spaces may end in half a character here.
        self._kept[self._string_start :] = head.decode("utf-8", "ignore").encode()
        self._cutting, self._bare = True, data.find(b"\\", at + room, end) < 0
