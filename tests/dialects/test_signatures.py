"""Signatures of earlier answers: known again whatever form they come back in, and done without where they are not."""

import base64
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.core.call import Parsed
from gateway.dialects.replies import content_of
from gateway.dialects.signatures import PictureDigest, signatures_of
from tests.dialects.speak import asked, parse
from tests.dialects.test_requests import GOOD, load
from tests.facts import catalog

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(250, 256)) * 3).decode()
URI = f"data:image/png;base64,{PICTURE}"
SAFE = PICTURE.replace("+", "-").replace("/", "_").rstrip("=")
assert SAFE != PICTURE

ANSWER = orjson.dumps(
    {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Here it is.", "thoughtSignature": "of the words"},
                        {"inlineData": {"mimeType": "image/png", "data": PICTURE}, "thoughtSignature": "of the boat"},
                    ]
                },
                "finishReason": "STOP",
            }
        ]
    }
)
DIGEST = PictureDigest()
DIGEST.feed(PICTURE[:7].encode())
DIGEST.feed(PICTURE[7:].encode())
KNOWN = signatures_of(content_of(ANSWER), {0: DIGEST.told})

TEXT, IMAGE = {"text": "Here it is."}, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}
SIGNED_TEXT = {**TEXT, "thoughtSignature": "of the words"}
SIGNED_IMAGE = {**IMAGE, "thoughtSignature": "of the boat"}


def read(path: str, body: Any, known: dict[str, str]) -> Parsed:
    dialect, request = asked(path, body)
    return dialect.parse(replace(request, signatures=known), catalog())


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


MESSAGES = [
    ("as it was", {"content": "Here it is.", "images": [image(URI)]}, [SIGNED_TEXT, SIGNED_IMAGE]),
    ("as Markdown", {"content": f"Here it is.\n\n![image]({URI})"}, [SIGNED_TEXT, SIGNED_IMAGE]),
    ("in parts", {"content": [{"type": "text", "text": "Here it is."}, image(URI)]}, [SIGNED_TEXT, SIGNED_IMAGE]),
    ("in bare base64 of the other alphabet", {"content": [image(SAFE)]}, [SIGNED_IMAGE]),
    ("with line breaks", {"content": [image(PICTURE[:40] + "\n" + PICTURE[40:])]}, [SIGNED_IMAGE]),
    ("the words alone", {"content": "Here it is."}, [SIGNED_TEXT]),
    ("other words", {"content": "There it is.", "images": [image(URI)]}, [{"text": "There it is."}, SIGNED_IMAGE]),
]


@pytest.mark.parametrize(("message", "parts"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_an_answer_is_known_again(message: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    messages = [{"role": "assistant", **message}, {"role": "user", "content": "bluer"}]
    parsed = read("/v1/chat/completions", {"model": "flash", "messages": messages}, KNOWN)
    (turn, _) = json.loads(parsed.body)["contents"]
    assert turn == {"role": "model", "parts": parts}
    assert parsed.ask.history == sum("inlineData" in part for part in parts)


def test_a_drawn_item_of_a_response_is_known_again() -> None:
    items = [{"type": "image_generation_call", "id": "ig_1", "result": PICTURE}, {"role": "user", "content": "bluer"}]
    parsed = read("/v1/responses", {"model": "flash", "input": items}, KNOWN)
    assert json.loads(parsed.body)["contents"][0] == {"role": "model", "parts": [SIGNED_IMAGE]}


def test_a_signature_that_comes_with_the_picture_is_not_replaced() -> None:
    own = {**image(URI), "extra_content": {"google": {"thought_signature": "its own"}}}
    messages = [{"role": "assistant", "content": [own]}, {"role": "user", "content": "bluer"}]
    parsed = read("/v1/chat/completions", {"model": "flash", "messages": messages}, KNOWN)
    assert json.loads(parsed.body)["contents"][0]["parts"] == [{**IMAGE, "thoughtSignature": "its own"}]
    assert not parsed.unsigned


def test_a_user_is_not_given_the_models_signature() -> None:
    messages = [{"role": "user", "content": [image(URI), {"type": "text", "text": "bluer"}]}]
    parsed = read("/v1/chat/completions", {"model": "flash", "messages": messages}, KNOWN)
    assert json.loads(parsed.body)["contents"][0]["parts"] == [IMAGE, {"text": "bluer"}]
    assert (parsed.unsigned, parsed.plain) == (frozenset(), None)


def test_the_digests_of_what_came_unsigned_are_those_it_is_remembered_by() -> None:
    messages = [{"role": "assistant", "content": "Here it is.", "images": [image(URI)]}, {"content": "bluer"}]
    parsed = read("/v1/chat/completions", {"model": "flash", "messages": messages}, {})
    assert parsed.unsigned == set(KNOWN)


WITH_HISTORY = [path for path in GOOD if '"role":"model"' in json.dumps(load(path)["upstream"], separators=(",", ":"))]
TRANSLATED = [path for path in WITH_HISTORY if not load(path)["path"].startswith("/v1beta")]


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: path.stem)
def test_a_request_written_plain_says_all_of_it_and_needs_no_signature(path: Any) -> None:
    parsed = parse(load(path)["path"], load(path)["body"])
    assert parsed.plain is not None
    request, plain = json.loads(parsed.body), json.loads(parsed.plain())
    assert [content["role"] for content in plain["contents"]] == ["user"]
    before = [part for content in request.pop("contents") for part in content["parts"]]
    after = [part for content in plain.pop("contents") for part in content["parts"]]
    assert [part for part in after if part != {"text": "Your answer before:"}] == [
        {name: value for name, value in part.items() if name != "thoughtSignature"} for part in before
    ]
    assert plain == request


def test_a_native_request_is_never_written_plain() -> None:
    native = [parse(load(path)["path"], load(path)["body"]) for path in WITH_HISTORY if path not in TRANSLATED]
    assert native, "there are such pairs"
    assert {(parsed.unsigned, parsed.plain) for parsed in native} == {(frozenset(), None)}
