"""Streams: framed as the seller frames them, words first, the picture whole in one frame."""

from typing import Any

import orjson
import pytest

from tests.sim.conftest import DEFAULT, NB2, Caller, opened

_BODY = {"contents": [{"parts": [{"text": "A heron"}]}]}


def _frames(sim: Caller, fault: str = "none", verb: str = "streamGenerateContent?alt=sse") -> list[dict[str, Any]]:
    headers = {"x-goog-api-key": DEFAULT, "x-sim-fault": fault}
    reply = sim.http.post(f"/v1beta/models/{NB2}:{verb}", json=_BODY, headers=headers)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
    *frames, end = reply.content.split(b"\r\n\r\n")
    assert end == b""
    assert all(frame.startswith(b"data: {") for frame in frames)
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


def _parts(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return list(frame["candidates"][0].get("content", {}).get("parts", []))


def test_words_come_in_pieces_and_the_picture_whole(sim: Caller) -> None:
    *words, picture, last = _frames(sim)
    assert len(words) > 1
    assert all(list(part) in (["text"], ["text", "thoughtSignature"]) for frame in words for part in _parts(frame))
    assert opened(_parts(picture)[0]["inlineData"]).size == (1024, 1024)
    assert last["candidates"][0]["finishReason"] == "STOP"


def test_only_the_last_frame_finishes_and_reports_usage(sim: Caller) -> None:
    *frames, last = _frames(sim)
    assert not any("usageMetadata" in frame or "finishReason" in frame["candidates"][0] for frame in frames)
    usage = last["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]


def test_the_seller_streams_events_whatever_alt_says(sim: Caller) -> None:
    assert len(_frames(sim, verb="streamGenerateContent")) > 2


def test_alt_sse_on_the_unary_verb_streams_too(sim: Caller) -> None:
    assert len(_frames(sim, verb="generateContent?alt=sse")) > 2


def test_a_stream_and_a_document_say_the_same(sim: Caller) -> None:
    headers = {"x-goog-api-key": DEFAULT}
    whole = sim.http.post(f"/v1beta/models/{NB2}:generateContent", json=_BODY, headers=headers).json()
    said = "".join(part.get("text", "") for frame in _frames(sim) for part in _parts(frame))
    assert said == whole["candidates"][0]["content"]["parts"][0]["text"]
    assert _frames(sim)[-1]["usageMetadata"] == whole["usageMetadata"]


@pytest.mark.parametrize("fault", ["drafts", "thought-image", "text-only", "no-usage", "trickle", "slow"])
def test_a_stream_with_an_odd_reply_is_still_well_formed(sim: Caller, fault: str) -> None:
    last = _frames(sim, fault)[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert ("usageMetadata" in last) is (fault != "no-usage")


def test_a_refusal_is_one_frame(sim: Caller) -> None:
    (only,) = _frames(sim, "refusal")
    assert only["candidates"][0]["finishReason"] == "IMAGE_SAFETY"


def test_a_blocked_prompt_is_one_frame_without_candidates(sim: Caller) -> None:
    (only,) = _frames(sim, "blocked")
    assert "candidates" not in only
