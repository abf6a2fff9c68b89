"""What callers of the Responses API are sent: every object and event parses into the openai package's own types."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.core.catalog import Catalog, Named
from gateway.core.errors import (
    BadRequest,
    CallerError,
    GatewayError,
    StillDrawing,
    UpstreamBusy,
    UpstreamCut,
    UpstreamRejected,
)
from gateway.core.sse import EventReader
from gateway.dialects.base import Gathering
from tests.dialects.speak import DIALECTS, asked, parse
from tests.dialects.test_answers import (
    BLOCKED,
    DRAWN,
    INLINE,
    NOTHING,
    PICTURE,
    REFUSED,
    TALK,
    call_for,
    png,
    reply,
    write,
)
from tests.dialects.test_junk import JUNK, spoiled
from tests.facts import FLASH

RESPONSE = TypeAdapter(Response)
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)

OPENING = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.image_generation_call.in_progress",
    "response.image_generation_call.generating",
]
PICTURE_DONE = ["response.image_generation_call.completed", "response.output_item.done"]
THOUGHT = [
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
]
MESSAGE = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]

REFUSAL = [
    "response.content_part.added",
    "response.refusal.delta",
    "response.refusal.done",
    "response.content_part.done",
]

USED = {
    "input_tokens": 21,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 1678,
    "output_tokens_details": {"reasoning_tokens": 130},
    "total_tokens": 1699,
}

WITHOUT_A_PICTURE = [
    (BLOCKED, "incomplete", "content_filter", "The model did not draw this (PROHIBITED_CONTENT)."),
    (REFUSED, "incomplete", "content_filter", "unsafe"),
    (NOTHING, "incomplete", "content_filter", "The model did not draw this (NO_IMAGE)."),
    (reply({"text": "half"}, finish="MAX_TOKENS"), "incomplete", "max_output_tokens", "half"),
    (TALK, "completed", None, "I can only describe it."),
]


def writer(**more: Any) -> Gathering:
    found = DIALECTS["responses"].writer(call_for("/v1/responses", {"model": "flash", "input": "x", **more}))
    assert isinstance(found, Gathering)
    return found


def whole(body: object, **more: Any) -> dict[str, Any]:
    raw = write(writer(**more), orjson.dumps(body))
    RESPONSE.validate_json(raw, strict=True)
    answer: dict[str, Any] = json.loads(raw)
    return answer


def read(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream: numbered without a gap, named as their type, and each of its type."""
    events = list(EventReader().feed(stream))
    for event in events:
        EVENT.validate_json(event, strict=True)
    told = [json.loads(event) for event in events]
    assert [each["sequence_number"] for each in told] == list(range(len(told)))
    names = [line.removeprefix(b"event: ") for line in stream.split(b"\n") if line.startswith(b"event: ")]
    assert names == [each["type"].encode() for each in told]
    return told


def streamed(body: object, **more: Any) -> list[dict[str, Any]]:
    return read(write(writer(stream=True, **more), orjson.dumps(body)))


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in events]


def test_a_response_has_the_picture_the_text_and_the_usage() -> None:
    tool = {"type": "image_generation", "size": "16:9", "quality": "high"}
    assert whole(DRAWN, tools=[tool], instructions="flat", metadata={"a": "b"}, temperature=0.5) == {
        "id": "resp_call_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "model": "flash",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": "flat",
        "max_output_tokens": None,
        "metadata": {"a": "b"},
        "output": [
            {
                "type": "image_generation_call",
                "id": "ig_call_1",
                "status": "completed",
                "background": "opaque",
                "output_format": "png",
                "quality": "high",
                "size": "1376x768",
                "result": PICTURE,
                "extra_content": {"google": {"thought_signature": "c2ln"}},
            },
            {
                "type": "reasoning",
                "id": "rs_call_1",
                "status": "completed",
                "summary": [{"type": "summary_text", "text": "thinking"}],
            },
            {
                "type": "message",
                "id": "msg_call_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Here it is.", "annotations": [], "logprobs": []}],
            },
        ],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "temperature": 0.5,
        "tool_choice": "auto",
        "tools": [tool],
        "top_p": None,
        "usage": USED,
    }


def test_of_several_pictures_the_last_finished_one_is_the_result() -> None:
    draft = {"inlineData": {"mimeType": "image/png", "data": png(64, 64)}}
    thought = {"inlineData": {"mimeType": "image/png", "data": png(32, 32)}, "thought": True}
    assert whole(reply(draft, INLINE, thought))["output"][0]["result"] == PICTURE


