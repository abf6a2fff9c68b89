"""Pictures inside messages: base64 of any alphabet, data URIs, and what a picture's head says.

Knows the formats of pictures only as far as their kind and pixels are told at the very beginning.
"""

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.core.errors import BadRequest

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_WHITE = b" \t\r\n"
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_BRANDS = {**dict.fromkeys(_HEIC, "image/heic"), **dict.fromkeys((b"mif1", b"msf1"), "image/heif")}

# Bounded, so that megabytes that are no picture are not searched for the end of its head.
_DATA_URI = re.compile(r"data:[^;,]{0,100}(?:;[^;,]{0,100}){0,8}?;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a message, in base64."""

    mime: str
    data: str


def canonical_base64(text: str) -> str:
    """The same bytes in the standard alphabet, padded, without line breaks.

    The Python Gemini SDK writes the URL-safe alphabet; not everybody upstream reads it.
    """
    if is_canonical_base64(text) and text.isascii() and not text.endswith("===="):
        return text
    raw = text.encode("ascii", "replace").translate(_TO_STANDARD, _WHITE).rstrip(b"=")
    return (raw + b"=" * (-len(raw) % 4)).decode("ascii")


def is_canonical_base64(text: str) -> bool:
    return len(text) % 4 == 0 and not any(mark in text for mark in "-_ \r\n\t")


def picture_of_data_uri(uri: str, *, param: str) -> Picture:
    """The picture in a `data:` URI; its head decides the mime type, not what the URI claims."""
    match = _DATA_URI.match(uri)
    if match is None:
        raise BadRequest("A picture must be a data URI like data:image/png;base64,… .", param=param)
    data = uri[match.end() :]
    return picture_of_base64(unquote(data) if "%" in data else data, param=param)


def picture_of_bytes(content: bytes, *, param: str) -> Picture:
    return Picture(checked_mime(content, param=param), base64.b64encode(content).decode("ascii"))


def checked_mime(content: bytes | memoryview, *, param: str) -> str:
    """The kind of a picture whose bytes were sent. Raises `BadRequest` for what is none."""
    mime = mime_of(bytes(content[:32]))
    if mime is None:
        raise BadRequest(f"{param} does not hold a PNG, JPEG, WebP, HEIC or HEIF picture.", param=param)
    return mime


def picture_of_base64(text: str, *, param: str) -> Picture:
    """The picture in base64 of any alphabet."""
    data = canonical_base64(text)
    sniffed = mime_of(head_of(data))
    if sniffed is None:
        raise BadRequest("The data does not hold a PNG, JPEG, WebP, HEIC or HEIF picture.", param=param)
    return Picture(sniffed, data)


def head_of(data: str, size: int = 6144) -> bytes:
    """The first bytes of a picture in base64, possibly shortened; empty when it is not base64."""
    cut = size * 4 // 3 // 4 * 4
    piece = canonical_base64(data[:cut])
    if len(data) > cut:
        piece = piece.rstrip("=")[: len(piece) // 4 * 4 - 4]  # line breaks left out, the cut is anywhere
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
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
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
