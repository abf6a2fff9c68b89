"""What a native answer of the upstream holds, whole or streamed.

Read from a skeleton: all of what is said, and of each picture the head that tells its kind.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import UpstreamCut
from gateway.core.outcome import Reply
from gateway.core.sse import EventReader
from gateway.core.usage import Usage, usage_from_gemini
from gateway.dialects.parts import canonical_base64, head_of, mime_of, pixels_of


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture of an answer, of which only the head was read: `head` is what its base64 begins with.

    `number` is its place among all pictures there, from 0 on; `claimed` the kind that the upstream says it is of;
    `signature` what the model signed it with, where it did.
    """

    number: int
    claimed: str
    head: str
    signature: str | None

    @property
    def media_type(self) -> str:
        """What its first bytes say."""
        return mime_of(self._bytes) or self.claimed

    @property
    def pixels(self) -> tuple[int, int] | None:
        """Its width and height, where the head tells."""
        return pixels_of(self._bytes)

    @property
    def _bytes(self) -> bytes:
        bare = canonical_base64(self.head).rstrip("=")
        return head_of(bare[:-1] if len(bare) % 4 == 1 else bare)


@dataclass(frozen=True, slots=True)
class Content:
    """The parts of an answer, by kind. `pictures` are the finished ones, in order; the last is the result.

    `drafts` are all that came before it: those among its thoughts as well. `signature` is the last one
    given; the words and each picture have their own as well.
    """

    pictures: tuple[Sketch, ...]
    drafts: tuple[Sketch, ...]
    words: str
    thoughts: str
    signature: str | None
    words_signature: str | None
    grounding: Mapping[str, Any] | None
    finish: str | None
    block: str | None
    note: str
    usage: Usage | None
    error: str

    @property
    def sketches(self) -> tuple[Sketch, ...]:
        """All pictures there are, some of them twice."""
        return (*self.pictures, *self.drafts)

    @property
    def says_something(self) -> bool:
        return bool(self.pictures or self.words or self.finish or self.block)


def read_reply(skeleton: bytes, *, streams: bool) -> Reply | None:
    """The facts of an answer; None when it is not one: not JSON, or broken off."""
    content = read_content(skeleton, streams=streams)
    if content is None:
        return None
    return Reply(
        usage=content.usage,
        pictures=len(content.pictures),
        pixels=content.pictures[-1].pixels if content.pictures else None,
        finish=content.finish,
        block=content.block,
        words=content.words,
        note=content.note,
        error=content.error,
    )


def content_of(skeleton: bytes) -> Content:
    """What is in an answer that was no stream; raises `UpstreamCut` when it is no answer, or says nothing at all."""
    content = read_content(skeleton, streams=False)
    if content is None or content.error or not content.says_something:
        raise UpstreamCut("The upstream's answer broke off or made no sense; nothing is charged to your key.")
    return content


def read_content(skeleton: bytes, *, streams: bool) -> Content | None:
    """Everything an answer holds but its pictures; None when it is not one."""
    try:
        documents = [document for document in _documents(skeleton, streams=streams) if isinstance(document, dict)]
    except (ValueError, RecursionError):
        return None
    if not documents:
        return None
    return _merged(documents)


def _documents(skeleton: bytes, *, streams: bool) -> Iterator[Any]:
    if not streams:
        yield json.loads(skeleton)
        return
    reader = EventReader()
    for data in (*reader.feed(skeleton), *reader.finish()):
        if data.strip() not in (b"", b"[DONE]"):
            yield json.loads(data)


def _merged(documents: list[dict[str, Any]]) -> Content:
    """Of a stream: pieces joined, of usage and reasons the last that was given."""
    pictures: list[Sketch] = []
    seen: list[Sketch] = []
    words: list[str] = []
    thoughts: list[str] = []
    last: dict[str, Any] = {}
    for document in documents:
        usage = usage_from_gemini(document.get("usageMetadata"))
        candidate = _candidate(document)
        last |= _given(
            usage=usage,
            finish=_text(candidate, "finishReason"),
            note=_text(candidate, "finishMessage"),
            block=_text(_object(document.get("promptFeedback")), "blockReason"),
            error=_text(_object(document.get("error")), "message"),
            grounding=_object(candidate.get("groundingMetadata")),
        )
        for part in _parts(candidate):
            picture, signature, thought = _sketch(part, len(seen)), _signature(part), part.get("thought")
            if signature:
                last["signature"] = signature
            if isinstance(text := part.get("text"), str):
                (thoughts if thought else words).append(text)
                last["words_signature"] = signature or last.get("words_signature")
            if picture is not None:
                seen.append(picture)
                pictures += [] if thought else [picture]
    return Content(
        pictures=tuple(pictures),
        drafts=tuple([picture for picture in seen if picture not in pictures[-1:]]),
        words="".join(words),
        thoughts="".join(thoughts),
        signature=last.get("signature"),
        words_signature=last.get("words_signature"),
        grounding=last.get("grounding"),
        finish=last.get("finish"),
        block=last.get("block"),
        note=last.get("note", ""),
        usage=last.get("usage"),
        error=last.get("error", ""),
    )


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}


def _candidate(document: dict[str, Any]) -> dict[str, Any]:
    candidates = document.get("candidates")
    return _object(candidates[0]) if isinstance(candidates, list) and candidates else {}


def _parts(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    inside = _object(candidate.get("content")).get("parts")
    return [part for part in inside if isinstance(part, dict)] if isinstance(inside, list) else []


def _sketch(part: dict[str, Any], number: int) -> Sketch | None:
    inline = part.get("inlineData") or part.get("inline_data")
    if not isinstance(inline, dict):
        return None
    data = inline.get("data")
    if not isinstance(data, str) or not data:
        return None
    claimed = str(inline.get("mimeType") or inline.get("mime_type") or "image/png")
    return Sketch(number, claimed, data, _signature(part))


def _signature(part: dict[str, Any]) -> str | None:
    return _text(part, "thoughtSignature") or _text(part, "thought_signature")


def _text(place: dict[str, Any], name: str) -> str | None:
    said = place.get(name)
    return said if isinstance(said, str) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