def test_after_a_picture_without_words_comes_an_empty_message() -> None:
    """LlamaIndex takes what was drawn when a message comes, and else drops it."""
    picture, message = whole(reply(INLINE))["output"]
    assert picture["type"] == "image_generation_call"
    assert [part["text"] for part in message["content"]] == [""]
    empty = [kind for kind in MESSAGE if not kind.endswith(".delta")]
    assert kinds(streamed(reply(INLINE))) == [*OPENING, *PICTURE_DONE, *empty, "response.completed"]


def test_usage_the_upstream_did_not_tell_is_estimated() -> None:
    usage = whole({"candidates": DRAWN["candidates"]})["usage"]
    assert (usage["output_tokens"], usage["estimated"]) == (1120 + 3, True)


@pytest.mark.parametrize(("body", "status", "reason", "text"), WITHOUT_A_PICTURE)
def test_without_a_picture_a_response_says_why_and_has_no_item_for_it(
    body: dict[str, Any], status: str, reason: str | None, text: str
) -> None:
    answer = whole(body)
    assert answer["status"] == status
    assert answer["incomplete_details"] == ({"reason": reason} if reason else None)
    (message,) = answer["output"]
    assert message["content"][0]["text"] == text
    refusals = [{"type": "refusal", "refusal": text}] if reason == "content_filter" else []
    assert message["content"][1:] == refusals
    assert answer["usage"]["total_tokens"] == (1699 if "usageMetadata" in body else None)


def test_a_stream_tells_everything_in_openais_order() -> None:
    events = streamed(DRAWN)
    assert kinds(events) == [*OPENING, *PICTURE_DONE, *THOUGHT, *MESSAGE, "response.completed"]
    assert events[0]["response"]["status"] == events[1]["response"]["status"] == "in_progress"
    assert events[6]["item"]["result"] == PICTURE
    assert [each["delta"] for each in events if "delta" in each] == ["thinking", "Here it is."]
    assert [each.get("output_index") for each in events] == [None, None, *[0] * 5, *[1] * 6, *[2] * 6, None]
    ended = [each["item"] for each in events if each["type"] == "response.output_item.done"]
    assert ended == events[-1]["response"]["output"]


def test_drafts_are_told_of_when_they_are_wanted() -> None:
    thought = {"inlineData": {"mimeType": "image/png", "data": png(32, 32)}, "thought": True}
    tool = {"type": "image_generation", "partial_images": 2, "quality": "high"}
    body = reply(thought, INLINE)
    (partial,) = [
        each for each in streamed(body, tools=[tool]) if each["type"] == "response.image_generation_call.partial_image"
    ]
    assert partial["partial_image_b64"] == png(32, 32)
    assert (partial["partial_image_index"], partial["output_index"]) == (0, 0)
    assert (partial["size"], partial["output_format"], partial["quality"]) == ("32x32", "png", "high")
    assert "response.image_generation_call.partial_image" not in kinds(streamed(body))


def test_pages_that_the_text_rests_on_are_cited() -> None:
    found = json.loads(orjson.dumps(DRAWN))
    found["candidates"][0]["groundingMetadata"] = grounding = {
        "groundingChunks": [{"web": {"uri": "https://example.org/a", "title": "A"}}],
        "groundingSupports": [{"segment": {"text": "it is"}, "groundingChunkIndices": [0]}],
    }
    message = whole(found)["output"][-1]
    page = {"type": "url_citation", "url": "https://example.org/a", "title": "A", "start_index": 5, "end_index": 10}
    assert message["content"][0]["annotations"] == [page]
    assert message["grounding_metadata"] == grounding
    (told,) = [each for each in streamed(found) if each["type"] == "response.output_text.annotation.added"]
    assert (told["annotation"], told["annotation_index"]) == (page, 0)


@pytest.mark.parametrize("body", [DRAWN, reply(INLINE)], ids=["with text", "picture alone"])
def test_a_stream_ends_with_what_the_whole_answer_would_have_been(body: dict[str, Any]) -> None:
    assert streamed(body)[-1]["response"] == whole(body)


