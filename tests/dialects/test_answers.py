"""What callers are sent for what the upstream answered."""

import base64
import json
import struct
import zlib
from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.core.call import Call, Delivery
from gateway.core.errors import (
    BadRequest,
    GatewayError,
    MissingKey,
    NoPicture,
    OverBudget,
    UnknownKey,
    UpstreamBusy,
    UpstreamCut,
)
from gateway.core.outcome import Verdict, of_reply
from gateway.core.skim import Skimmer
from gateway.core.sse import EventReader
from gateway.dialects.base import Gathering, Passing
from gateway.dialects.replies import content_of, read_reply
from tests.dialects.speak import DIALECTS, parse, sent, skeleton_of
from tests.facts import call as make_call
from tests.facts import key


def png(width: int, height: int) -> str:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"\x00" * 40) + chunk(b"IEND", b"")
    return base64.b64encode(raw).decode()


PICTURE = png(1376, 768)
USAGE = {
    "promptTokenCount": 21,
    "candidatesTokenCount": 1548,
    "thoughtsTokenCount": 130,
    "totalTokenCount": 1699,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}


def reply(*parts: dict[str, Any], finish: str = "STOP", **top: Any) -> dict[str, Any]:
    candidate = {"index": 0, "content": {"role": "model", "parts": list(parts)}, "finishReason": finish}
    return {"candidates": [candidate], "usageMetadata": USAGE, "responseId": "r1", **top}


