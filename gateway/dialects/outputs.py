"""Responses written: the items of what the upstream drew and said, whole or as events.

Knows the shapes of OpenAI's Responses API; nothing of requests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.core.call import Call
from gateway.core.errors import GatewayError
from gateway.core.sse import event
from gateway.core.usage import Usage
from gateway.dialects import openai
from gateway.dialects.base import EVENT_STREAM, JSON, Gathering
from gateway.dialects.grounding import annotations
from gateway.dialects.replies import Content, Sketch
from gateway.dialects.spans import Span, string

# What an error is called inside a response; the schema has no name for most of ours.
_ERROR_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the answer repeats of the request, and how it is wanted."""

    streams: bool
    partials: int
    quality: str
    repeated: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Told:
    """Where a part of an item has its text, and what the events about the two are called."""

    index: str
    part: str
    text: str
    holds: str = "text"
    more: Mapping[str, Any] = field(default_factory=dict)


_TOLD = {
    "output_text": _Told("content_index", "content_part", "output_text", more={"logprobs": []}),
    "refusal": _Told("content_index", "content_part", "refusal", holds="refusal"),
    "summary_text": _Told("summary_index", "reasoning_summary_part", "reasoning_summary_text"),
}

# What an item's parts are in.
_PARTS = {"message": "content", "reasoning": "summary"}


class _Response(Gathering):
    def __init__(self, call: Call, shape: Shape) -> None:
        self._call_id = call.id
        self._ask = call.ask
        self._shape = shape
        self._head = {
            "id": f"resp_{call.id}",
            "object": "response",
            "created_at": int(call.made_at),
            "model": call.parsed.asked_name,
            **shape.repeated,
        }
        self._ended: dict[str, Any] = {}

    def _response(self, status: str, **more: Any) -> dict[str, Any]:
        nothing: dict[str, Any] = {"error": None, "incomplete_details": None, "output": [], "usage": None}
        return {**self._head, "status": status, **nothing, **more}

    def _end(self, content: Content, output: list[dict[str, Any]]) -> None:
        reason = _lacking(content)
        self._ended = self._response(
            "incomplete" if reason else "completed",
            incomplete_details={"reason": reason} if reason else None,
            output=output,
            usage=_usage(openai.usage_of(content, self._ask)),
        )

    def _items(self, number: int, content: Content) -> list[dict[str, Any]]:
        """What there is of picture, thoughts and text, in this order: the picture is announced before all else.

        A message is there always: some clients take what was drawn only when one comes after it.
        """
        found = [_drawn(self._call_id, number, openai.drawn(content), self._shape.quality)] if content.pictures else []
        if content.thoughts:
            found.append(_thought(self._call_id, content.thoughts))
        found.append(_message(self._call_id, content))
        return found


class Whole(_Response):
    content_type = JSON

    def each(self, number: int, content: Content) -> bytes:
        self._end(content, self._items(number, content))
        return b""

    def closing(self) -> bytes:
        return orjson.dumps(self._ended)


