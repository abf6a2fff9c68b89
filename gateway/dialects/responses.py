"""OpenAI's Responses API, as far as pictures need it: input and tools in; items out, whole or as events.

Nothing is kept between two calls: what refers to an earlier one is refused, with what to send instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog, Model
from gateway.core.errors import BadRequest, GatewayError
from gateway.core.sse import event
from gateway.core.usage import Usage
from gateway.dialects import generation, items, openai, options, sizes
from gateway.dialects.base import EVENT_STREAM, JSON, Asked, Gathering, read_json
from gateway.dialects.replies import Content

# What only a gateway that keeps responses could do, and what to do instead.
_NOT_HERE = {
    "previous_response_id": "no earlier response is kept; send its input and output items again in input.",
    "conversation": "no conversation is kept; send its items in input.",
    "prompt": "no prompt template is kept; send its text in input and instructions.",
    "background": "no response is kept to be fetched later; leave it out and wait, or use stream.",
}

_ONE_PICTURE = "A response holds one picture; for more, ask again or use /v1/images/generations."

# Tools by what they mean to these models; the dated names are those of the SDKs.
_DRAWS = ("image_generation",)
_SEARCHES = (
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "google_search",
    "googleSearch",
)

_BACKGROUNDS = (None, "auto", "opaque")
_FORMATS = (None, "png", "jpeg", "jpg", "webp")

# What an error is called inside a response; the schema has no name for most of ours.
_ERROR_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}


@dataclass(frozen=True, slots=True)
class _Form:
    """What the answer repeats of the request, and how it is wanted."""

    streams: bool
    quality: str
    repeated: Mapping[str, Any]


class Responses(openai.Answers):
    name = "responses"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        document = read_json(asked.body, unique=True)
        named = openai.model_of(document, asked, catalog)
        _refuse_what_is_not_here(document)
        system, contents = items.contents_of(document.get("input"))
        system = [*_instructions(document), *system]
        tools = _tools(document.get("tools"))
        drawing = _drawing(document, tools)
        form = sizes.form_of(drawing, named.model, named.size)
        thinking = _thinking(document, named.model)
        texts = [part["text"] for content in contents for part in content["parts"] if "text" in part]
        text_bytes = sum(len(text.encode()) for text in (*system, *texts))
        ask = openai.ask_of(named, form, thinking, contents=contents, text_bytes=text_bytes)
        request = openai.native_request(contents, form, thinking)
        request["generationConfig"] |= generation.settings(document, ask)
        if _thoughts_wanted(document, named.model):
            request["generationConfig"].setdefault("thinkingConfig", {})["includeThoughts"] = True
        if system:
            request["systemInstruction"] = {"parts": [{"text": text} for text in system]}
        if _search_wanted(tools, named.model):
            request["tools"] = [{"googleSearch": {}}]
        if safety := generation.safety(document):
            request["safetySettings"] = safety
        streams = document.get("stream") is True
        return Parsed(
            asked_name=named.name,
            ask=ask,
            delivery=Delivery.EVENTS if streams else Delivery.WHOLE,
            body=orjson.dumps(request),
            streams=False,
            form=_Form(streams, str(drawing.get("quality") or "auto"), _repeated(document)),
        )

    def writer(self, call: Call) -> Gathering:
        assert isinstance(call.parsed.form, _Form)
        return _Stream(call, call.parsed.form) if call.parsed.form.streams else _Whole(call, call.parsed.form)


def _refuse_what_is_not_here(document: Mapping[str, Any]) -> None:
    for name, instead in _NOT_HERE.items():
        if document.get(name):
            raise BadRequest(f"{name} is not supported: {instead}", param=name, code="unsupported_parameter")
    if document.get("n") not in (None, 1):
        raise _refused("n", _ONE_PICTURE)
    generation.refuse_cached_content(document)


def _instructions(document: Mapping[str, Any]) -> list[str]:
    instructions = document.get("instructions")
    if not isinstance(instructions, str | None):
        raise BadRequest("instructions must be a text.", param="instructions")
    return [instructions] if instructions else []


def _tools(tools: object) -> list[dict[str, Any]]:
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise BadRequest("tools must be a list.", param="tools")
    for index, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in (*_DRAWS, *_SEARCHES):
            raise BadRequest(
                f"tools[{index}]: image models take no {kind or 'such'} tools; use image_generation or web_search.",
                param=f"tools[{index}]",
                code="unsupported_parameter",
            )
    return tools


def _drawing(document: Mapping[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that was said of the picture's form: the tool's own fields before those beside it."""
    drawing = dict(document)
    for tool in tools:
        if tool["type"] in _DRAWS:
            _refuse_what_is_not_drawn(tool)
            drawing |= {name: value for name, value in tool.items() if value is not None}
    return drawing


def _refuse_what_is_not_drawn(tool: Mapping[str, Any]) -> None:
    if tool.get("background") not in _BACKGROUNDS:
        raise _refused("background", "These models draw no transparency; use 'opaque'.")
    if tool.get("output_format") not in _FORMATS:
        raise _refused("output_format", "These models draw png or jpeg, as they please.")
    if tool.get("input_image_mask"):
        raise _refused("input_image_mask", "These models take no mask; say in words what is to change.")
    if tool.get("n") not in (None, 1):
        raise _refused("n", _ONE_PICTURE)


