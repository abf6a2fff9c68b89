"""The chat route, as a one-api descendant offers it."""

import base64
import io
import re
from typing import Any

import orjson
import pytest
from PIL import Image

from tests.sim.conftest import Caller, reference

_ASK = [{"role": "user", "content": "A heron"}]
_MARKDOWN = re.compile(r"!\[image\]\(data:(image/\w+);base64,([^)]+)\)")


def _picture(content: str) -> Image.Image:
    (found,) = _MARKDOWN.finditer(content)
    image = Image.open(io.BytesIO(base64.b64decode(found[2], validate=True)))
    assert Image.MIME[image.format or ""] == found[1]
    return image


def _chunks(sim: Caller, **body: Any) -> list[dict[str, Any]]:
    reply = sim.chat({"messages": _ASK, "stream": True, **body})
    *frames, done, end = reply.content.split(b"\n\n")
    assert (done, end) == (b"data: [DONE]", b"")
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


def test_the_picture_is_markdown_in_the_content(sim: Caller) -> None:
    choice = sim.chat({"messages": _ASK}).json()["choices"][0]
    assert _picture(choice["message"]["content"]).size == (1024, 1024)
    assert choice["finish_reason"] == "stop"


def test_usage_has_openai_names_and_adds_up(sim: Caller) -> None:
    usage = sim.chat({"messages": _ASK}).json()["usage"]
    details = usage["completion_tokens_details"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == sum(details.values())
    assert details["image_tokens"] == 1120


def test_options_are_read_under_a_literal_extra_body_only(sim: Caller) -> None:
    google = {"google": {"image_config": {"aspect_ratio": "21:9", "image_size": "2K"}}}
    literal = sim.chat({"messages": _ASK, "extra_body": google}).json()
    merged = sim.chat({"messages": _ASK, **google}).json()
    assert _picture(literal["choices"][0]["message"]["content"]).size == (3168, 1344)
    assert _picture(merged["choices"][0]["message"]["content"]).size == (1024, 1024)


def test_camel_case_options_are_refused(sim: Caller) -> None:
    extra = {"google": {"imageConfig": {"aspectRatio": "21:9"}}}
    reply = sim.chat({"messages": _ASK, "extra_body": extra})
    assert reply.status_code == 400
    assert "use image_config or thinking_config instead" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "extra",
    [7, {"google": 7}, {"google": {"image_config": 7}}, {"google": {"image_config": {"aspect_ratio": []}}}],
    ids=str,
)
def test_options_of_the_wrong_type_are_refused(sim: Caller, extra: Any) -> None:
    assert sim.chat({"messages": _ASK, "extra_body": extra}).status_code == 400


def test_the_model_id_can_carry_the_size(sim: Caller) -> None:
    reply = sim.chat({"model": "gemini-3.1-flash-image-preview-4k", "messages": _ASK}).json()
    assert _picture(reply["choices"][0]["message"]["content"]).size == (4096, 4096)
    assert reply["model"] == "gemini-3.1-flash-image-preview-4k"


def test_a_reference_is_a_data_uri_and_gives_the_ratio(sim: Caller) -> None:
    uri = f"data:image/png;base64,{reference(640, 360)['inlineData']['data']}"
    content = [{"type": "text", "text": "At night"}, {"type": "image_url", "image_url": {"url": uri}}]
    reply = sim.chat({"messages": [{"role": "user", "content": content}]}).json()
    assert _picture(reply["choices"][0]["message"]["content"]).size == (1376, 768)
    assert reply["usage"]["prompt_tokens_details"]["image_tokens"] == 1120


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "wizard", "content": "A heron"}],
        [{"role": "user", "content": 7}],
        [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://images.example.org/a.png"}}],
            }
        ],
    ],
    ids=str,
)
def test_messages_it_cannot_read_are_refused(sim: Caller, messages: list[Any]) -> None:
    assert sim.chat({"messages": messages}).status_code == 400


def test_a_stream_gives_the_role_the_words_the_picture_and_the_end(sim: Caller) -> None:
    role, *middle, last = _chunks(sim)
    deltas = [chunk["choices"][0]["delta"] for chunk in middle]
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert _picture(deltas[-1]["content"]).size == (1024, 1024)
    assert not any("data:" in delta["content"] for delta in deltas[:-1])
    assert last["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert len({(chunk["id"], chunk["created"]) for chunk in (role, *middle, last)}) == 1


def test_a_stream_reports_usage_only_when_asked(sim: Caller) -> None:
    last = _chunks(sim, stream_options={"include_usage": True})[-1]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens_details"]["image_tokens"] == 1120
    assert not any("usage" in chunk for chunk in _chunks(sim))


def test_a_refusal_is_a_content_filter(sim: Caller) -> None:
    choice = sim.chat({"messages": _ASK}, **{"x-sim-fault": "refusal"}).json()["choices"][0]
    assert choice == {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}


def test_a_directive_steers_the_chat_route_too(sim: Caller, call_id: str) -> None:
    reply = sim.chat({"messages": [{"role": "user", "content": "[sim:busy] A heron"}]}, **{"x-request-id": call_id})
    assert reply.status_code == 429
    assert sim.rows(call_id) == []


def test_chat_is_billed_like_the_native_route(sim: Caller, call_id: str) -> None:
    usage = sim.chat({"messages": _ASK}, **{"x-request-id": call_id}).json()["usage"]
    (row,) = sim.rows(call_id)
    assert row["nanos"] == usage["prompt_tokens"] * 140 + usage["completion_tokens"] * 16_800
