"""Anything in any place: callers are told what is wrong, an upstream's odd answer is written or an error of ours."""

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gateway.core.errors import BadRequest, CallerError, GatewayError
from tests.dialects.speak import parse
from tests.dialects.test_answers import INLINE, REFUSED, chat, images, reply, write

JUNK: list[Any] = [None, 1, -1, 1.5, True, "x", "", [], {}, [1], [None], [[]], ["x"], {"a": 1}, [{}], {"url": 1}]

URI = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="
SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
PICTURE = {"type": "image_url", "image_url": {"url": URI}, **SIGNED}
CALLED = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
CONFIG = {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}, "thinking_config": {"thinking_level": "high"}}

REQUEST: dict[str, Any] = {
    "model": "flash",
    "messages": [
        {"role": "system", "content": "Flat."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, PICTURE]},
        {"role": "assistant", "content": f"b ![image]({URI})", "images": [PICTURE], "tool_calls": CALLED, **SIGNED},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": URI}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": URI}}]},
    ],
    "extra_body": {"google": {**CONFIG, "generation_config": {**CONFIG, "top_k": 3, "stop_sequences": ["x"]}}},
    "google": {"safety_settings": [{"category": "c", "threshold": "t"}], "response_modalities": ["TEXT", "IMAGE"]},
    "tools": [
        {"googleSearch": {"searchTypes": {"webSearch": {}}}},
        {"type": "function", "function": {"name": "google_search"}},
    ],
    "tool_choice": "auto",
    "web_search_options": {},
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 2,
    "size": "1K",
    "quality": "high",
    "reasoning_effort": "low",
    "max_tokens": 5000,
    "temperature": 1,
    "stop": ["END"],
    "image_response_format": "both",
}

EDIT: dict[str, Any] = {
    "model": "flash",
    "prompt": "a",
    "image": [URI, {"image_url": URI}, {"type": "image_url", "image_url": {"url": URI}}],
    "size": "16:9",
    "quality": "high",
    "response_format": "b64_json",
    "background": "auto",
    "output_format": "png",
    "partial_images": 1,
    "stream": True,
    "n": 1,
    "user": "u",
    "extra_body": {"google": CONFIG},
}

RESPONSE: dict[str, Any] = {
    "model": "flash",
    "instructions": "Flat.",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "reasoning", "summary": []},
        {"type": "image_generation_call", "status": "completed", "result": URI, **SIGNED},
        {"role": "user", "content": [{"type": "input_image", "image_url": URI}]},
    ],
    "tools": [{"type": "web_search"}, {"type": "image_generation", "size": "2K", "partial_images": 1}],
    "tool_choice": "auto",
    "reasoning": {"effort": "low", "summary": "auto"},
    "metadata": {"a": "b"},
    "stream": True,
}

REQUESTS = {
    "/v1/chat/completions": REQUEST,
    "/v1/images/generations": {name: value for name, value in EDIT.items() if name != "image"},
    "/v1/images/edits": EDIT,
    "/v1/responses": RESPONSE,
}

CHUNKS = [{"web": {"uri": "https://example.org", "title": "A"}}]
SUPPORTS = [{"segment": {"text": "it"}, "groundingChunkIndices": [0]}]
REPLY = reply({"text": "hm", "thought": True}, {"text": "Here it is.", "thoughtSignature": "d29yZHM="}, INLINE)
REPLY["candidates"][0]["groundingMetadata"] = {"groundingChunks": CHUNKS, "groundingSupports": SUPPORTS}
REPLIES = {"drawn": {**REPLY, "promptFeedback": {"blockReason": "OTHER"}}, "refused": REFUSED}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a document."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inside in rows:
        yield (*at, name)
        yield from places(inside, (*at, name))


def spoiled(document: dict[str, Any], junk: Any) -> Iterator[dict[str, Any]]:
    """The document with `junk` in each of its places in turn."""
    for *way, last in places(document):
        whole = copy.deepcopy(document)
        inside: Any = whole
        for name in way:
            inside = inside[name]
        inside[last] = junk
        yield whole


@pytest.mark.parametrize("path", REQUESTS)
def test_a_request_is_good_before_it_is_spoiled(path: str) -> None:
    assert parse(path, REQUESTS[path]).body


def test_all_of_a_conversation_is_read_before_it_is_spoiled() -> None:
    assert parse("/v1/chat/completions", REQUEST).ask.history == 1
    assert parse("/v1/responses", RESPONSE).ask.history == 1
    assert parse("/v1/images/edits", EDIT).ask.references == 3


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_a_request_is_understood_or_refused_whatever_stands_in_it(junk: Any, path: str) -> None:
    for body in spoiled(REQUESTS[path], junk):
        try:
            parsed = parse(path, body)
            parse(f"/v1beta/models/{parsed.ask.model.id}:generateContent", parsed.body)
        except CallerError:
            continue


@pytest.mark.parametrize("value", [b"1" + b"0" * 30, b"[" * 300 + b"]" * 300], ids=["a hundred bits", "deep"])
def test_what_json_elsewhere_cannot_hold_is_refused(value: bytes) -> None:
    body = b'{"model":"flash","messages":[{"content":"x"}],"generation_config":{"some":%s}}' % value
    with pytest.raises(BadRequest, match=r"64 bits|nested too deeply"):
        parse("/v1/chat/completions", body)


@pytest.mark.parametrize("body", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_an_upstreams_answer_is_written_or_refused_whatever_stands_in_it(junk: Any, body: dict[str, Any]) -> None:
    for odd in spoiled(body, junk):
        for writer in (chat(), chat(stream=True), chat(image_response_format="both"), images()):
            try:
                write(writer, orjson.dumps(odd))
            except GatewayError:
                continue
