"""Google's own format: generateContent and its two streams, models, countTokens, the error envelope.

Requests and answers pass as they are. What must be known of a request is read from its skeleton,
so that reference pictures of many megabytes are jumped over rather than parsed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.core.call import Ask, Call, Delivery, Parsed
from gateway.core.catalog import Catalog, Model, Named
from gateway.core.errors import BadRequest, GatewayError, MissingKey, UnknownKey
from gateway.core.skim import KEEP_BYTES, Skeleton, Skimmer
from gateway.core.sse import EventReader
from gateway.core.usage import text_tokens
from gateway.dialects import canonical, checks
from gateway.dialects.base import EVENT_STREAM, JSON, Asked, Operation, Passing, allowed_model, find_model, read_json
from gateway.dialects.spelling import camel_keys, spelled

# What is as long in a skeleton may have been longer.
_MAY_BE_CUT = KEEP_BYTES // 2 - 8

_STATUS_NAME = re.compile(r"[A-Z_]{2,40}")

# What Google itself answers; its SDKs show `status` and `details` to their users.
_STATUS_OF: dict[type[GatewayError], int] = {MissingKey: 403, UnknownKey: 400}


class Gemini:
    name = "gemini"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        named = find_model(catalog, asked.model or "", asked)
        skimmer = Skimmer()
        skimmer.feed(asked.body)
        if skimmer.given_up:
            raise BadRequest("The request body holds too much besides pictures.", code="request_too_large")
        skeleton = skimmer.skeleton
        sketch, right = read_json(skeleton.text, unique=True), spelled(skeleton.text)
        tidy = canonical.canonical(sketch, named, spelled=right)
        checks.check(tidy, named.model, catalog)
        body = asked.body
        if tidy is not sketch or _may_be_url_safe(skeleton, body):
            document = read_json(body)
            tidy = canonical.canonical(document, named, spelled=right)
            body = body if tidy is document else orjson.dumps(tidy)
        return Parsed(
            asked_name=named.name,
            ask=_ask(tidy, named),
            delivery=_delivery(asked),
            body=body,
            streams=asked.operation is Operation.STREAM,
            files=any("fileData" in part for part in canonical.content_parts(tidy)),
        )

    def writer(self, call: Call) -> Passing:
        match call.parsed.delivery:
            case Delivery.WHOLE:
                return Whole()
            case Delivery.EVENTS:
                return Events()
            case Delivery.ARRAY:
                return Array()

    def local(self, asked: Asked, catalog: Catalog, models: tuple[Model, ...]) -> bytes:
        match asked.operation:
            case Operation.LIST_MODELS:
                return orjson.dumps(_page(asked, models))
            case Operation.GET_MODEL:
                named = allowed_model(catalog, asked, models)
                return orjson.dumps(_model(named.model, named.name))
            case _:
                return orjson.dumps(_count(asked, allowed_model(catalog, asked, models).model))

    def error(self, error: GatewayError) -> tuple[int, bytes]:
        status = _STATUS_OF.get(type(error), error.status)
        return status, orjson.dumps(envelope(error, status))


def envelope(error: GatewayError, status: int) -> dict[str, Any]:
    """Google's error object. `error` comes first: that is what its SDKs look for in a stream."""
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": error.reason,
            "domain": "nano-banana-gateway",
            "metadata": {"code": error.code, "billed": error.billed},
        }
    ]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    if error.retry_after_s is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after_s}s"}
        details.append(retry)
    return {
        "error": {"code": status, "message": error.message, "status": error.google_status, "details": details},
    }


class Whole(Passing):
    """The upstream's bytes, unchanged."""

    content_type = JSON + "; charset=UTF-8"
    keeps_length = True

    def feed(self, chunk: bytes) -> bytes:
        return chunk


class Events(Whole):
    """The upstream's events, unchanged. Only blank lines may stand between them: the Python SDK raises on comments."""

    content_type = EVENT_STREAM
    heartbeat = b"\r\n"

    def broken(self, error: GatewayError) -> bytes:
        return b"\r\n\r\ndata: " + orjson.dumps(envelope(error, error.status)) + b"\r\n\r\n"


class Array(Passing):
    """The upstream's events as the elements of one JSON array: Gemini's stream without alt=sse."""

    content_type = JSON + "; charset=UTF-8"
    heartbeat = b"\r\n"

    def __init__(self) -> None:
        self._events = EventReader()
        self._before = b"["

    def feed(self, chunk: bytes) -> bytes:
        return b"".join(self._element(data) for data in self._events.feed(chunk))

    def closing(self) -> bytes:
        rest = b"".join(self._element(data) for data in self._events.finish())
        return rest + (b"[]" if self._before == b"[" else b"]")

    def broken(self, error: GatewayError) -> bytes:
        return self._element(orjson.dumps(envelope(error, error.status))) + b"]"

    def _element(self, data: bytes) -> bytes:
        if data.strip() in (b"", b"[DONE]"):
            return b""
        before, self._before = self._before, b",\r\n"
        return before + data


