"""OpenAI's chat completions: messages in, text and pictures out, whole or as events."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog, Model
from gateway.core.errors import BadRequest, GatewayError
from gateway.core.sse import event
from gateway.core.usage import Usage
from gateway.dialects import openai, parts, sizes
from gateway.dialects.base import EVENT_STREAM, JSON, Asked, Gathering, read_json
from gateway.dialects.parts import Picture
from gateway.dialects.replies import Content

_SYSTEM = ("system", "developer")

# A picture that an earlier answer of a chat carried as Markdown.
_MARKDOWN_PICTURE = re.compile(r"!\[[^\]]*\]\((data:image/[^)\s]+)\)")

# The provider's reasons that are no refusal, in chat's words.
_FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}


@dataclass(frozen=True, slots=True)
class _Form:
    streams: bool
    usage_wanted: bool


class Chat:
    name = "chat"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        document = read_json(asked.body, unique=True)
        named = openai.model_of(document, asked, catalog)
        system, contents = _contents(document.get("messages"))
        form = sizes.form_of(document, named.model, named.size)
        thinking = openai.thinking_of(document, named.model)
        request = openai.native_request(contents, form, thinking)
        if system:
            request["systemInstruction"] = {"parts": [{"text": text} for text in system]}
        _sampling(document, request["generationConfig"])
        text_bytes = sum(len(text.encode()) for text in (*system, *_texts(contents)))
        streams = document.get("stream") is True
        options = document.get("stream_options")
        return Parsed(
            asked_name=named.name,
            ask=openai.ask_of(named, form, thinking, contents=contents, text_bytes=text_bytes),
            delivery=Delivery.EVENTS if streams else Delivery.WHOLE,
            body=orjson.dumps(request),
            streams=False,
            count=openai.count_of(document),
            form=_Form(streams, isinstance(options, Mapping) and options.get("include_usage") is True),
        )

    def writer(self, call: Call) -> Gathering:
        assert isinstance(call.parsed.form, _Form)
        return _Stream(call, call.parsed.form) if call.parsed.form.streams else _Whole(call)

    def local(self, asked: Asked, catalog: Catalog, models: tuple[Model, ...]) -> bytes:
        return openai.local(asked, catalog, models)

    def error(self, error: GatewayError) -> tuple[int, bytes]:
        return openai.error(error)


def _contents(messages: object) -> tuple[list[str], list[dict[str, Any]]]:
    """System texts, and the turns as Gemini takes them: neighbours of one role merged."""
    if not isinstance(messages, list) or not messages:
        raise BadRequest(
            "messages is missing: it holds what is to be drawn.", param="messages", code="missing_required_parameter"
        )
    system: list[str] = []
    contents: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise BadRequest(f"{where} must be an object.", param=where)
        role = message.get("role", "user")
        pieces = _parts(message.get("content"), where)
        if role in _SYSTEM:
            system += [part["text"] for part in pieces if "text" in part]
        elif role == "assistant":
            _said(contents, pieces)
        else:
            _add(contents, "user", pieces)
    if not contents:
        raise BadRequest("messages holds no user message.", param="messages")
    return system, contents


def _said(contents: list[dict[str, Any]], pieces: list[dict[str, Any]]) -> None:
    """An earlier answer. Its pictures go back as the user's: a model's own would need a signature we do not have."""
    _add(contents, "model", [part for part in pieces if "text" in part])
    pictures = [part for part in pieces if "inlineData" in part]
    if pictures:
        _add(contents, "user", [{"text": "The picture you drew before:"}, *pictures])


def _add(contents: list[dict[str, Any]], role: str, pieces: list[dict[str, Any]]) -> None:
    if not pieces:
        return
    if contents and contents[-1]["role"] == role:
        contents[-1]["parts"] += pieces
    else:
        contents.append({"role": role, "parts": pieces})


def _parts(content: object, where: str) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return _with_markdown(content, where)
    if not isinstance(content, list):
        raise BadRequest(f"{where}.content must be a string or a list of parts.", param=f"{where}.content")
    pieces: list[dict[str, Any]] = []
    for index, part in enumerate(content):
        pieces += _part(part, f"{where}.content[{index}]")
    return pieces


def _part(part: object, where: str) -> list[dict[str, Any]]:
    if isinstance(part, str):
        return _with_markdown(part, where)
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            return _with_markdown(part["text"], where)
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str):
            return [_picture(url, where)]
    raise BadRequest(f"{where} must be a text or an image_url part.", param=where)


def _with_markdown(text: str, where: str) -> list[dict[str, Any]]:
    """Text, with the pictures that Markdown carries as data URIs taken out into parts of their own."""
    if "](data:image/" not in text:
        return [{"text": text}] if text else []
    pieces: list[dict[str, Any]] = []
    for index, piece in enumerate(_MARKDOWN_PICTURE.split(text)):
        if index % 2:
            pieces.append(_picture(piece, where))
        elif piece.strip():
            pieces.append({"text": piece})
    return pieces


def _picture(url: str, where: str) -> dict[str, Any]:
    if url.startswith(("http://", "https://")):
        raise BadRequest(
            f"{where} is an address, and this gateway fetches none; send a data URI: data:image/png;base64,…",
            param=where,
        )
    picture = parts.picture_of_data_uri(url, param=where)
    return {"inlineData": {"mimeType": picture.mime, "data": picture.data}}


def _texts(contents: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for content in contents for part in content["parts"] if "text" in part]


def _sampling(document: Mapping[str, Any], config: dict[str, Any]) -> None:
    """Sampling settings by their native names. max_tokens is left out: too small a one kills the picture."""
    for name, native in (("temperature", "temperature"), ("top_p", "topP"), ("seed", "seed")):
        value = document.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{name} must be a number.", param=name)
        config[native] = value


class _Completion(Gathering):
    def __init__(self, call: Call) -> None:
        self._head = {
            "id": f"chatcmpl-{call.id}",
            "created": int(call.made_at),
            "model": call.parsed.asked_name,
        }


class _Whole(_Completion):
    content_type = JSON

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._contents: dict[int, Content] = {}

    def each(self, number: int, reply: bytes) -> bytes:
        self._contents[number] = openai.content_of(reply)
        return b""

    def closing(self) -> bytes:
        choices = [_choice(number, self._contents[number]) for number in sorted(self._contents)]
        answer: dict[str, Any] = {**self._head, "object": "chat.completion", "choices": choices}
        usage = openai.total(content.usage for content in self._contents.values())
        if usage is not None:
            answer["usage"] = openai.chat_usage(usage)
        return orjson.dumps(answer)


def _choice(number: int, content: Content) -> dict[str, Any]:
    message = {"role": "assistant", "content": content.words, "refusal": _refusal(content), **_extras(content)}
    return {"index": number, "finish_reason": _finish(content), "message": message}


class _Stream(_Completion):
    """The role at once, comments while the picture is drawn, then the picture, the reason and the end."""

    content_type = EVENT_STREAM
    heartbeat = b": drawing\n\n"

    def __init__(self, call: Call, form: _Form) -> None:
        super().__init__(call)
        self._count = call.parsed.count
        self._usage_wanted = form.usage_wanted
        self._usages: list[Usage | None] = []

    def opening(self) -> bytes:
        role = {"role": "assistant", "content": ""}
        return b"".join(self._chunk(number, role) for number in range(self._count))

    def each(self, number: int, reply: bytes) -> bytes:
        content = openai.content_of(reply)
        self._usages.append(content.usage)
        events = []
        if content.words:
            events.append(self._chunk(number, {"content": content.words}))
        if extras := _extras(content):
            events.append(self._chunk(number, extras))
        if refusal := _refusal(content):
            events.append(self._chunk(number, {"refusal": refusal}))
        events.append(self._chunk(number, {}, finish=_finish(content)))
        return b"".join(events)

    def closing(self) -> bytes:
        usage = openai.total(self._usages)
        if not self._usage_wanted or usage is None:
            return event(b"[DONE]")
        told = {**self._base(), "choices": [], "usage": openai.chat_usage(usage)}
        return event(orjson.dumps(told)) + event(b"[DONE]")

    def broken(self, error: GatewayError) -> bytes:
        return event(orjson.dumps(openai.envelope(error))) + event(b"[DONE]")

    def _base(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"}

    def _chunk(self, number: int, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        chunk = {**self._base(), "choices": [{"index": number, "delta": delta, "finish_reason": finish}]}
        if self._usage_wanted:
            chunk["usage"] = None
        return event(orjson.dumps(chunk))


def _finish(content: Content) -> str:
    """A refusal is `content_filter`: no SDK retries that, and none pays for it twice."""
    if content.block or content.finish in openai.REFUSALS:
        return "content_filter"
    if content.pictures or content.words:
        return _FINISH.get(content.finish or "STOP", "stop")
    return "content_filter"


def _refusal(content: Content) -> str | None:
    if _finish(content) != "content_filter":
        return None
    reason = content.block or content.finish or "no reason given"
    return content.note or content.words or f"The model did not draw this ({reason})."


def _extras(content: Content) -> dict[str, Any]:
    """What chat completions have no field for, where other gateways' callers look for it."""
    extras: dict[str, Any] = {}
    if content.pictures:
        extras["images"] = [_image(index, picture) for index, picture in enumerate(content.pictures)]
    if content.thoughts:
        extras["reasoning_content"] = content.thoughts
    if content.signature:
        extras["extra_content"] = {"google": {"thought_signature": content.signature}}
    return extras


def _image(index: int, picture: Picture) -> dict[str, Any]:
    return {"type": "image_url", "index": index, "image_url": {"url": picture.data_uri}}