class Events(_Response):
    """That a picture is being drawn is told at once, comments follow until it is, then the items and the end."""

    content_type = EVENT_STREAM
    heartbeat = b": drawing\n\n"

    def __init__(self, call: Call, shape: Shape) -> None:
        super().__init__(call, shape)
        self._told = 0
        self._opening = b"".join(self._beginning())  # is asked for more than once, and numbered once

    def opening(self) -> bytes:
        return self._opening

    def each(self, number: int, content: Content) -> bytes:
        output = self._items(number, content)
        if not content.pictures:
            output.insert(0, _not_drawn(self._call_id))
        self._end(content, output)
        picture, *others = output
        told = [*self._drafts(number, content, picture), *self._picture(picture)]
        for place, item in enumerate(others, start=1):
            told += self._words(item, place)
        return b"".join(told)

    def closing(self) -> bytes:
        return self._event(f"response.{self._ended['status']}", response=self._ended)

    def broken(self, error: GatewayError) -> bytes:
        told = {"code": _ERROR_CODES.get(error.status, "server_error"), "message": error.message}
        failed = self._response("failed", error={**told, "type": error.type, "param": error.param})
        return self._event("response.failed", response=failed)

    def _beginning(self) -> Iterator[bytes]:
        begun = self._response("in_progress")
        item = _being_drawn(self._call_id)
        place = {"item_id": item["id"], "output_index": 0}
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._event("response.image_generation_call.in_progress", **place)
        yield self._event("response.image_generation_call.generating", **place)

    def _drafts(self, number: int, content: Content, item: Mapping[str, Any]) -> Iterator[bytes]:
        for index, picture in enumerate(openai.drafts(content, self._shape.partials)):
            yield self._event(
                "response.image_generation_call.partial_image",
                item_id=item["id"],
                output_index=0,
                partial_image_index=index,
                partial_image_b64=string(Span(number, picture.number)),
                background="opaque",
                output_format=openai.format_of(picture),
                quality=self._shape.quality,
                size=openai.size_of(picture),
            )

    def _picture(self, item: dict[str, Any]) -> Iterator[bytes]:
        if item["status"] == "completed":
            yield self._event("response.image_generation_call.completed", item_id=item["id"], output_index=0)
        yield self._event("response.output_item.done", output_index=0, item=item)

    def _words(self, item: dict[str, Any], output_index: int) -> Iterator[bytes]:
        holder = _PARTS[item["type"]]
        begun = {**item, "status": "in_progress", holder: []}
        yield self._event("response.output_item.added", output_index=output_index, item=begun)
        for number, part in enumerate(item[holder]):
            place = {"item_id": item["id"], "output_index": output_index, _TOLD[part["type"]].index: number}
            yield from self._part(part, place)
        yield self._event("response.output_item.done", output_index=output_index, item=item)

    def _part(self, part: dict[str, Any], place: dict[str, Any]) -> Iterator[bytes]:
        told = _TOLD[part["type"]]
        text = part[told.holds]
        yield self._event(f"response.{told.part}.added", **place, part={**part, told.holds: ""})
        if text:
            yield self._event(f"response.{told.text}.delta", **place, **told.more, delta=text)
        for number, cited in enumerate(part.get("annotations", ())):
            yield self._event(
                f"response.{told.text}.annotation.added", **place, annotation_index=number, annotation=cited
            )
        yield self._event(f"response.{told.text}.done", **place, **told.more, **{told.holds: text})
        yield self._event(f"response.{told.part}.done", **place, part=part)

    def _event(self, kind: str, **fields: Any) -> bytes:
        told = {"type": kind, "sequence_number": self._told, **fields}
        self._told += 1
        return event(orjson.dumps(told), name=kind)


def _lacking(content: Content) -> str | None:
    """Why a response is incomplete. A refusal is `content_filter`: no SDK retries that, and none pays for it twice."""
    if content.block or content.finish in openai.REFUSALS:
        return "content_filter"
    if content.finish == "MAX_TOKENS":
        return "max_output_tokens"
    return None if content.pictures or content.words else "content_filter"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thoughts},
        "total_tokens": usage.input + usage.output,
        **openai.marked(usage),
    }


def _being_drawn(call_id: str) -> dict[str, Any]:
    return {"type": "image_generation_call", "id": f"ig_{call_id}", "status": "in_progress", "result": None}


def _not_drawn(call_id: str) -> dict[str, Any]:
    """How a picture that was announced ends when there is none. Vercel's client reads no null here."""
    return {**_being_drawn(call_id), "status": "failed", "result": ""}


def _drawn(call_id: str, number: int, picture: Sketch, quality: str) -> dict[str, Any]:
    item = {
        **_being_drawn(call_id),
        "status": "completed",
        "background": "opaque",
        "output_format": openai.format_of(picture),
        "quality": quality,
        "size": openai.size_of(picture),
        "result": string(Span(number, picture.number)),
    }
    if picture.signature:
        item["extra_content"] = {"google": {"thought_signature": picture.signature}}
    return item


def _thought(call_id: str, text: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": f"rs_{call_id}", "status": "completed", "summary": summary}


def _message(call_id: str, content: Content) -> dict[str, Any]:
    """What is said besides the picture, with the pages it rests on; of a refusal, why.

    A refusal is told twice: not every client reads a part of that type, and one that reads no other
    would ask again, and pay again.
    """
    refused = _lacking(content) == "content_filter"
    text = openai.refusal(content) if refused else content.words
    said = {
        "type": "output_text",
        "text": text,
        "annotations": _citations(content.grounding, text),
        "logprobs": [],
    }
    item = {
        "type": "message",
        "id": f"msg_{call_id}",
        "role": "assistant",
        "status": "completed",
        "content": [said, {"type": "refusal", "refusal": text}] if refused else [said],
    }
    return {**item, "grounding_metadata": content.grounding} if content.grounding else item


def _citations(grounding: Mapping[str, Any] | None, text: str) -> list[dict[str, Any]]:
    """Chat's citations, without the level that this API leaves out."""
    cited = annotations(grounding, text) if grounding else []
    return [{"type": each["type"], **each[each["type"]]} for each in cited]