INLINE = {"inlineData": {"mimeType": "image/png", "data": PICTURE}, "thoughtSignature": "c2ln"}
DRAWN = reply({"text": "thinking", "thought": True}, {"text": "Here it is."}, INLINE)
BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE}
REFUSED = {"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "unsafe"}], "usageMetadata": USAGE}
NOTHING = {"candidates": [{"finishReason": "NO_IMAGE"}], "usageMetadata": USAGE}
TALK = reply({"text": "I can only describe it."})


def call_for(path: str, body: dict[str, Any]) -> Call:
    parsed = parse(path, body)
    dialect = "images" if "images" in path else "chat"
    return Call(
        "call_1", "req_1", key(), dialect, "complete", parsed, arrived_at=0.0, made_at=1_790_000_000.0, patience_s=60
    )


def images(**more: Any) -> Gathering:
    return _gathering("images", "/v1/images/generations", {"model": "flash", "prompt": "x", **more})


def chat(**more: Any) -> Gathering:
    body = {"model": "flash", "messages": [{"role": "user", "content": "x"}], **more}
    return _gathering("chat", "/v1/chat/completions", body)


def _gathering(dialect: str, path: str, body: dict[str, Any]) -> Gathering:
    writer = DIALECTS[dialect].writer(call_for(path, body))
    assert isinstance(writer, Gathering)
    return writer


def write(writer: Gathering, *replies: bytes) -> bytes:
    """The answer out of replies that are complete in this order."""
    each = (writer.each(at, content_of(skeleton_of(body).text)) for at, body in enumerate(replies))
    return sent(b"".join((writer.opening(), *each, writer.closing())), *replies)


def passed(writer: Passing, body: bytes, step: int = 1000) -> bytes:
    return b"".join((*(writer.feed(body[at : at + step]) for at in range(0, len(body), step)), writer.closing()))


def test_an_images_answer_has_the_picture_its_pixels_and_the_usage() -> None:
    answer = json.loads(write(images(quality="high", size="16:9"), orjson.dumps(DRAWN)))
    assert answer == {
        "created": 1_790_000_000,
        "background": "opaque",
        "output_format": "png",
        "quality": "high",
        "size": "1376x768",
        "data": [{"b64_json": PICTURE, "revised_prompt": "Here it is."}],
        "usage": {
            "input_tokens": 21,
            "output_tokens": 1678,
            "total_tokens": 1699,
            "input_tokens_details": {"text_tokens": 21, "image_tokens": 0},
            "output_tokens_details": {"text_tokens": 558, "image_tokens": 1120},
        },
    }


def test_of_several_pictures_the_last_finished_one_is_the_result() -> None:
    draft = {"inlineData": {"mimeType": "image/png", "data": png(64, 64)}}
    thought = {"inlineData": {"mimeType": "image/png", "data": png(32, 32)}, "thought": True}
    answer = json.loads(write(images(), orjson.dumps(reply(draft, INLINE, thought))))
    assert answer["data"][0]["b64_json"] == PICTURE


def test_several_pictures_keep_their_order_and_their_usage_is_summed() -> None:
    writer = images(n=2)
    other = {"inlineData": {"mimeType": "image/png", "data": png(64, 64)}}
    replies = [orjson.dumps(DRAWN), orjson.dumps(reply(other))]
    second = writer.each(1, content_of(replies[1]))
    first = writer.each(0, content_of(replies[0]))
    answer = json.loads(sent(writer.closing(), *replies))
    assert (first, second) == (b"", b"")
    assert [entry["b64_json"] for entry in answer["data"]] == [PICTURE, png(64, 64)]
    assert answer["usage"]["output_tokens"] == 2 * 1678


def test_a_picture_that_was_refused_is_left_out_of_several() -> None:
    writer = images(n=2)
    with pytest.raises(NoPicture):
        writer.each(0, content_of(orjson.dumps(REFUSED)))
    writer.each(1, content_of(orjson.dumps(DRAWN)))
    answer = json.loads(sent(writer.closing(), orjson.dumps(REFUSED), orjson.dumps(DRAWN)))
    assert [entry["b64_json"] for entry in answer["data"]] == [PICTURE]


def address(call: Call, number: int) -> str:
    return f"https://gateway/{call.id}/{number}"


def linked(count: int = 1) -> Gathering:
    call = call_for("/v1/images/generations", {"model": "flash", "prompt": "x", "n": count, "response_format": "url"})
    writer = DIALECTS["images"].writer(replace(call, address=address))
    assert isinstance(writer, Gathering)
    assert writer.linked
    return writer


def test_a_picture_as_an_address_is_one() -> None:
    (entry,) = json.loads(write(linked(), orjson.dumps(DRAWN)))["data"]
    assert entry == {"url": "https://gateway/call_1/1", "revised_prompt": "Here it is."}


def test_addresses_are_numbered_as_pictures_were_asked_for() -> None:
    writer = linked(count=3)
    for number in (2, 1):
        writer.each(number, content_of(orjson.dumps(DRAWN)))
    assert [each["url"][-2:] for each in json.loads(writer.closing())["data"]] == ["/2", "/3"]


def test_a_picture_at_no_address_is_a_data_uri() -> None:
    unkept, placeless = linked(), images(response_format="url")
    unkept.unlink()
    assert not placeless.linked
    for writer in (unkept, placeless):
        (entry,) = json.loads(write(writer, orjson.dumps(DRAWN)))["data"]
        assert entry == {"url": f"data:image/png;base64,{PICTURE}", "revised_prompt": "Here it is."}


def test_only_an_answer_that_names_addresses_is_linked() -> None:
    for asked, names in (({}, False), ({"response_format": "url"}, True), ({"response_format": "b64_json"}, False)):
        assert call_for("/v1/images/generations", {"model": "flash", "prompt": "x", **asked}).parsed.linked is names
    streamed = {"model": "flash", "prompt": "x", "response_format": "url", "stream": True}
    assert not call_for("/v1/images/generations", streamed).parsed.linked


def test_streamed_images_are_an_event_each() -> None:
    stream = write(images(stream=True, n=2), orjson.dumps(DRAWN), orjson.dumps(DRAWN))
    assert stream.count(b"event: image_generation.completed\n") == 2
    told = [json.loads(data) for data in EventReader().feed(stream)]
    assert {each["type"] for each in told} == {"image_generation.completed"}
    assert told[0]["b64_json"] == PICTURE
    assert (told[0]["size"], told[0]["output_format"], told[0]["created_at"]) == ("1376x768", "png", 1_790_000_000)
    assert told[0]["usage"]["total_tokens"] == 1699


THOUGHT = {"inlineData": {"mimeType": "image/png", "data": png(32, 32)}, "thought": True}
FIRST = {"inlineData": {"mimeType": "image/png", "data": png(64, 64)}, "thoughtSignature": "Zmlyc3Q="}


@pytest.mark.parametrize(
    ("asked", "parts", "sizes"),
    [
        (0, (THOUGHT, INLINE), []),
        (1, (THOUGHT, INLINE), ["32x32"]),
        (3, (THOUGHT, INLINE), ["32x32"]),
        (3, (FIRST, THOUGHT, INLINE), ["64x64", "32x32"]),
        (1, (THOUGHT, FIRST, INLINE), ["64x64"]),
        (3, (INLINE, THOUGHT), ["32x32"]),
        (2, (INLINE,), []),
    ],
)
def test_drafts_are_partial_images_as_far_as_they_are_wanted(
    asked: int, parts: tuple[dict[str, Any], ...], sizes: list[str]
) -> None:
    stream = write(images(stream=True, partial_images=asked), orjson.dumps(reply(*parts)))
    *partial, done = [json.loads(data) for data in EventReader().feed(stream)]
    assert [(each["type"], each["partial_image_index"], each["size"]) for each in partial] == [
        ("image_generation.partial_image", number, size) for number, size in enumerate(sizes)
    ]
    assert (done["type"], done["b64_json"]) == ("image_generation.completed", PICTURE)


def test_chat_choices_are_numbered_whatever_order_they_come_in() -> None:
    writer = chat(n=2)
    writer.each(1, content_of(orjson.dumps(TALK)))
    writer.each(0, content_of(orjson.dumps(DRAWN)))
    answer = json.loads(sent(writer.closing(), orjson.dumps(DRAWN), orjson.dumps(TALK)))
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert "images" in answer["choices"][0]["message"]
    assert answer["usage"]["total_tokens"] == 2 * 1699


def test_a_chat_answer_has_text_and_picture_apart() -> None:
    answer = json.loads(write(chat(), orjson.dumps(DRAWN)))
    message = answer["choices"][0]["message"]
    assert answer["id"] == "chatcmpl-call_1"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert message["content"] == "Here it is."
    assert message["images"][0]["image_url"]["url"] == f"data:image/png;base64,{PICTURE}"
    assert message["reasoning_content"] == "thinking"
    assert message["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert answer["usage"]["completion_tokens"] == 1678
    assert answer["usage"]["completion_tokens_details"] == {
        "reasoning_tokens": 130,
        "text_tokens": 428,
        "image_tokens": 1120,
    }


def test_a_chat_stream_begins_with_the_role_and_ends_with_done() -> None:
    stream = write(chat(stream=True, stream_options={"include_usage": True}), orjson.dumps(DRAWN))
    events = list(EventReader().feed(stream))
    assert events[-1] == b"[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]) == "Here it is."
    assert chunks[2]["choices"][0]["delta"]["images"][0]["image_url"]["url"].endswith(PICTURE)
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 1699


def test_usage_is_sent_in_a_stream_only_when_asked_for() -> None:
    stream = write(chat(stream=True), orjson.dumps(DRAWN))
    assert b'"usage"' not in stream


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BLOCKED, "moderation_blocked"),
        (REFUSED, "moderation_blocked"),
        (NOTHING, "no_image_generated"),
        (TALK, "no_image_generated"),
    ],
)
def test_images_without_a_picture_are_an_error_that_is_not_retried(body: dict[str, Any], code: str) -> None:
    with pytest.raises(NoPicture) as caught:
        write(images(), orjson.dumps(body))
    assert (caught.value.status, caught.value.code, caught.value.should_retry) == (400, code, False)


