"""What OpenAI's formats have in common: models, usage, the error envelope, and the native request built from theirs."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import orjson

from gateway.core.call import Ask
from gateway.core.catalog import Catalog, Model, Named
from gateway.core.errors import BadRequest, GatewayError, NoPicture
from gateway.core.usage import Usage, estimate
from gateway.dialects import generation, options
from gateway.dialects.base import Asked, Operation, allowed_model, find_model
from gateway.dialects.replies import Content, Sketch
from gateway.dialects.sizes import Form
from gateway.dialects.turns import Speaker, Turns, plain

# What the provider gives as a reason when it will not draw a thing, as against not having managed to.
REFUSALS = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "RECITATION",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
        "JAILBREAK",
    }
)

MOST_PICTURES = 10
MOST_PARTIALS = 3

# Those that an answer may name; an answer about pictures as a whole has null for `auto`.
QUALITIES = ("low", "medium", "high", "xhigh", "max")

# OpenAI's effort words, as the levels these models know.
_EFFORT = {"none": "minimal", "minimal": "minimal", "low": "minimal", "medium": "high", "high": "high", "xhigh": "high"}


def envelope(error: GatewayError) -> dict[str, Any]:
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


class Answers:
    """What every dialect of OpenAI answers alike: errors, and what is not relayed."""

    def local(self, asked: Asked, catalog: Catalog, models: tuple[Model, ...]) -> bytes:
        """The models, with the names that carry a size, for chat programs that cannot ask for one; or one model."""
        if asked.operation is Operation.GET_MODEL:
            return orjson.dumps(_model(allowed_model(catalog, asked, models)))
        listed = [
            named
            for named in catalog.names.values()
            if named.model in models and (named.name == named.model.id or _sized(named))
        ]
        return orjson.dumps({"object": "list", "data": [_model(named) for named in listed]})

    def error(self, error: GatewayError) -> tuple[int, bytes]:
        return error.status, orjson.dumps(envelope(error))


def model_of(document: Mapping[str, Any], asked: Asked, catalog: Catalog) -> Named:
    name = document.get("model")
    if not isinstance(name, str) or not name:
        known = ", ".join(model.id for model in catalog.models)
        raise BadRequest(f"model is missing; use one of {known}.", param="model", code="missing_required_parameter")
    return find_model(catalog, name, asked)


def count_of(document: Mapping[str, Any]) -> int:
    """How many pictures are wanted; OpenAI's own limit is ten."""
    count = document.get("n", 1)
    if count is None:
        return 1
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_PICTURES:
        raise BadRequest(f"n must be a whole number from 1 to {MOST_PICTURES}.", param="n")
    return count


def quality_of(document: Mapping[str, Any]) -> str:
    """The quality that an answer repeats: OpenAI's schema has no word for some that are understood here."""
    asked = document.get("quality")
    return asked if asked in QUALITIES else "auto"


def partials_of(document: Mapping[str, Any]) -> int:
    """How many drafts are wanted before the picture: OpenAI's `partial_images`, up to three."""
    count = document.get("partial_images") or 0
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_PARTIALS:
        raise BadRequest(f"partial_images must be a whole number from 0 to {MOST_PARTIALS}.", param="partial_images")
    return count


def thinking_of(document: Mapping[str, Any], model: Model) -> str | None:
    """The thinking level asked for, in the model's own words; None where it is left to the model."""
    level = generation.thinking_config(document).get("thinkingLevel")
    if level is not None:
        return _level(level, model)
    effort = options.first(options.flat(document), "reasoning_effort")
    if effort is None or not model.thinking_levels:
        return None
    if not isinstance(effort, str) or effort not in _EFFORT:
        raise BadRequest(f"{effort!r} is not an effort; use {', '.join(_EFFORT)}.", param="reasoning_effort")
    known = _EFFORT[effort]
    return known if known in model.thinking_levels else None


def _level(level: object, model: Model) -> str:
    known = level.lower() if isinstance(level, str) else None
    if known not in model.thinking_levels:
        levels = ", ".join(model.thinking_levels) or "none, since it does not think"
        raise BadRequest(f"{level!r} is not a thinking level of {model.id}: {levels}.", param="thinking_level")
    return str(known)


def native_request(turns: Turns, form: Form, thinking: str | None) -> dict[str, Any]:
    """A generateContent body in canonical spelling."""
    request: dict[str, Any] = {"contents": turns.contents}
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    image = {name: value for name, value in (("aspectRatio", form.ratio), ("imageSize", form.size)) if value}
    if image:
        config["imageConfig"] = image
    if thinking:
        config["thinkingConfig"] = {"thinkingLevel": thinking}
    request["generationConfig"] = config
    if turns.system:
        request["systemInstruction"] = {"parts": [{"text": turns.system}]}
    return request


