"""The chat route as a one-api descendant offers it: pictures as Markdown data URIs inside the text.

Reads only what such a seller reads: image options under a literal `extra_body.google`, in
snake_case, and reference pictures as data URIs in the standard alphabet.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from gateway.sim.ask import Ask, Picture, Turn, Wishes, as_object, as_text, inline_picture, make
from gateway.sim.native import EVENTS, Head, in_pieces, leading_words
from gateway.sim.picture import Drawn
from gateway.sim.reply import Reply, Shot, Text, Usage
from gateway.sim.seller import JSON, invalid
from gateway.sim.tables import Named

_ROLES = {"system": "user", "developer": "user", "user": "user", "assistant": "model"}
_DATA_URI = re.compile(r"data:([\w/+.-]+);base64,(.*)", re.DOTALL)
_MARKDOWN_PICTURE = re.compile(r"!\[[^\]]*\]\(data:[^)]*\)")
_KNOWN_OPTIONS = ("image_config", "thinking_config")


def read(named: Named, document: dict[str, Any]) -> Ask:
    """The request in a chat completions body; raises `Refused`."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("field messages is required")
    return make(named, [_turn(each) for each in messages], _wishes(document))


def asks_for_usage(document: dict[str, Any]) -> bool:
    options = document.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _turn(message: object) -> Turn:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise invalid("messages: unknown role")
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise invalid("messages: content is neither a text nor an array of parts")
    texts = [str(part.get("text", "")) for part in parts if part.get("type") == "text"]
    pictures = [_picture(part.get("image_url")) for part in parts if part.get("type") == "image_url"]
    return Turn(_ROLES[message["role"]], tuple(_MARKDOWN_PICTURE.sub("", text) for text in texts), tuple(pictures))


def _picture(image_url: object) -> Picture:
    url = image_url.get("url") if isinstance(image_url, dict) else image_url
    found = _DATA_URI.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        raise invalid("image_url: only base64 data URIs are supported")
    return inline_picture(found[1], found[2], "messages.content.image_url")


def _wishes(document: dict[str, Any]) -> Wishes:
    google = as_object(as_object(document.get("extra_body"), "extra_body").get("google"), "extra_body.google")
    if odd := [key for key in google if key not in _KNOWN_OPTIONS]:
        raise invalid(f"extra_body.google.{odd[0]} is not supported, use {' or '.join(_KNOWN_OPTIONS)} instead")
    image = as_object(google.get("image_config"), "image_config")
    thinking = as_object(google.get("thinking_config"), "thinking_config")
    return Wishes(
        ratio=as_text(image.get("aspect_ratio"), "aspect_ratio"),
        size=as_text(image.get("image_size"), "image_size"),
        level=as_text(thinking.get("thinking_level"), "thinking_level"),
    )


@dataclass(frozen=True, slots=True)
class Completion:
    """A `chat.completion`, whole."""

    media_type: ClassVar[str] = JSON
    streamed: ClassVar[bool] = False
    head: Head

    def early(self, reply: Reply) -> tuple[bytes, ...]:
        return ()

    def rest(self, reply: Reply, drawn: Sequence[Drawn]) -> tuple[bytes, ...]:
        message = {"role": "assistant", "content": "\n".join(_contents(reply.parts, drawn))}
        choice = {"index": 0, "message": message, "finish_reason": _finish(reply)}
        document = {**_names(self.head, "chat.completion"), "choices": [choice]}
        if reply.reports_usage:
            document["usage"] = _usage(reply.usage)
        return (orjson.dumps(document),)


@dataclass(frozen=True, slots=True)
class Chunks:
    """A stream of `chat.completion.chunk`: the role, the words, each picture whole, the end, the usage."""

    media_type: ClassVar[str] = EVENTS
    streamed: ClassVar[bool] = True
    head: Head
    reports_usage: bool

    def early(self, reply: Reply) -> tuple[bytes, ...]:
        words = _contents(in_pieces(leading_words(reply)), ())
        return (self._delta({"role": "assistant", "content": ""}), *(self._delta({"content": each}) for each in words))

    def rest(self, reply: Reply, drawn: Sequence[Drawn]) -> tuple[bytes, ...]:
        later = reply.parts[len(leading_words(reply)) :]
        pieces = [self._delta({"content": f"\n{each}"}) for each in _contents(later, drawn)]
        pieces.append(self._delta({}, finish=_finish(reply)))
        if self.reports_usage and reply.reports_usage:
            pieces.append(self._chunk({"choices": [], "usage": _usage(reply.usage)}))
        return (*pieces, b"data: [DONE]\n\n")

    def _delta(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        return self._chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _chunk(self, fields: dict[str, Any]) -> bytes:
        return b"data: " + orjson.dumps({**_names(self.head, "chat.completion.chunk"), **fields}) + b"\n\n"


def _contents(parts: Sequence[Text | Shot], drawn: Sequence[Drawn]) -> list[str]:
    """The texts of a reply, pictures as Markdown; thoughts are left out."""
    pictures = iter(drawn)
    contents: list[str] = []
    for part in parts:
        text = part.text if isinstance(part, Text) else _markdown(next(pictures))
        if not part.thought:
            contents.append(text)
    return contents


def _markdown(picture: Drawn) -> str:
    return f"![image](data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()})"


def _finish(reply: Reply) -> str:
    return "stop" if reply.finish == "STOP" and not reply.blocked else "content_filter"


def _names(head: Head, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{head.call_id}", "object": kind, "created": head.created, "model": head.asked_model}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": 0,
            "text_tokens": usage.prompt_text,
            "image_tokens": usage.prompt_images,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.thoughts,
            "image_tokens": usage.images,
            "text_tokens": usage.candidates - usage.images,
        },
    }
