"""OpenAI's images API: a prompt in, with pictures to be edited or without; pictures out, whole or as events."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog
from gateway.core.errors import BadRequest, GatewayError
from gateway.core.sse import event
from gateway.core.usage import Usage
from gateway.dialects import forms, openai, parts, sizes
from gateway.dialects.base import EVENT_STREAM, JSON, Asked, Gathering, Operation, read_json
from gateway.dialects.pieces import Piece, Reader
from gateway.dialects.replies import Content, Sketch
from gateway.dialects.spans import Span, data_uri, string
from gateway.dialects.turns import Turns

_FORMATS = (None, "b64_json", "url")

# However an SDK, or its user, numbers the pictures.
_PICTURE_FIELD = re.compile(r"images?(\[\d*\])?")


@dataclass(frozen=True, slots=True)
class _Form:
    """What the answer repeats of the request, and how it is wanted."""

    quality: str
    size: str
    as_url: bool
    streams: bool
    partials: int
    event: str


class Images(openai.Answers):
    name = "images"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        editing = asked.operation is Operation.EDIT
        document, shown = _edit(asked) if editing else (read_json(asked.body, unique=True), [])
        named = openai.model_of(document, asked, catalog)
        prompt = document.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise BadRequest(
                "prompt is missing: it says what is to be drawn.", param="prompt", code="missing_required_parameter"
            )
        _refuse(document, "response_format", _FORMATS, "Use 'b64_json' or 'url'.")
        _refuse(document, "background", (None, "auto", "opaque"), "These models draw no transparency; use 'opaque'.")
        form = sizes.form_of(document, named.model, named.size)
        thinking = openai.thinking_of(document, named.model)
        turns = Turns("", [{"role": "user", "parts": [*shown, {"text": prompt}]}])
        streams = document.get("stream") is True
        partials = openai.partials_of(document) if streams else 0
        as_url = document.get("response_format") == "url"
        request = openai.native_request(turns, form, thinking)
        if partials:
            openai.show_thoughts(request, named.model)
        return Parsed(
            asked_name=named.name,
            ask=openai.ask_of(named, form, thinking, turns),
            delivery=Delivery.EVENTS if streams else Delivery.WHOLE,
            body=orjson.dumps(request),
            streams=False,
            count=openai.count_of(document),
            insists=True,
            linked=as_url and not streams,
            addresses=turns.addresses,
            form=_Form(
                quality=openai.quality_of(document),
                size=str(document.get("size") or "auto"),
                as_url=as_url,
                streams=streams,
                partials=partials,
                event="image_edit" if editing else "image_generation",
            ),
        )

    def writer(self, call: Call) -> Gathering:
        assert isinstance(call.parsed.form, _Form)
        return _Events(call, call.parsed.form) if call.parsed.form.streams else _Whole(call, call.parsed.form)


def _edit(asked: Asked) -> tuple[dict[str, Any], list[Piece]]:
    """What is to be edited: a form, or JSON with the pictures as data URIs or addresses."""
    if forms.is_form(asked.content_type):
        form = forms.read_form(asked.body, asked.content_type)
        document: dict[str, Any] = {name: _typed(name, text) for name, text in form.fields.items()}
        named = [file for file in form.files if _PICTURE_FIELD.fullmatch(file.name)]
        shown = [_picture(file) for file in named]
        masked = any(file.name == "mask" for file in form.files)
    else:
        document = read_json(asked.body, unique=True)
        shown = list(_shown(document, Reader(asked.fetches, asked.pictures)))
        masked = document.get("mask") is not None
    if masked:
        raise BadRequest(
            "These models take no mask; say in the prompt what is to be changed and what is to stay.",
            param="mask",
            code="unsupported_parameter",
        )
    if not shown:
        raise BadRequest(
            "image is missing: it is what is to be edited.", param="image", code="missing_required_parameter"
        )
    return document, shown


def _picture(file: forms.File) -> Piece:
    """A picture of a form, for a body that is written at once: as JSON already, which is not looked through again."""
    mime = parts.checked_mime(file.content, param=file.name)
    data = orjson.Fragment(b'"%b"' % base64.b64encode(file.content))
    return {"inlineData": {"mimeType": mime, "data": data}}


def _shown(document: Mapping[str, Any], reader: Reader) -> Iterator[Piece]:
    """The pictures in JSON, one or a list of them: texts, or objects as OpenAI's newer SDKs have them."""
    name = "image" if document.get("image") else "images"
    given = document.get(name)
    if isinstance(given, list):
        yield from (reader.shown(each, f"{name}[{at}]") for at, each in enumerate(given) if each)
    elif given:
        yield reader.shown(given, name)