def show_thoughts(request: dict[str, Any], model: Model) -> None:
    """Has the answer tell what the model thought, with the drafts it drew meanwhile; the provider charges neither."""
    if model.thinking_levels:
        request["generationConfig"].setdefault("thinkingConfig", {})["includeThoughts"] = True


def chat_request(document: Mapping[str, Any], turns: Turns, form: Form, ask: Ask, tools: list[Any]) -> dict[str, Any]:
    """A generateContent body with everything that chat and responses may set beside what is said."""
    request = native_request(turns, form, ask.thinking)
    request["generationConfig"] |= generation.settings(document, ask)
    if tools:
        request["tools"] = tools
    if safety := generation.safety(document):
        request["safetySettings"] = safety
    return request


def plain_body(body: bytes) -> bytes:
    """A native request written again with nothing in it that the model must have signed."""
    request = orjson.loads(body)
    request["contents"] = plain(request["contents"])
    return orjson.dumps(request)


def ask_of(named: Named, form: Form, thinking: str | None, turns: Turns) -> Ask:
    return Ask(
        model=named.model,
        size=form.size or named.model.default_size,
        ratio=form.ratio,
        references=turns.pictures(Speaker.USER),
        history=turns.pictures(Speaker.MODEL),
        thinking=thinking,
        text_bytes=turns.text_bytes,
    )


def drawn(content: Content) -> Sketch:
    """The last picture of a reply, since those before it are drafts."""
    return content.pictures[-1]


def drafts(content: Content, most: int) -> tuple[Sketch, ...]:
    """The last that the model drew on its way."""
    return content.drafts[-most:] if most else ()


def size_of(picture: Sketch) -> str | None:
    """A picture's own size, as in `1264x848`."""
    return f"{picture.pixels[0]}x{picture.pixels[1]}" if picture.pixels else None


def format_of(picture: Sketch) -> str:
    return picture.media_type.removeprefix("image/")


def refusal(content: Content) -> str:
    """What a caller who may be answered in words is told of an answer that has none, or is a refusal."""
    return content.note or content.words or f"The model did not draw this ({_reason(content)})."


def no_picture(content: Content) -> NoPicture:
    """What a caller who wanted a picture is told of an answer without one."""
    reason = _reason(content)
    said = content.note or content.words
    quoted = f' It said: "{said[:500]}"' if said else ""
    if content.block or content.finish in REFUSALS:
        return NoPicture(f"The model refused to draw this ({reason}).{quoted}", code="moderation_blocked")
    return NoPicture(f"The model answered without a picture ({reason}).{quoted}", code="no_image_generated")


def _reason(content: Content) -> str:
    return content.block or content.finish or "no reason given"


def _model(named: Named) -> dict[str, Any]:
    return {"id": named.name, "object": "model", "created": named.model.created, "owned_by": "google"}


def _sized(named: Named) -> bool:
    return named.size is not None and named.name.startswith(named.model.id)


def text_and_image(total: int, image: int) -> dict[str, int]:
    return {"text_tokens": max(0, total - image), "image_tokens": min(image, total)}


def usage_of(content: Content, ask: Ask) -> Usage:
    """What a reply used, as reported or else estimated."""
    return content.usage or estimate(ask, pictures=len(content.pictures), words=content.words)


def chat_usage(usage: Usage) -> dict[str, Any]:
    """Usage in the words of chat completions; text absorbs the excess the provider does not itemise."""
    candidates = max(0, usage.output - usage.thoughts)
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            **text_and_image(usage.input, usage.prompt_images),
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.thoughts,
            **text_and_image(candidates, usage.output_images),
        },
        **marked(usage),
    }


def marked(usage: Usage) -> dict[str, bool]:
    """What says that nobody reported these tokens: no field of OpenAI's, and in none of its answers."""
    return {"estimated": True} if usage.estimated else {}


def total(usages: Iterable[Usage]) -> Usage:
    """What several replies used together; estimated when one of them was."""
    known = list(usages)
    sums = {field.name: sum(getattr(usage, field.name) for usage in known) for field in fields(Usage)}
    return Usage(**{**sums, "estimated": any(usage.estimated for usage in known)})


def images_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "input_tokens_details": text_and_image(usage.input, usage.prompt_images),
        "output_tokens_details": text_and_image(usage.output, usage.output_images),
        **marked(usage),
    }