@pytest.mark.parametrize(
    ("body", "finish", "refusal"),
    [
        (BLOCKED, "content_filter", "The model did not draw this (PROHIBITED_CONTENT)."),
        (REFUSED, "content_filter", "unsafe"),
        (TALK, "stop", None),
        (reply({"text": "half"}, finish="MAX_TOKENS"), "length", None),
    ],
)
def test_chat_tells_a_refusal_as_content_filter(body: dict[str, Any], finish: str, refusal: str | None) -> None:
    choice = json.loads(write(chat(), orjson.dumps(body)))["choices"][0]
    assert choice["finish_reason"] == finish
    assert choice["message"]["refusal"] == refusal


@pytest.mark.parametrize(
    "body", [b"", b"not json", b'{"candidates":[{"content"', b"[]", b"{}", b'{"error":{"message":"x"}}']
)
@pytest.mark.parametrize("writer", [images, chat])
def test_an_answer_that_broke_off_is_not_passed_off_as_one(writer: Any, body: bytes) -> None:
    with pytest.raises(UpstreamCut):
        write(writer(), body)


def sse(*documents: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + orjson.dumps(document) + b"\r\n\r\n" for document in documents)


def native(delivery: Delivery) -> Passing:
    writer = DIALECTS["gemini"].writer(make_call(delivery=delivery))
    assert isinstance(writer, Passing)
    return writer