def _refused(name: str, why: str) -> BadRequest:
    return BadRequest(f"This {name} is not supported. {why}", param=name, code="unsupported_parameter")


def _search_wanted(tools: list[dict[str, Any]], model: Model) -> bool:
    wanted = any(tool["type"] in _SEARCHES for tool in tools)
    if wanted and not model.web_search:
        raise BadRequest(f"{model.id} cannot search; leave the tool out.", param="tools", code="unsupported_parameter")
    return wanted


def _thinking(document: Mapping[str, Any], model: Model) -> str | None:
    effort = options.section(document, "reasoning").get("effort", document.get("reasoning_effort"))
    return openai.thinking_of({**document, "reasoning_effort": effort}, model)


def _thoughts_wanted(document: Mapping[str, Any], model: Model) -> bool:
    reasoning = options.section(document, "reasoning")
    return bool(model.thinking_levels and (reasoning.get("summary") or reasoning.get("generate_summary")))


def _repeated(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer says of the request."""
    return {
        "instructions": document.get("instructions"),
        "max_output_tokens": document.get("max_output_tokens"),
        "metadata": document.get("metadata") or {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "temperature": document.get("temperature"),
        "tool_choice": document.get("tool_choice") or "auto",
        "tools": document.get("tools") or [{"type": "image_generation"}],
        "top_p": document.get("top_p"),
    }


@dataclass(frozen=True, slots=True)
class _Told:
    """Where the one text of an item stands, and what the events about it are called."""

    field: str
    index: str
    part: str
    text: str
    more: Mapping[str, Any]


_TOLD = {
    "message": _Told("content", "content_index", "content_part", "output_text", {"logprobs": []}),
    "reasoning": _Told("summary", "summary_index", "reasoning_summary_part", "reasoning_summary_text", {}),
}


class _Response(Gathering):
    def __init__(self, call: Call, form: _Form) -> None:
        self._call_id = call.id
        self._quality = form.quality
        self._head = {
            "id": f"resp_{call.id}",
            "object": "response",
            "created_at": int(call.made_at),
            "model": call.parsed.asked_name,
            **form.repeated,
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
            usage=_usage(content.usage) if content.usage else None,
        )

    def _items(self, content: Content) -> list[dict[str, Any]]:
        """What there is of picture, thoughts and text, in this order: the picture is announced before all else."""
        found = [items.drawn(self._call_id, content, self._quality)] if content.pictures else []
        if content.thoughts:
            found.append(items.thought(self._call_id, content.thoughts))
        if text := _text(content):
            found.append(items.message(self._call_id, text, content.grounding))
        return found


class _Whole(_Response):
    content_type = JSON

    def each(self, number: int, reply: bytes) -> bytes:
        content = openai.content_of(reply)
        self._end(content, self._items(content))
        return b""

    def closing(self) -> bytes:
        return orjson.dumps(self._ended)


class _Stream(_Response):
    """That a picture is being drawn is told at once, comments follow until it is, then the items and the end."""

    content_type = EVENT_STREAM
    heartbeat = b": drawing\n\n"

    def __init__(self, call: Call, form: _Form) -> None:
        super().__init__(call, form)
        self._told = 0
        self._opening = b"".join(self._beginning())  # is asked for more than once, and numbered once

    def opening(self) -> bytes:
        return self._opening

    def each(self, number: int, reply: bytes) -> bytes:
        content = openai.content_of(reply)
        output = self._items(content)
        if not content.pictures:
            output.insert(0, items.not_drawn(self._call_id))
        self._end(content, output)
        picture, *others = output
        told = [*self._picture(picture)]
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
        item = items.being_drawn(self._call_id)
        place = {"item_id": item["id"], "output_index": 0}
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._event("response.image_generation_call.in_progress", **place)
        yield self._event("response.image_generation_call.generating", **place)

    def _picture(self, item: dict[str, Any]) -> Iterator[bytes]:
        if item["status"] == "completed":
            yield self._event("response.image_generation_call.completed", item_id=item["id"], output_index=0)
        yield self._event("response.output_item.done", output_index=0, item=item)

    def _words(self, item: dict[str, Any], output_index: int) -> Iterator[bytes]:
        told = _TOLD[item["type"]]
        (part,) = item[told.field]
        place = {"item_id": item["id"], "output_index": output_index, told.index: 0}
        begun = {**item, "status": "in_progress", told.field: []}
        yield self._event("response.output_item.added", output_index=output_index, item=begun)
        yield self._event(f"response.{told.part}.added", **place, part={**part, "text": ""})
        yield self._event(f"response.{told.text}.delta", **place, **told.more, delta=part["text"])
        for number, cited in enumerate(part.get("annotations", ())):
            yield self._event(
                f"response.{told.text}.annotation.added", **place, annotation_index=number, annotation=cited
            )
        yield self._event(f"response.{told.text}.done", **place, **told.more, text=part["text"])
        yield self._event(f"response.{told.part}.done", **place, part=part)
        yield self._event("response.output_item.done", output_index=output_index, item=item)

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


def _text(content: Content) -> str:
    """What is said besides the picture; of a refusal, why. Not every client reads a part of type refusal."""
    if _lacking(content) != "content_filter":
        return content.words
    reason = content.block or content.finish or "no reason given"
    return content.note or content.words or f"The model did not draw this ({reason})."


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thoughts},
        "total_tokens": usage.input + usage.output,
    }
