import base64
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.skim import KEEP_BYTES, Skeleton, Skimmer

PICTURE = base64.b64encode(random.Random(7).randbytes(60_000)).decode()

DOCUMENT = {
    "candidates": [
        {
            "content": {"parts": [{"text": 'say "usageMetadata" \\'}, {"inlineData": {"data": PICTURE}}]},
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"totalTokenCount": 1699},
}


def skeleton_of(body: bytes, at: list[int] | None = None) -> Skeleton:
    skimmer = Skimmer()
    for start, end in zip([0, *(at or [])], [*(at or []), len(body)], strict=True):
        skimmer.feed(body[start:end])
    return skimmer.skeleton


def skim(body: bytes, at: list[int] | None = None) -> bytes:
    return skeleton_of(body, at).text


def test_a_skeleton_is_the_document_with_its_picture_shortened() -> None:
    skeleton = json.loads(skim(json.dumps(DOCUMENT).encode()))
    data = skeleton["candidates"][0]["content"]["parts"][1]["inlineData"].pop("data")
    expected = json.loads(json.dumps(DOCUMENT))
    assert expected["candidates"][0]["content"]["parts"][1]["inlineData"].pop("data").startswith(data)
    assert len(data) == KEEP_BYTES
    assert skeleton == expected


def test_the_skeleton_is_the_same_wherever_the_body_is_split() -> None:
    body = json.dumps(DOCUMENT).encode()
    whole = skim(body)
    for at in [*range(1, 200), *range(len(body) - 200, len(body)), 9000, 30_000]:
        assert skim(body, [at]) == whole


def test_the_skeleton_is_the_same_byte_by_byte() -> None:
    body = json.dumps(DOCUMENT).encode()
    assert skim(body, list(range(1, len(body)))) == skim(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
    st.integers(min_value=1, max_value=60),
)
@settings(max_examples=200)
def test_a_document_without_long_strings_is_kept_as_it_is(document: object, step: int) -> None:
    body = json.dumps(document).encode()
    assert skim(body, list(range(step, len(body), step))) == body


@pytest.mark.parametrize(
    "text",
    ["word " * 4000, "line\n" * 4000 + "with \t tab", '"' * 9000, "\\" * 9000, "\u4f60\u597d" * 4000 + '"\u00e9" x'],
)
def test_text_is_kept_whole_or_stays_valid(text: str) -> None:
    body = json.dumps({"text": text, "after": 1}).encode()
    kept = json.loads(skim(body))
    assert kept["after"] == 1
    assert text.startswith(kept["text"])


@pytest.mark.parametrize("text", ["word " * 4000, "\\n and more " * 2000, "\u4f60 " * 4000])
def test_text_with_spaces_is_kept_whole(text: str) -> None:
    assert json.loads(skim(json.dumps({"text": text}).encode()))["text"] == text


@pytest.mark.parametrize("escape", ["\\/", "\\n", "\\r\\n"])
def test_base64_with_an_encoders_escapes_is_still_shortened(escape: str) -> None:
    body = b'{"data":"' + ("QUJD" + escape).encode() * 40_000 + b'","after":[1]}'
    skeleton = skim(body)
    assert len(skeleton) < KEEP_BYTES + 100
    assert json.loads(skeleton)["after"] == [1]


def test_a_stream_of_events_keeps_its_lines() -> None:
    body = b"".join(b"data: " + json.dumps(DOCUMENT).encode() + b"\r\n\r\n" for _ in range(3))
    lines = skim(body).split(b"\r\n\r\n")
    assert len(lines) == 4
    assert json.loads(lines[2].removeprefix(b"data: "))["usageMetadata"] == {"totalTokenCount": 1699}


def test_a_document_cut_inside_a_string_does_not_become_whole() -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(skim(json.dumps(DOCUMENT).encode()[:20_000]))


def test_a_document_that_is_all_text_is_given_up() -> None:
    skimmer = Skimmer()
    for _ in range(70):
        skimmer.feed(b"[1, 2]" * 20_000)
    assert skimmer.given_up
    assert skimmer.skeleton.text == b""


@pytest.mark.parametrize("step", [7, 1000, 10**6])
def test_what_was_left_out_is_where_it_is_said_to_be(step: int) -> None:
    parts = [{"data": PICTURE}, {"text": "two pictures"}, {"data": PICTURE[:50_000]}, {"data": PICTURE[:KEEP_BYTES]}]
    body = json.dumps(parts).encode()
    skeleton = skeleton_of(body, list(range(step, len(body), step)))
    gaps = skeleton.left_out()
    assert [body[begin:end] for begin, end in gaps] == [
        PICTURE[KEEP_BYTES:].encode(),
        PICTURE[KEEP_BYTES:50_000].encode(),
    ]
    edges = [0, *(place for gap in gaps for place in gap), len(body)]
    assert b"".join(body[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)) == skeleton.text
