"""Pictures inside messages: base64 of any alphabet, data URIs, and what a picture's head says.

Knows the formats of pictures only as far as their kind and pixels are told at the very beginning.
"""

import base64
import binascii
import re
import struct
from dataclasses import dataclass

from gateway.core.errors import BadRequest

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_WHITE = b" \t\r\n"
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=-]+)*;base64,")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a message: `data` is base64 in the standard alphabet."""

    mime: str
    data: str

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime};base64,{canonical_base64(self.data)}"


def canonical_base64(text: str) -> str:
    """The same bytes in the standard alphabet, padded, without line breaks.

    The Python Gemini SDK writes the URL-safe alphabet; not everybody upstream reads it.
    """
    raw = text.encode("ascii", "replace").translate(_TO_STANDARD, _WHITE).rstrip(b"=")
    return (raw + b"=" * (-len(raw) % 4)).decode("ascii")


def is_canonical_base64(text: str) -> bool:
    return len(text) % 4 == 0 and not any(mark in text for mark in "-_ \r\n\t")


def picture_of_data_uri(uri: str, *, param: str) -> Picture:
    """The picture in a `data:` URI; its head decides the mime type, not what the URI claims."""
    match = _DATA_URI.match(uri)
    if match is None:
        raise BadRequest("A picture must be a data URI like data:image/png;base64,… .", param=param)
    data = canonical_base64(uri[match.end() :])
    sniffed = mime_of(head_of(data))
    if sniffed is None:
        raise BadRequest("The data URI does not hold a PNG, JPEG, WebP or HEIC picture.", param=param)
    return Picture(sniffed, data)


def head_of(data: str, size: int = 6144) -> bytes:
    """The first bytes of a picture in base64, possibly shortened; empty when it is not base64."""
    piece = canonical_base64(data[: size * 4 // 3 // 4 * 4])
    try:
        return base64.b64decode(piece, validate=True)
    except (binascii.Error, ValueError):
        return b""


def mime_of(head: bytes) -> str | None:
    """A picture's kind by its first bytes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "image/heic"
    return None


def pixels_of(head: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG from its head; None when the head does not tell."""
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if head.startswith(b"\xff\xd8"):
        return _jpeg_pixels(head)
    return None


def _jpeg_pixels(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None
