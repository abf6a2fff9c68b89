"""Where the picture of a reply is: whatever the reply looks like, wherever it is split, whichever part is wanted."""

import base64
import json
import random
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.skim import KEEP_BYTES, Skimmer
from gateway.dialects.places import UNKNOWN, Decoder, Place, place_of

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"
CHANCE = random.Random(11)


def picture(size: int, head: bytes = PNG) -> bytes:
    return (head + CHANCE.randbytes(size))[:size]


SMALL, LARGE = picture(70), picture(90_001)


def part(content: bytes, mime: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(content).decode()}, **more}


def reply(*parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"parts": list(parts)}, "finishReason": "STOP"}],
        "usageMetadata": {"totalTokenCount": 1699},
    }


def events(*documents: dict[str, Any], line: bytes = b"\r\n") -> bytes:
    return b": a comment" + line + b"".join(b"data: " + json.dumps(each).encode() + line * 2 for each in documents)


def steps(body: bytes, step: int) -> list[bytes]:
    return [body[at : at + step] for at in range(0, len(body), step)]


def found(chunks: Iterable[bytes], *, streams: bool = False) -> Place | None:
    skimmer = Skimmer()
    for chunk in chunks:
        skimmer.feed(chunk)
    return place_of(skimmer.skeleton, streams=streams)


def part_of(body: bytes, place: Place, begin: int, end: int, step: int = 1000) -> bytes:
    """What is read of a picture when only its place is known."""
    first, last, skip = place.text_of(begin, end)
    decoder = Decoder()
    told = b"".join(decoder.feed(each) for each in steps(body[first:last], step)) + decoder.finish()
    return told[skip : skip + end - begin]


def whole(body: bytes, place: Place, step: int = 1000) -> bytes:
    return part_of(body, place, 0, 10**9, step)


TALK = 'it says "data": "QUJD", \\ and {"inlineData": {"data": "x"}}'

REPLIES: dict[str, tuple[bytes, bytes]] = {
    "large": (json.dumps(reply(part(LARGE))).encode(), LARGE),
    "small": (json.dumps(reply(part(SMALL))).encode(), SMALL),
    "as long as what is kept": (json.dumps(reply(part(LARGE[:6144]))).encode(), LARGE[:6144]),
    "one digit longer": (json.dumps(reply(part(LARGE[:6145]))).encode(), LARGE[:6145]),
    "spread over lines": (json.dumps(reply(part(LARGE)), indent=2).encode(), LARGE),
    "behind talk": (json.dumps(reply({"text": TALK}, part(LARGE), {"text": TALK})).encode(), LARGE),
    "a name that looks like one": (json.dumps({'"data': "x", **reply(part(LARGE))}).encode(), LARGE),
    "behind a draft": (json.dumps(reply(part(LARGE[::-1]), part(LARGE))).encode(), LARGE),
    "behind a draft that begins alike": (json.dumps(reply(part(LARGE + b"more"), part(LARGE))).encode(), LARGE),
    "before a thought": (json.dumps(reply(part(LARGE), part(LARGE[::-1], thought=True))).encode(), LARGE),
    "signed": (json.dumps(reply(part(LARGE, thoughtSignature="c2ln" * 9000), {"text": "."})).encode(), LARGE),
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("step", [1, 7, 1000, 10**9])
def test_the_result_is_found_and_its_size_known(name: str, step: int) -> None:
    body, drawn = REPLIES[name]
    place = found(steps(body, step))
    assert place is not None
    assert (place.media_type, place.suffix, place.size) == ("image/png", "png", len(drawn))
    assert base64.b64decode(body[place.begin : place.end]) == drawn
    assert whole(body, place) == drawn


@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
@pytest.mark.parametrize("step", [1, 999, 10**9])
def test_of_a_stream_it_is_the_last_that_was_finished(line: bytes, step: int) -> None:
    body = events(reply({"text": TALK}), reply(part(SMALL)), reply(part(LARGE)), reply({"text": "so"}), line=line)
    place = found(steps(body, step), streams=True)
    assert place is not None
    assert whole(body, place) == LARGE


def test_in_an_array_every_string_has_its_place() -> None:
    body = json.dumps([reply(part(LARGE)), reply(part(LARGE[::-1])), reply(part(SMALL))]).encode()
    skimmer = Skimmer()
    for chunk in steps(body, 333):
        skimmer.feed(chunk)
    skeleton = skimmer.skeleton
    for at, gap in enumerate(skeleton.gaps):
        assert body[skeleton.place(gap.at) - 4 : skeleton.place(gap.at) + 1] == gap.last + b'"'
        begin = skeleton.place(gap.at - KEEP_BYTES)
        assert base64.b64decode(body[begin : skeleton.place(gap.at)]) == (LARGE, LARGE[::-1])[at]
    assert len(skeleton.gaps) == 2
    assert body[skeleton.place(len(skeleton.text) - 1) :] == b"]"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        json.dumps(reply({"text": TALK})).encode(),
        json.dumps(reply(part(LARGE, thought=True))).encode(),
        json.dumps(reply(part(b""))).encode(),
        json.dumps(reply(part(LARGE))).encode()[:-1],
        json.dumps([reply(part(LARGE))]).encode(),
    ],
)
def test_where_there_is_no_result_there_is_no_place(body: bytes) -> None:
    assert found([body]) is None


