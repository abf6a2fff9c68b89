"""Base64 as JSON has it, piece by piece: in either alphabet, with escapes and with line breaks, or as it should be."""

import json
import re

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_WHITE = b" \t\r\n"

# What is not as it should be has one of these. To look for each is many times faster than to write all anew.
_ODD = tuple(bytes([each]) for each in b"\\-_" + _WHITE)

# An escape whose rest is still to come.
_SPLIT_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{0,3})?\Z")


class Digits:
    """The same base64 in the standard alphabet, without escapes and line breaks; the padding as it came.

    Raises `ValueError` for an escape that is none.
    """

    def __init__(self) -> None:
        self._escape = b""  # the beginning of one

    def feed(self, text: bytes) -> bytes:
        """What can be told with the next piece: that piece itself where it is as it should be."""
        if not self._escape and not any(odd in text for odd in _ODD):
            return text
        if self._escape:
            text, self._escape = self._escape + text, b""
        if b"\\" in text:
            if split := _SPLIT_ESCAPE.search(text, max(0, len(text) - 6)):
                text, self._escape = text[: split.start()], split[0]
            text = json.loads(b'"' + text + b'"', strict=False).encode("ascii", "replace")
        return text.translate(_TO_STANDARD, _WHITE)

    def finish(self) -> None:
        """It is at its end; raises `ValueError` where that is within an escape."""
        if self._escape:
            raise ValueError("base64 ends within an escape")


class Padded:
    """The same base64 as `Digits` has it, with the padding that belongs to it, whatever came. `size`: so far."""

    def __init__(self) -> None:
        self.size = 0
        self._digits = Digits()

    def feed(self, text: bytes) -> bytes:
        """The next piece of it."""
        bare = self._digits.feed(text).rstrip(b"=")
        self.size += len(bare)
        return bare

    def finish(self) -> bytes:
        """The last piece, possibly empty. Raises `ValueError` as `Digits` does."""
        self._digits.finish()
        padding = b"=" * (-self.size % 4)
        self.size += len(padding)
        return padding
