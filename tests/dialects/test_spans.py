"""Room for pictures: in a string wherever it is wanted, found again, and never where somebody has only written so."""

import json
from collections.abc import Callable

import orjson
import pytest

from gateway.dialects.base import Gathering
from gateway.dialects.places import insides_of
from gateway.dialects.replies import content_of
from gateway.dialects.spans import Span, pieces_of, string
from tests.dialects.speak import base64_of, sent, skeleton_of
from tests.dialects.test_answers import DRAWN, chat, images
from tests.dialects.test_places import LARGE, REPLIES, SMALL, WRITERS, part, reply
from tests.dialects.test_responses import writer as responses

ODD = 'a "quote", a \\, a \0 and \0001.2\0, a\nline, ü and 船'


def test_room_in_a_string_is_found_between_what_is_written() -> None:
    written = orjson.dumps({"a": string("one ", Span(3, 14), " two ", Span(0, 0)), "b": 1})
    assert list(pieces_of(written)) == [b'{"a":"one ', Span(3, 14), b" two ", Span(0, 0), b'","b":1}']


def test_what_reads_like_room_is_text() -> None:
    written = orjson.dumps({"a": string(ODD), "b": ODD})
    assert list(pieces_of(written)) == [written]
    assert json.loads(written) == {"a": ODD, "b": ODD}


def test_where_nothing_is_written_nothing_is_found() -> None:
    assert list(pieces_of(b"")) == []


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("step", [7, 1000, 10**9])
def test_every_picture_of_a_reply_is_where_its_number_says(name: str, step: int) -> None:
    body, _ = REPLIES[name]
    skeleton = skeleton_of(body, step)
    shown_of, known_of = content_of(skeleton.text).sketches, content_of(body).sketches
    assert len(insides_of(skeleton)) == len(set(known_of))
    for shown, known in zip(shown_of, known_of, strict=True):
        assert base64_of(body, shown.number, step).decode() == known.head
        assert (shown.media_type, shown.pixels) == (known.media_type, known.pixels)


DRAWINGS = [images, chat, responses]


@pytest.mark.parametrize("written_as", WRITERS)
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("dialect", DRAWINGS)
def test_the_same_answer_is_sent_however_the_upstream_writes_base64(
    dialect: Callable[..., Gathering], streams: bool, written_as: str
) -> None:
    def answer(body: bytes, text: bytes) -> bytes:
        writer = dialect(stream=streams)
        return sent(writer.opening() + writer.each(0, content_of(text)) + writer.closing(), body)

    plain = json.dumps(reply({"text": ODD}, part(SMALL, thought=True), part(LARGE, thoughtSignature="c2ln"))).encode()
    drawn = json.dumps(part(LARGE)["inlineData"]["data"])
    expected = answer(plain, plain)
    assert json.loads(drawn).encode() in expected
    for text in WRITERS[written_as](json.loads(drawn)):
        body = plain.replace(drawn.encode(), text.encode())
        assert answer(body, skeleton_of(body, 4096).text) == expected


def test_room_is_for_the_picture_of_the_reply_that_it_was_written_of() -> None:
    writer, bodies = images(n=2), [json.dumps(reply(part(SMALL), part(each))).encode() for each in (LARGE, LARGE[::-1])]
    for number in (1, 0):
        writer.each(number, content_of(skeleton_of(bodies[number]).text))
    entries = json.loads(sent(writer.closing(), *bodies))["data"]
    assert [entry["b64_json"] for entry in entries] == [
        part(each)["inlineData"]["data"] for each in (LARGE, LARGE[::-1])
    ]


def test_an_answer_has_the_picture_nowhere_until_it_is_sent() -> None:
    body = orjson.dumps(DRAWN)
    for dialect in DRAWINGS:
        for streams in (False, True):
            writer = dialect(stream=streams)
            written = writer.opening() + writer.each(0, content_of(body)) + writer.closing()
            assert DRAWN["candidates"][0]["content"]["parts"][2]["inlineData"]["data"].encode() not in written
            assert any(isinstance(piece, Span) for piece in pieces_of(written))