@pytest.mark.parametrize(("body", "status", "reason", "text"), WITHOUT_A_PICTURE)
def test_a_picture_that_was_announced_and_not_drawn_is_told_to_have_failed(
    body: dict[str, Any], status: str, reason: str | None, text: str
) -> None:
    events = streamed(body)
    message = [*MESSAGE[:-1], *(REFUSAL if reason == "content_filter" else ()), MESSAGE[-1]]
    assert kinds(events) == [*OPENING, "response.output_item.done", *message, f"response.{status}"]
    last = events[-1]["response"]
    assert last["incomplete_details"] == ({"reason": reason} if reason else None)
    assert [item["status"] for item in last["output"]] == ["failed", "completed"]
    assert events[5]["item"] == last["output"][0]
    assert last["output"][1]["content"][0]["text"] == text


def test_a_stream_begins_the_same_however_often_its_beginning_is_asked_for() -> None:
    found = writer(stream=True)
    assert found.opening() == found.opening()
    assert kinds(read(found.opening())) == OPENING
    assert found.heartbeat is not None
    assert list(EventReader().feed(found.heartbeat)) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamCut("broke off"), "server_error"),
        (StillDrawing("goes on"), "server_error"),
        (UpstreamBusy("busy"), "server_error"),
        (UpstreamRejected("wrong", status=400), "invalid_prompt"),
    ],
)
def test_an_error_in_a_begun_stream_is_a_failed_response(error: GatewayError, code: str) -> None:
    found = writer(stream=True)
    events = read(found.opening() + found.broken(error))
    assert kinds(events) == [*OPENING, "response.failed"]
    failed = events[-1]["response"]
    assert (failed["status"], failed["id"], failed["output"]) == ("failed", "resp_call_1", [])
    assert failed["error"] == {"code": code, "message": error.message, "type": error.type, "param": None}


@pytest.mark.parametrize(
    "body", [b"", b"not json", b'{"candidates":[{"content"', b"[]", b"{}", b'{"error":{"message":"x"}}']
)
@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_that_broke_off_is_not_passed_off_as_one(streams: bool, body: bytes) -> None:
    with pytest.raises(UpstreamCut):
        write(writer(stream=streams), body)


def test_a_model_that_cannot_search_is_not_asked_to() -> None:
    blind = replace(FLASH, web_search=False)
    known = Catalog((blind,), {"flash": Named("flash", blind, None)})
    dialect, request = asked("/v1/responses", {"model": "flash", "input": "x", "tools": [{"type": "web_search"}]})
    with pytest.raises(BadRequest, match="cannot search"):
        dialect.parse(request, known)


SPOILED: dict[str, Any] = {
    "model": "flash",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}]},
        {
            "type": "image_generation_call",
            "id": "ig_1",
            "status": "completed",
            "result": PICTURE,
            "extra_content": {"google": {"thought_signature": "c2ln"}},
        },
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"role": "developer", "content": "flat"},
    ],
    "instructions": "flat",
    "tools": [{"type": "image_generation", "size": "1K", "quality": "high", "background": "auto"}],
    "tool_choice": {"type": "image_generation"},
    "reasoning": {"effort": "high", "summary": "auto"},
    "metadata": {"a": "b"},
    "temperature": 1,
    "max_output_tokens": 5000,
    "stream": True,
    "google": {"image_config": {"aspect_ratio": "16:9"}},
}


def test_the_request_is_good_before_it_is_spoiled() -> None:
    assert parse("/v1/responses", SPOILED).ask.history == 1


@pytest.mark.parametrize("junk", [*JUNK, {"type": []}, {"type": {}}], ids=str)
def test_anything_in_any_place_is_refused_or_answered(junk: Any) -> None:
    for body in spoiled(SPOILED, junk):
        try:
            parsed = parse("/v1/responses", body)
        except CallerError:
            continue
        call = replace(call_for("/v1/responses", {"model": "flash", "input": "x"}), parsed=parsed)
        found = DIALECTS["responses"].writer(call)
        assert isinstance(found, Gathering)
        assert write(found, orjson.dumps(DRAWN))


@pytest.mark.parametrize("deep", [b"[" * 251 + b"]" * 251, b"1" + b"0" * 30], ids=["nested", "long"])
@pytest.mark.parametrize("name", ["metadata", "tool_choice", "temperature"])
def test_what_no_answer_could_repeat_is_refused_before_it_is_paid_for(name: str, deep: bytes) -> None:
    with pytest.raises(BadRequest):
        parse("/v1/responses", b'{"model":"flash","input":"x","%s":%s}' % (name.encode(), deep))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"model":"flash","model":"pro","input":"x"}'])
def test_a_body_that_cannot_be_read_in_one_way_only_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse("/v1/responses", body)
