"""OpenAI's images API: a prompt in, a picture as base64 out."""

from dataclasses import dataclass

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog, Model
from gateway.core.errors import BadRequest, GatewayError
from gateway.dialects import openai, parts, sizes
from gateway.dialects.base import JSON, Asked, Writer, read_json


@dataclass(frozen=True, slots=True)
class _Form:
    """What the answer repeats of the request, and its date."""

    quality: str
    size: str


class Images:
    name = "images"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        document = read_json(asked.body, unique=True)
        named = openai.model_of(document, asked, catalog)
        prompt = document.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise BadRequest(
                "prompt is missing: it says what is to be drawn.", param="prompt", code="missing_required_parameter"
            )
        openai.one_only(document)
        _refuse(document, "stream", (None, False), "The images API answers whole here; leave stream out.")
        _refuse(document, "response_format", (None, "b64_json"), "Pictures come as base64; leave response_format out.")
        _refuse(document, "background", (None, "auto", "opaque"), "These models draw no transparency; use 'opaque'.")
        form = sizes.form_of(document, named.model, named.size)
        thinking = openai.thinking_of(document, named.model)
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        return Parsed(
            asked_name=named.name,
            ask=openai.ask_of(named, form, thinking, contents=contents, text_bytes=len(prompt.encode())),
            delivery=Delivery.WHOLE,
            body=orjson.dumps(openai.native_request(contents, form, thinking)),
            streams=False,
            form=_Form(quality=str(document.get("quality") or "auto"), size=str(document.get("size") or "auto")),
        )

    def writer(self, call: Call) -> Writer:
        return _Writer(call)

    def local(self, asked: Asked, catalog: Catalog, models: tuple[Model, ...]) -> bytes:
        return openai.local(asked, catalog, models)

    def error(self, error: GatewayError) -> tuple[int, bytes]:
        return openai.error(error)


def _refuse(document: dict[str, object], name: str, good: tuple[object, ...], why: str) -> None:
    if document.get(name) not in good:
        raise BadRequest(f"{name} {document[name]!r} is not supported. {why}", param=name, code="unsupported_parameter")


class _Writer:
    content_type = JSON
    passes = False
    heartbeat: bytes | None = None

    def __init__(self, call: Call) -> None:
        assert isinstance(call.parsed.form, _Form)
        self._form = call.parsed.form
        self._created = int(call.made_at)
        self._chunks: list[bytes] = []

    def opening(self) -> bytes:
        return b""

    def feed(self, chunk: bytes) -> bytes:
        self._chunks.append(chunk)
        return b""

    def closing(self) -> bytes:
        body = b"".join(self._chunks)
        self._chunks.clear()
        content = openai.content_of(body)
        if not content.pictures:
            raise openai.no_picture(content)
        picture = content.pictures[-1]
        head = parts.head_of(picture.data)
        pixels = parts.pixels_of(head)
        mime = parts.mime_of(head) or picture.mime
        answer = {
            "created": self._created,
            "background": "opaque",
            "output_format": mime.removeprefix("image/"),
            "quality": self._form.quality,
            "size": f"{pixels[0]}x{pixels[1]}" if pixels else self._form.size,
            "data": [{"b64_json": parts.canonical_base64(picture.data), "revised_prompt": content.words or None}],
        }
        if content.usage is not None:
            answer["usage"] = openai.images_usage(content.usage)
        return orjson.dumps(answer)

    def broken(self, error: GatewayError) -> bytes:
        return b""
