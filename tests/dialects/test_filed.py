"""The Files API as words: its addresses, the uris that are ours, a request cut around its files, multipart bodies."""

import base64
import json
from typing import Any

import pytest

from gateway.core.errors import BadRequest
from gateway.dialects import filed
from gateway.dialects.filed import FileTerms, Place
from gateway.dialects.related import Related

HOSTS = {"images.example.org:8443"}

PLACES = [
    ("/v1beta/files", Place("v1beta", None, uploads=False, downloads=False)),
    ("/v1/files/", Place("v1", None, uploads=False, downloads=False)),
    ("/v1beta/v1alpha/files/ab-1", Place("v1alpha", "ab-1", uploads=False, downloads=False)),
    ("/v1beta/files/ab:download", Place("v1beta", "ab", uploads=False, downloads=True)),
    ("/upload/v1beta/files", Place("v1beta", None, uploads=True, downloads=False)),
    ("/v1beta/upload/v1/files", Place("v1", None, uploads=True, downloads=False)),
    ("//upload/files", Place("v1beta", None, uploads=True, downloads=False)),
    ("/upload/v1beta/files/ab", None),
    ("/v1beta/files/ab/more", None),
    ("/v1beta/models", None),
    ("/v2/files", None),
]

OURS = [
    "files/mug",
    "https://generativelanguage.googleapis.com/v1beta/files/mug",
    "https://generativelanguage.googleapis.com/v1/files/mug",
    "https://generativelanguage.googleapis.com/v1beta/files/mug:download?alt=media",
    "https://images.example.org:8443/v1beta/files/mug",
    "http://images.example.org:8443/somewhere/v1alpha/files/mug",
]
NOT_OURS = [
    "https://images.example.org/v1beta/files/mug",  # another port, another server
    "https://example.com/v1beta/files/mug",
    "https://generativelanguage.googleapis.com.example.com/v1beta/files/mug",
    "https://user@generativelanguage.googleapis.com/v1beta/files/mug",
    "https://example.com/mug.png",
    "gs://bucket/files/mug",
    "//generativelanguage.googleapis.com/v1beta/files/mug",
    "other/files/mug",
    "https://[",
    "files/",
    "",
]


def request(*parts: Any) -> bytes:
    return json.dumps({"contents": [{"role": "user", "parts": list(parts)}]}).encode()


def file(uri: Any, **more: Any) -> dict[str, Any]:
    return {"fileData": {"fileUri": uri, **more}}


@pytest.mark.parametrize(("path", "place"), PLACES)
def test_an_address_means(path: str, place: Place | None) -> None:
    assert filed.place(path) == place


@pytest.mark.parametrize("uri", OURS)
def test_a_uri_of_ours_is_known(uri: str) -> None:
    assert filed.named(request({"text": "x"}, file(uri)), HOSTS) == ["mug"]


@pytest.mark.parametrize("uri", NOT_OURS)
def test_a_uri_of_somebody_elses_is_left_alone(uri: str) -> None:
    assert filed.named(request(file(uri)), HOSTS) == []


def test_files_are_found_in_order_and_again() -> None:
    body = request(
        file("files/b"), {"text": "and"}, file("https://example.com/x.png"), file("files/a"), file("files/b")
    )
    assert filed.named(body, HOSTS) == ["b", "a", "b"]


def test_a_request_without_files_is_not_even_read() -> None:
    assert filed.named(b"no json at all", HOSTS) == []


def test_words_that_look_like_a_file_are_words() -> None:
    assert filed.named(request({"text": '{"fileData": {"fileUri": "files/mug"}}'}), HOSTS) == []