def _delivery(asked: Asked) -> Delivery:
    if asked.operation is not Operation.STREAM:
        return Delivery.WHOLE
    return Delivery.EVENTS if asked.query.get("alt") == "sse" else Delivery.ARRAY


def _may_be_url_safe(skeleton: Skeleton, body: bytes) -> bool:
    """Whether a picture's base64 may need another spelling: what was left out of it tells."""
    return any(body.find(sign, begin, end) >= 0 for begin, end in skeleton.left_out() for sign in (b"-", b"_", b"\\"))


def _ask(document: Mapping[str, Any], named: Named) -> Ask:
    config = document.get("generationConfig", {})
    image = config.get("imageConfig", {})
    thinking = config.get("thinkingConfig", {})
    level = thinking.get("thinkingLevel") if isinstance(thinking, dict) else None
    references, history = _pictures(document["contents"])
    return Ask(
        model=named.model,
        size=image.get("imageSize") or named.model.default_size,
        ratio=image.get("aspectRatio"),
        references=references,
        history=history,
        thinking=level.lower() if isinstance(level, str) else None,
        text_bytes=_text_bytes(document, named.model),
    )


def _pictures(contents: list[Any]) -> tuple[int, int]:
    """How many pictures the user's turns show, and the model's; a turn without a role is the user's."""
    shown = {"user": 0, "model": 0}
    for content in contents:
        pictures = sum(["inlineData" in part or "fileData" in part for part in canonical.parts_of(content)])
        if pictures and (role := content.get("role", "user")) in ("user", "model"):
            shown[role] += pictures
    return shown["user"], shown["model"]


def _text_bytes(document: Mapping[str, Any], model: Model) -> int:
    """The most bytes of text a request can hold.

    Text without a space may have been shortened in the skeleton, like a picture: it counts as the model's limit.
    """
    size, left = 0, [*document.values()]
    while left:
        value = left.pop()
        if isinstance(value, str):
            length = len(value.encode("utf-8", "replace"))
            size += model.input_tokens if length >= _MAY_BE_CUT and " " not in value else length
        elif isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += [each for name, each in value.items() if name != "inlineData"]
    return size


def _page(asked: Asked, models: tuple[Model, ...]) -> dict[str, Any]:
    """One page of the list; the token is the place to go on from."""
    size = _number(asked.query.get("pageSize"), default=50, most=1000)
    start = _number(asked.query.get("pageToken"), default=0, most=len(models))
    page: dict[str, Any] = {"models": [_model(model, model.id) for model in models[start : start + size]]}
    if start + size < len(models):
        page["nextPageToken"] = str(start + size)
    return page


def _number(text: str | None, *, default: int, most: int) -> int:
    if text is None or text == "":
        return default
    if not text.isdecimal():
        raise BadRequest(f"{text!r} is not a page size or token.", param="pageSize")
    return min(int(text), most) or default


def _model(model: Model, name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "baseModelId": model.id,
        "version": model.version,
        "displayName": model.title,
        "description": f"{model.title}: sizes {', '.join(model.sizes)}, {len(model.ratios)} aspect ratios.",
        "inputTokenLimit": model.input_tokens,
        "outputTokenLimit": model.output_tokens,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": bool(model.thinking_levels),
    }


def _count(asked: Asked, model: Model) -> dict[str, Any]:
    """An estimate made here: a reseller would draw a picture for this request, and bill it."""
    skimmer = Skimmer(keep_bytes=1 << 20)
    skimmer.feed(asked.body)
    document = camel_keys(read_json(skimmer.skeleton.text))
    inside = document.get("generateContentRequest", document)
    request = inside if isinstance(inside, dict) else {}
    pieces = canonical.content_parts(canonical.contents_as_list(request))
    texts = "".join(part["text"] for part in pieces if isinstance(part.get("text"), str))
    pictures = sum("inlineData" in part or "fileData" in part for part in pieces)
    words, shown = text_tokens(len(texts)), pictures * model.reference_tokens
    details = [{"modality": "TEXT", "tokenCount": words}, {"modality": "IMAGE", "tokenCount": shown}]
    return {
        "totalTokens": words + shown,
        "promptTokensDetails": [each for each in details if each["tokenCount"]],
    }


def error_of(body: str) -> tuple[str, str | None]:
    """The message inside whatever envelope an upstream uses, and Google's name for the status if it is there.

    A body that is no envelope is the message itself.
    """
    try:
        document = json.loads(body)
    except ValueError:
        return body, None
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return (error if isinstance(error, str) else body), None
    message, status = error.get("message"), error.get("status")
    named = status if isinstance(status, str) and _STATUS_NAME.fullmatch(status) else None
    return (message if isinstance(message, str) else body), named