@pytest.mark.parametrize("delivery", [Delivery.WHOLE, Delivery.EVENTS])
def test_native_answers_pass_byte_for_byte(delivery: Delivery) -> None:
    body = sse(DRAWN) if delivery is Delivery.EVENTS else orjson.dumps(DRAWN)
    assert passed(native(delivery), body, step=7) == body


@pytest.mark.parametrize("step", [1, 13, 4096])
def test_a_stream_without_sse_is_one_json_array(step: int) -> None:
    body = sse({"candidates": []}, DRAWN)
    assert json.loads(passed(native(Delivery.ARRAY), body, step=step)) == [{"candidates": []}, DRAWN]


def test_an_empty_stream_is_an_empty_array() -> None:
    assert json.loads(passed(native(Delivery.ARRAY), b"")) == []


def test_an_error_in_a_begun_stream_keeps_to_its_format() -> None:
    error = UpstreamCut("broke off")
    data = list(EventReader().feed(native(Delivery.EVENTS).broken(error)))
    assert json.loads(data[0])["error"]["status"] == "INTERNAL"
    assert data[0].startswith(b'{"error":')
    array = native(Delivery.ARRAY)
    begun = array.feed(sse(DRAWN))
    assert json.loads(begun + array.broken(error))[1]["error"]["code"] == 502
    events = list(EventReader().feed(chat(stream=True).broken(error)))
    assert json.loads(events[0])["error"]["code"] == "upstream_truncated"
    assert events[1] == b"[DONE]"


@pytest.mark.parametrize("streams", [False, True])
def test_the_facts_of_an_answer_are_read_from_its_skeleton(streams: bool) -> None:
    big = {"inlineData": {"mimeType": "image/png", "data": PICTURE + "A" * 100_000}}
    documents = (reply({"text": "a"}), reply({"text": "b"}, big))
    skimmer = Skimmer()
    skimmer.feed(sse(*documents) if streams else orjson.dumps(documents[1]))
    facts = read_reply(skimmer.skeleton.text, streams=streams)
    assert facts is not None
    assert facts.pictures == 1
    assert facts.usage is not None
    assert facts.usage.total == 1699
    assert of_reply(facts).verdict is Verdict.PICTURE


ERRORS: list[tuple[str, GatewayError, int, dict[str, Any]]] = [
    ("gemini", MissingKey("no"), 403, {"status": "PERMISSION_DENIED", "reason": "API_KEY_MISSING"}),
    ("gemini", UnknownKey("no"), 400, {"status": "INVALID_ARGUMENT", "reason": "API_KEY_INVALID"}),
    ("gemini", OverBudget("no"), 429, {"status": "RESOURCE_EXHAUSTED", "reason": "BUDGET_EXCEEDED"}),
    ("gemini", UpstreamBusy("no"), 503, {"status": "UNAVAILABLE", "reason": "UPSTREAM_OVERLOADED"}),
    ("images", MissingKey("no"), 401, {"type": "invalid_request_error", "code": "invalid_api_key"}),
    ("chat", OverBudget("no"), 429, {"type": "insufficient_quota", "code": "insufficient_quota"}),
    ("chat", BadRequest("no", param="size"), 400, {"code": "invalid_value", "param": "size"}),
]


@pytest.mark.parametrize(("dialect", "error", "status", "shape"), ERRORS)
def test_an_error_looks_as_the_callers_sdk_expects(
    dialect: str, error: GatewayError, status: int, shape: dict[str, Any]
) -> None:
    told, body = DIALECTS[dialect].error(error)
    inside = json.loads(body)["error"]
    assert told == status
    assert inside["message"] == "no"
    if dialect == "gemini":
        assert inside["code"] == status
        inside["reason"] = inside["details"][0]["reason"]
    assert {name: inside[name] for name in shape} == shape