@pytest.mark.parametrize(
    ("head", "claimed", "kind"),
    [
        (PNG, "image/jpeg", "image/png"),
        (JPEG, "image/png", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBP", "image/webp", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic", "image/heic"),
        (b"<script>", "text/html", UNKNOWN),
        (b"<svg ", "image/svg+xml", UNKNOWN),
        (b"", "image/png", UNKNOWN),
    ],
)
def test_its_first_bytes_say_what_it_is_and_nobody_else(head: bytes, claimed: str, kind: str) -> None:
    drawn = picture(500, head or b"\0\1\2")
    body = json.dumps(reply(part(drawn, claimed))).encode()
    place = found([body])
    assert place is not None
    assert place.media_type == kind
    assert whole(body, place) == drawn


def test_what_is_no_base64_is_found_and_does_not_decode() -> None:
    body = json.dumps(reply({"inlineData": {"mimeType": "image/png", "data": "no picture at all!"}})).encode()
    place = found([body])
    assert place is not None
    assert (place.media_type, place.size) == (UNKNOWN, None)
    with pytest.raises(ValueError, match="base64"):
        whole(body, place)


def folded(text: str) -> Iterator[str]:
    yield from ("\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)), text + "\n")


# How encoders write base64 into JSON.
WRITERS = {
    "slashes escaped": lambda text: [json.dumps(text).replace("/", "\\/")],
    "folded": lambda text: [json.dumps(each) for each in folded(text)],
    "all escaped": lambda text: ['"' + "".join(f"\\u{ord(each):04x}" for each in text) + '"'],
    "some escaped": lambda text: [json.dumps(text).replace("+", "\\u002B").replace("=", "\\u003d")],
    "not padded": lambda text: [json.dumps(text.rstrip("="))],
    "the other alphabet": lambda text: [json.dumps(text.replace("+", "-").replace("/", "_"))],
}


@pytest.mark.parametrize("size", [70, 71, 72, 6144, 40_000])
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("step", [1, 13, 10**9])
def test_however_base64_is_written(name: str, size: int, step: int) -> None:
    drawn = picture(size, JPEG)
    marked = json.dumps(reply({"inlineData": {"data": "HERE"}}))
    for text in WRITERS[name](base64.b64encode(drawn).decode()):
        body = marked.replace('"HERE"', text).encode()
        place = found(steps(body, max(step, 500) if size > 100 else step))
        assert place is not None
        assert place.media_type == "image/jpeg"
        assert place.size == (None if "\\" in text else size)
        assert whole(body, place, step) == drawn
        assert part_of(body, place, 5, 64, step) == drawn[5:64]


@given(
    size=st.integers(1, 20_000),
    cuts=st.lists(st.integers(0, 30_000), max_size=8),
    ends=st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)),
    step=st.integers(1, 5000),
    writer=st.sampled_from([*WRITERS, None]),
)
@settings(max_examples=150, deadline=None)
def test_any_part_of_any_picture_however_the_reply_was_split(
    size: int, cuts: list[int], ends: tuple[int, int], step: int, writer: str | None
) -> None:
    drawn = picture(size, JPEG)
    text = base64.b64encode(drawn).decode()
    written = json.dumps(text) if writer is None else WRITERS[writer](text)[0]
    marked = json.dumps(reply(part(SMALL), {"text": TALK}, {"inlineData": {"data": "HERE"}}))
    body = marked.replace('"HERE"', written).encode()
    places = sorted({0, *(cut for cut in cuts if cut < len(body)), len(body)})
    place = found(body[begin:end] for begin, end in pairwise(places))
    assert place is not None
    assert place.size in (None, size)
    begin, end = min(*ends, size), min(max(ends), size)
    assert part_of(body, place, begin, end, step) == drawn[begin:end]


def test_what_is_noted_of_a_place_is_read_again() -> None:
    place = found([REPLIES["large"][0]])
    assert place is not None
    fact = json.loads(json.dumps(place.fact()))
    assert Place.of({**fact, "a later release": "tells more"}) == place