def _typed(name: str, text: str) -> Any:
    """A field of a form as JSON would have it: everything there is text."""
    if name in ("n", "partial_images") and text.isdecimal():
        return int(text)
    if name == "stream":
        return text.strip().lower() in ("true", "1")
    return text


def _refuse(document: dict[str, object], name: str, good: tuple[object, ...], why: str) -> None:
    if document.get(name) not in good:
        raise BadRequest(f"{name} {document[name]!r} is not supported. {why}", param=name, code="unsupported_parameter")


@dataclass(frozen=True, slots=True)
class _Result:
    """One finished picture, with what is told of it. Its pixels are its own, not those that were asked for."""

    picture: Sketch
    size: str
    words: str
    usage: Usage


class _Pictures(Gathering):
    def __init__(self, call: Call, form: _Form) -> None:
        self._form = form
        self._ask = call.ask
        self._created = int(call.made_at)

    def _result(self, content: Content) -> _Result:
        if not content.pictures:
            raise openai.no_picture(content)
        picture = openai.drawn(content)
        return _Result(
            picture, openai.size_of(picture) or self._form.size, content.words, openai.usage_of(content, self._ask)
        )


class _Whole(_Pictures):
    content_type = JSON

    def __init__(self, call: Call, form: _Form) -> None:
        super().__init__(call, form)
        self.linked = call.parsed.linked and call.address is not None
        self._call = call
        self._results: dict[int, _Result] = {}

    def each(self, number: int, content: Content) -> bytes:
        self._results[number] = self._result(content)
        return b""

    def closing(self) -> bytes:
        entries = sorted(self._results.items())
        results = [result for _, result in entries]
        answer: dict[str, Any] = {
            "created": self._created,
            "background": "opaque",
            "output_format": openai.format_of(results[0].picture),
            "quality": self._form.quality if self._form.quality in openai.QUALITIES else None,
            "size": results[0].size,
            "data": [self._entry(number, result) for number, result in entries],
            "usage": openai.images_usage(openai.total(result.usage for result in results)),
        }
        return orjson.dumps(answer)

    def _entry(self, number: int, result: _Result) -> dict[str, Any]:
        said = {"revised_prompt": result.words or None}
        if self._form.as_url:
            return {"url": self._address(number) or string(*data_uri(number, result.picture)), **said}
        return {"b64_json": string(Span(number, result.picture.number)), **said}

    def _address(self, number: int) -> str | None:
        address = self._call.address
        return address(self._call, number + 1) if self.linked and address else None


class _Events(_Pictures):
    """An event for each finished picture, in the order in which they are finished; before it the drafts, if wanted."""

    content_type = EVENT_STREAM
    heartbeat = b": drawing\n\n"

    def each(self, number: int, content: Content) -> bytes:
        result = self._result(content)
        told = self._told("completed", number, result.picture)
        told["usage"] = openai.images_usage(result.usage)
        return b"".join(self._partials(number, content)) + self._event(told)

    def _partials(self, number: int, content: Content) -> Iterator[bytes]:
        for index, picture in enumerate(openai.drafts(content, self._form.partials)):
            yield self._event({**self._told("partial_image", number, picture), "partial_image_index": index})

    def _told(self, what: str, number: int, picture: Sketch) -> dict[str, Any]:
        return {
            "type": f"{self._form.event}.{what}",
            "b64_json": string(Span(number, picture.number)),
            "background": "opaque",
            "created_at": self._created,
            "output_format": openai.format_of(picture),
            "quality": self._form.quality,
            "size": openai.size_of(picture) or self._form.size,
        }

    def _event(self, told: dict[str, Any]) -> bytes:
        return event(orjson.dumps(told), name=told["type"])

    def closing(self) -> bytes:
        return b""

    def broken(self, error: GatewayError) -> bytes:
        return event(orjson.dumps({"type": "error", **openai.envelope(error)}), name="error")
