"""What a caller asks for on the native route, and whether the seller takes it.

Strict where the seller or Google is: a field in a casing that the seller drops is dropped here too,
so a gateway that forgets to normalise gets the wrong picture and is caught. What is refused is
refused in Google's words.
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from PIL import Image

from gateway.sim import script, signing
from gateway.sim.seller import invalid
from gateway.sim.tables import Model, Named

_LEVELS = ("minimal", "low", "medium", "high")
_MODES = ("TEXT", "IMAGE")
_READABLE = ("image/png", "image/jpeg", "image/jpg", "image/webp")
_OPAQUE = ("image/heic", "image/heif")  # accepted, but Pillow cannot tell their size


@dataclass(frozen=True, slots=True)
class Picture:
    """A reference picture. Both sides 0: its size is not known."""

    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation."""

    role: str
    texts: tuple[str, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of a request, as they are spelled in it."""

    ratio: str | None = None
    size: str | None = None
    level: str | None = None
    modes: tuple[str, ...] = _MODES
    shows_thoughts: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A request the seller takes, in full."""

    model: Model
    ratio: str
    size: str
    width: int
    height: int
    steering: str  # the last turn's text, directives and all
    text_chars: int
    references: int
    thinks_hard: bool
    modes: tuple[str, ...]
    shows_thoughts: bool

    @property
    def prompt(self) -> str:
        """The text that is drawn."""
        return script.without_directives(self.steering)


def read(body: bytes, named: Named, *, strict_signatures: bool) -> Ask:
    """The request in a `generateContent` body; raises `Refused`."""
    document = json_object(body)
    contents = document.get("contents")
    if not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    turns = [_turn(each, at) for at, each in enumerate(_list(contents, "contents"))]
    if strict_signatures:
        signing.check(contents)
    system = document.get("systemInstruction") or document.get("system_instruction")
    before = [_turn(system, 0)] if system else []
    return make(named, [*before, *turns], _wishes(as_object(document.get("generationConfig"), "generation_config")))


def make(named: Named, turns: list[Turn], wishes: Wishes) -> Ask:
    """The request from its turns and options, whatever dialect they came in; raises `Refused`."""
    model = named.model
    pictures = [picture for turn in turns for picture in turn.pictures]
    if len(pictures) > model.references:
        raise invalid(f"Please use fewer than {model.references + 1} images in your request to models/{model.id}")
    size = _size(named, wishes.size)
    ratio = _ratio(model, wishes.ratio, pictures)
    if wishes.level and wishes.level.lower() not in _LEVELS:
        raise invalid(_bad_value("generation_config.thinking_config.thinking_level", wishes.level))
    width, height = model.size_of(ratio, size)
    return Ask(
        model=model,
        ratio=ratio,
        size=size,
        width=width,
        height=height,
        steering="\n".join(turns[-1].texts),
        text_chars=sum(len(text) for turn in turns for text in turn.texts),
        references=len(pictures),
        thinks_hard=model.thinks == "when asked" and (wishes.level or "").lower() == "high",
        modes=wishes.modes,
        shows_thoughts=wishes.shows_thoughts,
    )


def json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise invalid(f"Invalid JSON payload received. {exc}") from exc
    return as_object(document, "request")


def as_text(value: object, where: str) -> str | None:
    """An optional text; raises `Refused` for anything else."""
    if value is not None and not isinstance(value, str):
        raise invalid(_bad_value(where, value))
    return value or None


def as_object(value: object, where: str) -> dict[str, Any]:
    """An optional object, empty when it is missing; raises `Refused` for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{where}': expected an object")
    return value


def inline_picture(media_type: object, encoded: object, where: str) -> Picture:
    """A reference picture from its base64; raises `Refused` for what is no picture."""
    if not isinstance(media_type, str) or media_type not in (*_READABLE, *_OPAQUE):
        raise invalid(f"Unsupported MIME type: {media_type}")
    try:
        # Google takes the URL-safe alphabet too; refusing it here keeps a gateway's promise to rewrite it tested.
        raw = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except ValueError as exc:
        message = f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed for \"{str(encoded)[:40]}\""
        raise invalid(message) from exc
    if media_type in _OPAQUE:
        return Picture()
    try:
        with Image.open(io.BytesIO(raw)) as image:
            return Picture(image.width, image.height)
    except (OSError, Image.DecompressionBombError) as exc:
        raise invalid("Unable to process input image. Please retry or report in the developer forum.") from exc


def _turn(document: object, at: int) -> Turn:
    turn = as_object(document, f"contents[{at}]")
    role = turn.get("role", "user")
    if role not in ("user", "model"):
        raise invalid("Please use a valid role: user, model.")
    where = f"contents[{at}].parts"
    parts = [as_object(each, where) for each in _list(turn.get("parts"), where)]
    if not parts:
        raise invalid(f"* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.")
    return Turn(role, tuple(_texts(parts)), tuple(_pictures(parts, where)))


def _texts(parts: list[dict[str, Any]]) -> Iterable[str]:
    for part in parts:
        text = part.get("text")
        if text is not None and not isinstance(text, str):
            raise invalid(_bad_value("contents.parts.text", text))
        if text and not part.get("thought"):
            yield text


def _pictures(parts: list[dict[str, Any]], where: str) -> Iterable[Picture]:
    for at, part in enumerate(parts):
        inline = part.get("inlineData") or part.get("inline_data")
        linked = part.get("fileData")  # the seller drops file_data
        if (inline or linked) and "text" in part:
            raise invalid(f"Invalid value at '{where}[{at}]': oneof field 'data' is already set. Cannot set 'text'")
        if inline:
            given = as_object(inline, f"{where}[{at}].inline_data")
            media_type = given.get("mimeType") or given.get("mime_type")
            yield inline_picture(media_type, given.get("data"), f"{where}[{at}].inline_data.data")
        elif linked and isinstance(as_object(linked, f"{where}[{at}].file_data").get("fileUri"), str):
            yield Picture()


def _wishes(config: dict[str, Any]) -> Wishes:
    if config.get("candidateCount", config.get("candidate_count", 1)) != 1:
        raise invalid("Only one candidate can be specified")
    image = as_object(_either(config, "imageConfig", "image_config"), "generation_config.image_config")
    thinking = as_object(_either(config, "thinkingConfig", "thinking_config"), "generation_config.thinking_config")
    level = _either(thinking, "thinkingLevel", "thinking_level")
    if level is not None and _either(thinking, "thinkingBudget", "thinking_budget") is not None:
        raise invalid("You can only set only one of thinking budget and thinking level.")
    return Wishes(
        ratio=as_text(_either(image, "aspectRatio", "aspect_ratio"), "aspect_ratio"),
        size=as_text(_either(image, "imageSize", "image_size"), "image_size"),
        level=as_text(level, "thinking_level"),
        modes=_modes(_either(config, "responseModalities", "response_modalities")),
        shows_thoughts=bool(_either(thinking, "includeThoughts", "include_thoughts")),
    )


def _modes(given: object) -> tuple[str, ...]:
    if not given:
        return _MODES
    modes = tuple(str(each).upper() for each in _list(given, "generation_config.response_modalities"))
    if odd := [each for each in modes if each not in _MODES]:
        raise invalid(_bad_value("generation_config.response_modalities", odd[0]))
    return modes


def _size(named: Named, size: str | None) -> str:
    model = named.model
    if size is None:
        return named.size or "1K"
    if not model.sized:
        raise invalid(f"Image size is not supported for models/{model.id}.")
    if size not in model.image_tokens:
        raise invalid(_bad_value("generation_config.image_config.image_size", size))
    return size


def _ratio(model: Model, ratio: str | None, pictures: list[Picture]) -> str:
    if ratio is None:
        last = pictures[-1] if pictures else Picture()
        return model.nearest_ratio(last.width, last.height) if last.width and last.height else "1:1"
    if ratio not in model.pixels:
        raise invalid(_bad_value("generation_config.image_config.aspect_ratio", ratio))
    return ratio


def _either(document: dict[str, Any], camel: str, snake: str) -> Any:
    return document[camel] if camel in document else document.get(snake)


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(f"Invalid value at '{where}': expected an array")
    return value


def _bad_value(where: str, value: object) -> str:
    return f"Invalid value at '{where}': {value!r} is not supported"
