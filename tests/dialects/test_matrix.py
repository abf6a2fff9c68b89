"""Every ratio and size of every model by every way of asking: exactly that goes out, or nothing does."""

import json
from typing import Any

import pytest

from gateway.core.errors import CallerError
from gateway.dialects.base import Asked, Operation
from tests.config.test_catalog import CATALOG
from tests.dialects.speak import DIALECTS

RATIOS = ["1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9"]
SIZES = ("512", "1K", "2K", "4K")
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="

MESSAGES = [{"role": "user", "content": "a boat"}]
NATIVE = {"contents": [{"parts": [{"text": "a boat"}]}]}

# How each way asks for a ratio and a size.
WAYS: dict[str, Any] = {
    "native": lambda model, ratio, size: (
        "gemini",
        Operation.GENERATE,
        {**NATIVE, "generationConfig": {"imageConfig": {"aspectRatio": ratio, "imageSize": size}}},
    ),
    "native snake": lambda model, ratio, size: (
        "gemini",
        Operation.STREAM,
        {**NATIVE, "generation_config": {"image_config": {"aspect_ratio": ratio, "image_size": size.lower()}}},
    ),
    "images": lambda model, ratio, size: (
        "images",
        Operation.GENERATE,
        {"model": model, "prompt": "a boat", "size": f"{ratio}@{size}"},
    ),
    "images extra": lambda model, ratio, size: (
        "images",
        Operation.GENERATE,
        {"model": model, "prompt": "x", "image_config": {"aspect_ratio": ratio, "image_size": size}},
    ),
    "edits": lambda model, ratio, size: (
        "images",
        Operation.EDIT,
        {"model": model, "prompt": "x", "image": PICTURE, "size": f"{size} {ratio}"},
    ),
    "chat": lambda model, ratio, size: (
        "chat",
        Operation.COMPLETE,
        {"model": model, "messages": MESSAGES, "google": {"image_config": {"aspectRatio": ratio, "imageSize": size}}},
    ),
    "chat flat": lambda model, ratio, size: (
        "chat",
        Operation.COMPLETE,
        {"model": model, "messages": MESSAGES, "aspect_ratio": ratio, "image_size": size},
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", CATALOG.models, ids=lambda model: model.id)
def test_exactly_what_is_asked_goes_out_or_nothing_does(way: str, model: Any) -> None:
    sent = 0
    for ratio in RATIOS:
        for size in SIZES:
            offered = ratio in model.ratios and size in model.sizes
            config = _sent(way, model.id, ratio, size)
            assert (config is not None) == offered, (ratio, size)
            if config is not None:
                sent += 1
                expected = {"aspectRatio": ratio} if model.fixed_size else {"aspectRatio": ratio, "imageSize": size}
                assert config == expected
    assert sent == len(model.ratios) * len(model.sizes)


@pytest.mark.parametrize("model", CATALOG.models, ids=lambda model: model.id)
def test_the_exact_pixels_of_a_picture_ask_for_just_that_picture(model: Any) -> None:
    for size, facts in model.sizes.items():
        for ratio, (width, height) in facts.pixels.items():
            body = {"model": model.id, "prompt": "x", "size": f"{width}x{height}"}
            config = _config("images", Operation.GENERATE, body, None)
            expected = {"aspectRatio": ratio} if model.fixed_size else {"aspectRatio": ratio, "imageSize": size}
            assert config == expected


def _sent(way: str, model: str, ratio: str, size: str) -> dict[str, str] | None:
    dialect, operation, body = WAYS[way](model, ratio, size)
    try:
        return _config(dialect, operation, body, model)
    except CallerError:
        return None


def _config(dialect: str, operation: Operation, body: dict[str, Any], model: str | None) -> dict[str, str]:
    """The imageConfig that goes upstream."""
    asked = Asked(operation, "v1", model, {}, json.dumps(body).encode(), "application/json")
    parsed = DIALECTS[dialect].parse(asked, CATALOG)
    config: dict[str, str] = json.loads(parsed.body)["generationConfig"]["imageConfig"]
    return config
