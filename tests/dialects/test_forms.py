"""Edits as SDKs send them: forms with pictures in every naming, and forms that are none."""

import base64
import json
from typing import Any

import pytest

from gateway.core.errors import BadRequest
from gateway.dialects.base import Asked, Operation
from gateway.dialects.forms import MOST_PARTS, read_form
from gateway.dialects.images import Images
from tests.facts import catalog

PNG = b"\x89PNG\r\n\x1a\n" + b"\r\n--b\r\n and \x00\xff bytes"
JPEG = b"\xff\xd8\xff\xe0 and more"
CONTENT_TYPE = 'multipart/form-data; boundary="b o/u"'


def form(*parts: tuple[str, bytes, str | None]) -> bytes:
    """Each part: its name, its content, and a file name if it is a file."""
    lines = []
    for name, content, filename in parts:
        called = f'; filename="{filename}"' if filename is not None else ""
        head = f'--b o/u\r\nContent-Disposition: form-data; name="{name}"{called}\r\n'
        kind = "Content-Type: application/octet-stream\r\n" if filename is not None else ""
        lines.append(head.encode() + kind.encode() + b"\r\n" + content + b"\r\n")
    return b"".join([*lines, b"--b o/u--\r\n"])


BASE = (("model", b"flash", None), ("prompt", b"make it night", None))


def parse(body: bytes, content_type: str = CONTENT_TYPE) -> Any:
    return Images().parse(Asked(Operation.EDIT, "v1", None, {}, body, content_type), catalog())


def test_a_form_gives_its_fields_and_files_in_order() -> None:
    read = read_form(form(*BASE, ("image[]", PNG, "a.png"), ("image[]", JPEG, "blob")), CONTENT_TYPE)
    assert read.fields == {"model": "flash", "prompt": "make it night"}
    assert [(file.name, bytes(file.content)) for file in read.files] == [("image[]", PNG), ("image[]", JPEG)]


@pytest.mark.parametrize("name", ["image", "image[]", "images", "images[]", "image[0]", "image[12]"])
def test_a_picture_is_found_by_every_name_it_goes_by(name: str) -> None:
    parsed = parse(form(*BASE, (name, PNG, "blob")))
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}
    assert json.loads(parsed.body)["contents"] == [{"role": "user", "parts": [picture, {"text": "make it night"}]}]
    assert parsed.ask.references == 1


def test_pictures_come_before_the_text_in_their_order() -> None:
    parsed = parse(form(("image[]", JPEG, "1"), *BASE, ("image[]", PNG, "2")))
    kinds = [part["inlineData"]["mimeType"] for part in json.loads(parsed.body)["contents"][0]["parts"][:-1]]
    assert kinds == ["image/jpeg", "image/png"]


def test_fields_mean_what_they_mean_in_json() -> None:
    parsed = parse(
        form(*BASE, ("n", b"2", None), ("stream", b"true", None), ("size", b"16:9", None), ("image", PNG, "a"))
    )
    assert (parsed.count, parsed.form.streams, parsed.ask.ratio) == (2, True, "16:9")


@pytest.mark.parametrize("image", ["uri", ["uri"]])
def test_json_with_data_uris_is_taken_too(image: Any) -> None:
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    given = uri if image == "uri" else [uri]
    body = json.dumps({"model": "flash", "prompt": "x", "image": given}).encode()
    assert parse(body, "application/json").ask.references == 1


WRONG: list[tuple[bytes, str, str]] = [
    (form(*BASE), "image", "is missing"),
    (form(*BASE, ("image", b"not a picture", "a.png")), "image", "does not hold"),
    (form(*BASE, ("image", PNG, "a"), ("mask", PNG, "m")), "mask", "take no mask"),
    (form(*BASE, ("image", PNG, "a"), ("background", b"transparent", None)), "background", "no transparency"),
    (form(("model", b"flash", None), ("image", PNG, "a")), "prompt", "prompt is missing"),
    (form(*BASE, ("prompt", b"again", None), ("image", PNG, "a")), "prompt", "twice"),
    (form(*BASE, ("image", PNG, "a"), ("n", b"two", None)), "n", "whole number"),
]


@pytest.mark.parametrize(("body", "param", "says"), WRONG)
def test_what_cannot_be_edited_is_said_by_its_field(body: bytes, param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        parse(body)
    assert caught.value.param == param


WHOLE = form(*BASE, ("image", PNG, "a"))
BROKEN = [
    (WHOLE[: len(WHOLE) // 2], CONTENT_TYPE),
    (b"", CONTENT_TYPE),
    (b"nothing of the kind", CONTENT_TYPE),
    (WHOLE, "multipart/form-data"),
    (form(*[("x" * n, b"", None) for n in range(MOST_PARTS + 1)]), CONTENT_TYPE),
]


@pytest.mark.parametrize(("body", "content_type"), BROKEN)
def test_a_form_that_is_broken_is_refused_politely(body: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest, match="not a valid form"):
        parse(body, content_type)
