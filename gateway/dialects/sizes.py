"""How OpenAI's words for a picture's form become Gemini's ratio and size.

`size` comes as pixels, as a ratio, as a tier or as two of them; options of other gateways' making
come in half a dozen places. All of it ends in one Form, checked against the model.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.catalog import Model
from gateway.core.errors import BadRequest
from gateway.dialects import options

# Spellings of the size tiers in the wild; the wire knows only the right-hand side.
TIERS: dict[str, str] = {
    "512": "512",
    "512px": "512",
    "512x512": "512",
    "0.5k": "512",
    "1k": "1K",
    "2k": "2K",
    "4k": "4K",
}

# The largest side (as the root of the area) of each tier but the last.
_TIER_BELOW = ((768, "512"), (1536, "1K"), (3072, "2K"))

# Sizes whose name promises more than their area.
_UHD = frozenset({(3840, 2160), (2160, 3840)})

# `quality` chooses a tier only where `size` does not; it is nobody's standard.
_QUALITY: dict[str, str | None] = {
    "auto": None,
    "low": "1K",
    "medium": "1K",
    "standard": "1K",
    "high": "2K",
    "hd": "2K",
    "xhigh": "4K",
    "max": "4K",
    "4k": "4K",
}

_RATIO = re.compile(r"(\d{1,2})[:x](\d{1,2})")
_PIXELS = re.compile(r"(\d{2,5})x(\d{2,5})")


@dataclass(frozen=True, slots=True)
class Form:
    """Ratio and size as the upstream is to be asked for them; None: its own default."""

    ratio: str | None = None
    size: str | None = None


def tier(text: object) -> str | None:
    """A size tier in its only right spelling; None when it is not one."""
    return TIERS.get(str(text).strip().lower()) if isinstance(text, str | int) else None


def checked_size(model: Model, asked: object, *, param: str) -> str | None:
    """A size the model has, spelled right; None for a model that draws its only size unasked."""
    size = tier(asked)
    if model.fixed_size:
        if size in (None, model.default_size) and asked in (None, "", "1K", "1k"):
            return None
        raise BadRequest(
            f"{model.id} draws one size only and takes no {param}; leave it out, or ask another model for {asked}.",
            param=param,
        )
    if size not in model.sizes:
        raise BadRequest(f"{asked!r} is not a size of {model.id}; use {_or(model.sizes)}.", param=param)
    return size


def checked_ratio(model: Model, asked: object, *, param: str) -> str:
    if asked not in model.ratios:
        raise BadRequest(f"{asked!r} is not a ratio of {model.id}; use {_or(model.ratios)}.", param=param)
    return str(asked)


def form_of(document: Mapping[str, Any], model: Model, named_size: str | None) -> Form:
    """Ratio and size out of everything an OpenAI caller may have set, the most explicit first."""
    explicit = _explicit(document)
    flat = options.flat(document)
    from_size = _of_size(options.first(flat, "size"), model)
    ratio = options.first(explicit, "aspect_ratio")
    size = options.first(explicit, "image_size")
    if size is not None:
        size = checked_size(model, size, param="image_size")
    else:
        size = from_size.size or named_size or _of_quality(options.first(flat, "quality"), model)
    if ratio is not None:
        return Form(checked_ratio(model, ratio, param="aspect_ratio"), size)
    return Form(from_size.ratio, size)


def _explicit(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where `aspect_ratio` and `image_size` may stand, the most specific first."""
    where: list[Mapping[str, Any]] = []
    for place in options.google(document):
        where += (*_configs(place), place)
    for place in options.flat(document):
        where += _configs(place)
    return [*where, *options.flat(document)]


def _configs(place: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (
        options.section(place, "image_config"),
        options.section(options.section(place, "generation_config"), "image_config"),
    )


def _of_size(asked: object, model: Model) -> Form:
    if asked in (None, "", "auto"):
        return Form()
    words = re.split(r"[@\s]+", str(asked).strip().lower())
    ratio: str | None = None
    size: str | None = None
    for word in words:
        form = _of_word(word, model)
        if form is None:
            raise BadRequest(
                f"{asked!r} is not a size; use pixels like 1024x1024, a ratio like 16:9, "
                f"a tier ({_or(model.sizes)}), or 'auto'.",
                param="size",
            )
        ratio, size = form.ratio or ratio, form.size or size
    return Form(ratio, size)


def _of_word(word: str, model: Model) -> Form | None:
    if (name := tier(word)) is not None and word != "512x512":
        return Form(None, checked_size(model, name, param="size"))
    if (match := _RATIO.fullmatch(word)) is not None:
        return Form(checked_ratio(model, f"{match[1]}:{match[2]}", param="size"), None)
    if (match := _PIXELS.fullmatch(word)) is not None:
        return _of_pixels(int(match[1]), int(match[2]), model)
    return None


def _of_pixels(width: int, height: int, model: Model) -> Form:
    if not width or not height:
        raise BadRequest("A picture has at least one pixel each way.", param="size")
    for name, facts in model.sizes.items():
        for ratio, pixels in facts.pixels.items():
            if pixels == (width, height):
                return Form(ratio, None if model.fixed_size else name)
    wanted = math.log(width / height)
    ratio = min(model.ratios, key=lambda each: abs(wanted - _log(each)))
    return Form(ratio, None if model.fixed_size else _nearest_size(width, height, model))


def _nearest_size(width: int, height: int, model: Model) -> str:
    side = math.sqrt(width * height)
    name = next((name for below, name in _TIER_BELOW if side < below), "4K")
    if (width, height) in _UHD:
        name = "4K"
    return name if name in model.sizes else model.default_size


def _of_quality(asked: object, model: Model) -> str | None:
    if asked is None:
        return None
    if not isinstance(asked, str) or asked.lower() not in _QUALITY:
        raise BadRequest(f"{asked!r} is not a quality; use {_or(_QUALITY)}.", param="quality")
    name = _QUALITY[asked.lower()]
    return name if name in model.sizes and not model.fixed_size else None


def _log(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return math.log(int(width) / int(height))


def _or(names: Any) -> str:
    return ", ".join(names)
