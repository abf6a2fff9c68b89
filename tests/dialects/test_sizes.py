from typing import Any

import pytest

from gateway.core.errors import BadRequest
from gateway.dialects.sizes import Form, form_of
from tests.facts import FLASH, OLD, PRO, model

FORMS: list[tuple[dict[str, Any], Form]] = [
    ({}, Form(None, None)),
    ({"size": "auto"}, Form(None, None)),
    ({"size": "1024x1024"}, Form("1:1", "1K")),
    ({"size": "512x512"}, Form("1:1", "512")),
    ({"size": "256x256"}, Form("1:1", "512")),
    ({"size": "1024x1536"}, Form("2:3", "1K")),
    ({"size": "1792x1024"}, Form("16:9", "1K")),
    ({"size": "1920x1080"}, Form("16:9", "1K")),
    ({"size": "2560x1440"}, Form("16:9", "2K")),
    ({"size": "3840x2160"}, Form("16:9", "4K")),
    ({"size": "4096x4096"}, Form("1:1", "4K")),
    ({"size": "16:9"}, Form("16:9", None)),
    ({"size": "16x9"}, Form("16:9", None)),
    ({"size": "2k"}, Form(None, "2K")),
    ({"size": "0.5K"}, Form(None, "512")),
    ({"size": "16:9@2K"}, Form("16:9", "2K")),
    ({"size": "2K 16:9"}, Form("16:9", "2K")),
    ({"quality": "low"}, Form(None, "1K")),
    ({"quality": "hd"}, Form(None, "2K")),
    ({"quality": "auto"}, Form(None, None)),
    ({"aspect_ratio": "21:9", "image_size": "4K"}, Form("21:9", "4K")),
    ({"imageConfig": {"aspectRatio": "21:9"}, "aspect_ratio": "1:1"}, Form("21:9", None)),
    ({"extra_body": {"google": {"imageConfig": {"imageSize": "4k"}}}, "quality": "low"}, Form(None, "4K")),
]


@pytest.mark.parametrize(("asked", "form"), FORMS, ids=lambda value: str(value))
def test_every_way_of_asking_for_a_form_is_understood(asked: dict[str, Any], form: Form) -> None:
    assert form_of(asked, FLASH, None) == form


def test_a_size_a_model_lacks_falls_back_to_its_usual_one_for_pixels() -> None:
    small = model("no-512")
    lacks = {name: facts for name, facts in small.sizes.items() if name != "512"}
    object.__setattr__(small, "sizes", lacks)
    assert form_of({"size": "256x256"}, small, None) == Form("1:1", "1K")


def test_a_model_of_one_size_is_asked_for_none() -> None:
    assert form_of({"size": "1024x1024", "quality": "high"}, OLD, None) == Form("1:1", None)


def test_the_name_gives_a_size_only_where_nothing_else_does() -> None:
    assert form_of({}, FLASH, "4K").size == "4K"
    assert form_of({"size": "1K"}, FLASH, "4K").size == "1K"


@pytest.mark.parametrize(
    "asked",
    [{"size": "large"}, {"size": "0x0"}, {"size": "7:3"}, {"quality": "best"}, {"image_size": "3K"}, {"size": []}],
)
def test_what_is_no_form_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        form_of(asked, PRO, None)
