"""Pictures as callers wrap them: alphabets, line breaks, data URIs, and the bytes that tell what they are."""

import base64
import textwrap
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.dialects import parts, pieces

PNG = b"\x89PNG\r\n\x1a\n" + b"\xfb\xef\xbe\xff\xfe" * 3000
STANDARD = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()

SPELLINGS = {
    "standard": STANDARD,
    "url-safe": URL_SAFE,
    "unpadded": URL_SAFE.rstrip("="),
    "in lines of 76": "\n".join(textwrap.wrap(STANDARD, 76)),
    "in lines of 75": "\r\n".join(textwrap.wrap(STANDARD, 75)),
    "in lines of 61": "\n".join(textwrap.wrap(STANDARD, 61)),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_picture_is_the_same_in_every_spelling_of_base64(text: str) -> None:
    for uri in (f"data:image/png;base64,{text}", f"data:image/png;base64,{quote(text)}"):
        assert parts.picture_of_data_uri(uri, param="x") == parts.Picture("image/png", STANDARD)
    assert parts.picture_of_base64(text, param="x").data == STANDARD
    assert PNG.startswith(parts.head_of(text))
    assert len(parts.head_of(text)) > 4096


@pytest.mark.parametrize(
    "head",
    ["data:", "data:image/jpg", "DATA:image/png", "data:image/png;name=a%20b.png", "data:image/png;charset=utf-8"],
)
def test_what_stands_before_the_data_does_not_matter(head: str) -> None:
    assert parts.picture_of_data_uri(f"{head};base64,{STANDARD}", param="x").mime == "image/png"


@pytest.mark.parametrize("uri", ["", "data:", "data:image/png,abc", "data:image/svg+xml;base64,PHN2Zz4=", "gs://a/b"])
def test_what_is_no_picture_is_refused_with_its_place(uri: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parts.picture_of_data_uri(uri, param="messages[0]")
    assert caught.value.param == "messages[0]"


HEADS = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
    (b"RIFF\x00\x00\x00\x00WAVE", None),
    *((b"\x00\x00\x00\x18ftyp" + brand, "image/heic") for brand in (b"heic", b"heix", b"hevc", b"heis")),
    *((b"\x00\x00\x00\x18ftyp" + brand, "image/heif") for brand in (b"mif1", b"msf1")),
    *((b"\x00\x00\x00\x18ftyp" + brand, None) for brand in (b"isom", b"avif")),
    (b"GIF89a", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "mime"), HEADS)
def test_a_picture_is_known_by_its_first_bytes(head: bytes, mime: str | None) -> None:
    assert parts.mime_of(head) == mime


@pytest.mark.parametrize("beginning", ["![", "![](data:image/", "![a](data:image/png;base64,AAAA"])
def test_a_text_of_pictures_that_never_end_is_read_in_one_pass(beginning: str) -> None:
    """Read once for each beginning, it would take hours."""
    text = beginning * 200_000 + "](data:image/"
    assert pieces.Reader(fetches=False, pictures={}).pieces({"content": text}, "x") == [{"text": text}]


@given(text=st.text("AQ+/-_= \n\u00e9", max_size=12))
def test_base64_is_made_canonical_in_one_way(text: str) -> None:
    """What is so already goes through as it is, and is what it would have been made."""
    bare = text.encode("ascii", "replace").translate(bytes.maketrans(b"-_", b"+/"), b" \n").rstrip(b"=").decode()
    assert parts.canonical_base64(text) == bare + "=" * (-len(bare) % 4)
    assert parts.canonical_base64(STANDARD) is STANDARD
