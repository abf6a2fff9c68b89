"""Chat completions written: what the upstream drew and said, whole or as events.

Knows OpenAI's shapes and what other gateways' callers look for beside them; nothing of requests.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from gateway.core.call import Call
from gateway.core.errors import GatewayError
from gateway.core.keys import Show
from gateway.core.sse import event
from gateway.core.usage import Usage
from gateway.dialects import openai
from gateway.dialects.base import EVENT_STREAM, JSON, Gathering
from gateway.dialects.grounding import annotations
from gateway.dialects.replies import Content, Sketch
from gateway.dialects.spans import Span, data_uri, string


@dataclass(frozen=True, slots=True)
class Shape:
    """How a caller wants its answer."""

    streams: bool
    usage_wanted: bool
    show: Show


# A reason, in chat's words: when something came with it, and when nothing did. A refusal is
# `content_filter`: no SDK retries that, and none pays for it twice.
_FINISH = {
    "MAX_TOKENS": ("length", "length"),
    **dict.fromkeys(openai.REFUSALS, ("content_filter", "content_filter")),
}
_ANY_OTHER = ("stop", "content_filter")


def _finish(content: Content) -> str:
    if content.block:
        return "content_filter"
    something, nothing = _FINISH.get(content.finish or "", _ANY_OTHER)
    return something if content.pictures or content.words else nothing


def _refusal(content: Content) -> str | None:
    return openai.refusal(content) if _finish(content) == "content_filter" else None


def _text(number: int, content: Content, show: Show) -> list[str | Span]:
    """The message's content: many chat programs show nothing else, so a refusal is told here too."""
    words = content.words or _refusal(content) or ""
    told: list[str | Span] = [words] if words else []
    for picture in () if show is Show.IMAGES else content.pictures:
        told += ["\n\n"] if told else []
        told += ["![image](", *data_uri(number, picture), ")"]
    return told


def _beside(number: int, content: Content, show: Show) -> dict[str, Any]:
    """What chat completions have no field for, where other gateways' callers look for it."""
    beside: dict[str, Any] = {}
    if content.pictures and show is not Show.MARKDOWN:
        beside["images"] = [_image(number, at, picture) for at, picture in enumerate(content.pictures)]
    if content.grounding:
        beside["annotations"] = annotations(content.grounding, content.words)
        beside["grounding_metadata"] = content.grounding
    if signature := _signature(content, show):
        beside |= _signed(signature)
    return beside


def _signature(content: Content, show: Show) -> str | None:
    """The message's: the words' own, or the last picture's where it has no other place or there is no other."""
    drawn = next((picture.signature for picture in reversed(content.pictures)), None)
    return drawn or content.words_signature if show is Show.MARKDOWN else content.words_signature or drawn


def _signed(signature: str) -> dict[str, Any]:
    return {"extra_content": {"google": {"thought_signature": signature}}}


def _image(number: int, at: int, picture: Sketch) -> dict[str, Any]:
    signed = _signed(picture.signature) if picture.signature else {}
    return {"type": "image_url", "index": at, "image_url": {"url": string(*data_uri(number, picture))}, **signed}


def _thoughts(content: Content) -> dict[str, Any]:
    return {"reasoning_content": content.thoughts} if content.thoughts else {}


class _Completion(Gathering):
    def __init__(self, call: Call, shape: Shape) -> None:
        self._shape = shape
        self._ask = call.ask
        self._head = {
            "id": f"chatcmpl-{call.id}",
            "created": int(call.made_at),
            "model": call.parsed.asked_name,
        }


class Whole(_Completion):
    content_type = JSON

    def __init__(self, call: Call, shape: Shape) -> None:
        super().__init__(call, shape)
        self._contents: dict[int, Content] = {}

    def each(self, number: int, content: Content) -> bytes:
        self._contents[number] = content
        return b""

    def closing(self) -> bytes:
        choices = [self._choice(number, self._contents[number]) for number in sorted(self._contents)]
        usage = openai.total(openai.usage_of(content, self._ask) for content in self._contents.values())
        answer = {**self._head, "object": "chat.completion", "choices": choices, "usage": openai.chat_usage(usage)}
        return orjson.dumps(answer)

    def _choice(self, number: int, content: Content) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": string(*_text(number, content, self._shape.show)),
            "refusal": _refusal(content),
            **_thoughts(content),
            **_beside(number, content, self._shape.show),
        }
        return {"index": number, "finish_reason": _finish(content), "logprobs": None, "message": message}


class Events(_Completion):
    """The role at once, comments while the picture is drawn, then the words, the picture, the reason and the end."""

    content_type = EVENT_STREAM
    heartbeat = b": drawing\n\n"

    def __init__(self, call: Call, shape: Shape) -> None:
        super().__init__(call, shape)
        self._count = call.parsed.count
        self._usages: list[Usage] = []

    def opening(self) -> bytes:
        role = {"role": "assistant", "content": ""}
        return b"".join(self._chunk(number, role) for number in range(self._count))

    def each(self, number: int, content: Content) -> bytes:
        self._usages.append(openai.usage_of(content, self._ask))
        text = _text(number, content, self._shape.show)
        refusal = _refusal(content)
        deltas = (
            {**_thoughts(content), **({"content": string(*text)} if text else {})},
            {**_beside(number, content, self._shape.show), **({"refusal": refusal} if refusal else {})},
        )
        told = b"".join(self._chunk(number, delta) for delta in deltas if delta)
        return told + self._chunk(number, {}, finish=_finish(content))

    def closing(self) -> bytes:
        if not self._shape.usage_wanted:
            return event(b"[DONE]")
        told = {**self._base(), "choices": [], "usage": openai.chat_usage(openai.total(self._usages))}
        return event(orjson.dumps(told)) + event(b"[DONE]")

    def broken(self, error: GatewayError) -> bytes:
        return event(orjson.dumps(openai.envelope(error))) + event(b"[DONE]")

    def _base(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"}

    def _chunk(self, number: int, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        choice = {"index": number, "delta": delta, "finish_reason": finish, "logprobs": None}
        chunk = {**self._base(), "choices": [choice]}
        if self._shape.usage_wanted:
            chunk["usage"] = None
        return event(orjson.dumps(chunk))
