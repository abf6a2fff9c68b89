"""How a reply is written on the native route: as one document, or as a stream of fragments.

A form says two things: what can be sent before the picture is drawn, and the rest. The piece that
holds the picture comes first in the rest. `chat` has the other two forms.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import orjson

from gateway.sim import signing
from gateway.sim.picture import Drawn
from gateway.sim.reply import Reply, Shot, Text, Usage
from gateway.sim.seller import JSON

EVENTS = "text/event-stream"
_PIECE_CHARS = 40  # about what a model says at a time


@dataclass(frozen=True, slots=True)
class Head:
    """What names a reply, the same in all of its pieces."""

    call_id: str
    model_id: str  # as it is called at Google
    asked_model: str  # as the caller called it
    created: int


class Form(Protocol):
    """One way to write a reply."""

    media_type: ClassVar[str]
    streamed: ClassVar[bool]

    def early(self, reply: Reply) -> tuple[bytes, ...]:
        """What is sent while the picture is being drawn."""

    def rest(self, reply: Reply, drawn: Sequence[Drawn]) -> tuple[bytes, ...]:
        """What is sent once it is; `drawn` has one picture for each shot of the reply."""


@dataclass(frozen=True, slots=True)
class Document:
    """Google's unary reply, indented as Google does; the seller passes it through."""

    media_type: ClassVar[str] = JSON
    streamed: ClassVar[bool] = False
    head: Head

    def early(self, reply: Reply) -> tuple[bytes, ...]:
        return ()

    def rest(self, reply: Reply, drawn: Sequence[Drawn]) -> tuple[bytes, ...]:
        parts = list(_parts(self.head, reply.parts, drawn))
        document = _document(self.head, [_last(reply, parts)], reply)
        return (orjson.dumps(document, option=orjson.OPT_INDENT_2),)


@dataclass(frozen=True, slots=True)
class Fragments:
    """Google's stream: words in pieces, each picture whole in one frame, finish and usage in the last."""

    media_type: ClassVar[str] = EVENTS
    streamed: ClassVar[bool] = True
    head: Head

    def early(self, reply: Reply) -> tuple[bytes, ...]:
        return tuple(self._frame(part) for part in _parts(self.head, in_pieces(leading_words(reply)), ()))

    def rest(self, reply: Reply, drawn: Sequence[Drawn]) -> tuple[bytes, ...]:
        later = reply.parts[len(leading_words(reply)) :]
        frames = [self._frame(part) for part in _parts(self.head, later, drawn)]
        closing = [] if reply.finish != "STOP" else [{"text": ""}]
        return (*frames, _event(_document(self.head, [_last(reply, closing)], reply)))

    def _frame(self, part: dict[str, Any]) -> bytes:
        candidate = {"content": {"parts": [part], "role": "model"}, "index": 0}
        return _event({"candidates": [candidate], **_names(self.head)})


def leading_words(reply: Reply) -> tuple[Text, ...]:
    """The text before the first picture: known before anything is drawn."""
    words: list[Text] = []
    for part in reply.parts:
        if not isinstance(part, Text):
            break
        words.append(part)
    return tuple(words)


def in_pieces(texts: Sequence[Text]) -> tuple[Text, ...]:
    """The same words, a few at a time."""
    return tuple(
        Text(whole.text[at : at + _PIECE_CHARS], whole.thought)
        for whole in texts
        for at in range(0, len(whole.text), _PIECE_CHARS)
    )


def _parts(head: Head, parts: Sequence[Text | Shot], drawn: Sequence[Drawn]) -> Iterator[dict[str, Any]]:
    """The parts as JSON. A signature is on the first words and on every picture, never on a thought."""
    pictures = iter(drawn)
    signed = False
    for at, part in enumerate(parts):
        match part:
            case Text(text, thought=True):
                yield {"text": text, "thought": True}
            case Text(text):
                own = {} if signed else {"thoughtSignature": signing.of_words(head.call_id, at)}
                yield {"text": text, **own}
                signed = True
            case Shot(thought=thought):
                picture = next(pictures)
                inline = {"mimeType": picture.media_type, "data": base64.b64encode(picture.data).decode()}
                extra = {"thought": True} if thought else {"thoughtSignature": signing.of_picture(picture.data)}
                yield {"inlineData": inline, **extra}


def _last(reply: Reply, parts: list[dict[str, Any]]) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}} if parts else {}
    candidate |= {"finishReason": reply.finish, "index": 0}
    return candidate if reply.message is None else {**candidate, "finishMessage": reply.message}


def _document(head: Head, candidates: list[dict[str, Any]], reply: Reply) -> dict[str, Any]:
    beginning: dict[str, Any] = {"candidates": candidates}
    if reply.blocked:
        beginning = {"promptFeedback": {"blockReason": reply.blocked}}
    usage = {"usageMetadata": _usage(reply.usage)} if reply.reports_usage else {}
    return {**beginning, **usage, **_names(head)}


def _names(head: Head) -> dict[str, str]:
    return {"modelVersion": head.model_id, "responseId": hashlib.sha256(head.call_id.encode()).hexdigest()[:22]}


def _usage(usage: Usage) -> dict[str, Any]:
    """As measured at the seller: no thoughts, no key for them; the details name pictures only."""
    prompt = [("TEXT", usage.prompt_text), ("IMAGE", usage.prompt_images)]
    document: dict[str, Any] = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.candidates,
        "totalTokenCount": usage.total,
        "promptTokensDetails": [{"modality": name, "tokenCount": count} for name, count in prompt if count],
    }
    if usage.images:
        document["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": usage.images}]
    if usage.thoughts:
        document["thoughtsTokenCount"] = usage.thoughts
    return document


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\r\n\r\n"