def test_a_request_is_cut_where_its_files_are_and_is_else_the_same() -> None:
    parts = [
        {"text": "a"},
        {**file("files/b", mimeType="image/webp", displayName="x"), "mediaResolution": {"level": "LOW"}},
        file("https://example.com/x.png", mimeType="image/png"),
        file("files/a", mimeType="image/jpg"),
        file("files/c"),
    ]
    pieces = filed.cut(request(*parts), HOSTS, ["image/png", "image/png", "image/gif"])
    assert len(pieces) == 4
    joined = b"AAAA".join(pieces)
    assert json.loads(joined)["contents"][0]["parts"] == [
        {"text": "a"},
        {"mediaResolution": {"level": "LOW"}, "inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
        parts[2],
        {"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}},
        {"inlineData": {"mimeType": "image/gif", "data": "AAAA"}},
    ]


def test_a_file_behind_a_large_picture_is_found() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"x" * 100_000).decode()}}
    body = request(picture, file("files/mug"))
    assert filed.named(body, HOSTS) == ["mug"]
    assert json.loads(b"".join(filed.cut(body, HOSTS, ["image/png"])))["contents"][0]["parts"][0] == picture


def test_a_part_of_two_minds_is_refused() -> None:
    both = {**file("files/mug"), "inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    with pytest.raises(BadRequest, match="either inlineData or fileData"):
        filed.named(request(both), HOSTS)


@pytest.mark.parametrize(
    ("document", "terms"),
    [
        ({}, FileTerms(None, None, None, None)),
        ({"file": None}, FileTerms(None, None, None, None)),
        ({"file": {"name": "files/mug", "displayName": "Mug", "mimeType": "Image/PNG; q=1", "sizeBytes": "12"}}, None),
        ({"file": {"name": "mug", "display_name": "Mug", "mime_type": "image/png", "size_bytes": 12}}, None),
    ],
)
def test_a_description_is_read_in_either_spelling(document: dict[str, Any], terms: FileTerms | None) -> None:
    assert filed.terms_of(document) == (terms or FileTerms("mug", "Mug", "image/png", 12))


@pytest.mark.parametrize(
    "file",
    [
        "x",
        {"name": 1},
        {"displayName": "x" * 513},
        {"mimeType": "png"},
        {"mimeType": "image/png\r\nx: y/z"},
        {"sizeBytes": "-1"},
        {"sizeBytes": 1.5},
        {"sizeBytes": True},
        {"sizeBytes": "1" * 20},
    ],
)
def test_a_description_that_is_none_is_refused(file: Any) -> None:
    with pytest.raises(BadRequest):
        filed.terms_of({"file": file})


FILE = b"\x89PNG\r\n--\r\n--bound\r\n\r\n" + bytes(range(256))
RELATED = (
    b"--boundary\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
    b'{"file": {"displayName": "mug"}}\r\n'
    b"--boundary\r\nContent-Type: image/png\r\n\r\n" + FILE + b"\r\n--boundary--\r\n"
)


def read(pieces: list[bytes]) -> tuple[Related, bytes]:
    related = Related('multipart/related; boundary="boundary"')
    return related, b"".join(map(related.feed, pieces))


@pytest.mark.parametrize("at", range(len(RELATED) + 1))
def test_a_multipart_body_is_read_however_it_is_split(at: int) -> None:
    related, read_file = read([RELATED[:at], RELATED[at:]])
    assert read_file == FILE
    assert related.metadata == b'{"file": {"displayName": "mug"}}'
    assert (related.media_type, related.ended) == ("image/png", True)


def test_a_multipart_body_is_read_byte_by_byte() -> None:
    related, read_file = read([RELATED[at : at + 1] for at in range(len(RELATED))])
    assert (read_file, related.ended) == (FILE, True)


def test_a_multipart_body_that_breaks_off_is_not_ended() -> None:
    related, _ = read([RELATED[:-14]])
    assert not related.ended


@pytest.mark.parametrize("content_type", ["multipart/related", "multipart/related; boundary=", "text/plain"])
def test_a_multipart_body_without_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(BadRequest, match="no boundary"):
        Related(content_type)


def test_a_multipart_body_whose_file_does_not_come_is_not_collected() -> None:
    with pytest.raises(BadRequest, match="JSON part and then the file"):
        read([b"--boundary\r\n" + b"x" * 70_000])
