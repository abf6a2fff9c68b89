"""Pictures as heavy as real ones, with a caption that fits on every shape; and how long they take."""

import io

import pytest
from PIL import Image

from gateway.sim import reply, tables
from gateway.sim.ask import Turn, Wishes, make
from gateway.sim.caption import Caption
from gateway.sim.latency import Usual
from gateway.sim.picture import Drawn, Order, draw
from tests.sim.conftest import NB2, PRO

_MB = 1_000_000
_PROMPT = "A watercolour of a lighthouse at dusk, gulls over the breakers, and far out a ship. " * 3


def _order(size: str, *, ratio: str = "1:1", as_png: bool = True, light: bool = False, call: str = "c") -> Order:
    named = tables.find(NB2)
    assert named is not None
    width, height = named.model.size_of(ratio, size)
    caption = Caption(_PROMPT, NB2, "Default", call)
    return Order(width, height, size, caption, seed=77, as_png=as_png, light=light)


def _image(drawn: Drawn) -> Image.Image:
    return Image.open(io.BytesIO(drawn.data))


@pytest.mark.parametrize(
    ("size", "lightest", "heaviest"), [("512", 0.2, 1), ("1K", 1, 2), ("2K", 3, 6.5), ("4K", 10, 20)]
)
def test_a_png_weighs_what_a_real_one_does_and_a_jpeg_about_a_third(
    size: str, lightest: float, heaviest: float
) -> None:
    png, jpeg = draw(_order(size)), draw(_order(size, as_png=False))
    assert lightest * _MB <= len(png.data) <= heaviest * _MB
    assert len(png.data) / 6 <= len(jpeg.data) <= len(png.data) / 2
    assert (_image(png).format, _image(jpeg).format) == ("PNG", "JPEG")


@pytest.mark.parametrize("size", ["512", "1K", "2K", "4K"])
@pytest.mark.parametrize("as_png", [True, False])
def test_a_light_picture_is_light_and_has_the_same_pixels(size: str, as_png: bool) -> None:
    order = _order(size, ratio="21:9", as_png=as_png, light=True)
    drawn = draw(order)
    assert len(drawn.data) < 0.3 * _MB
    assert _image(drawn).size == (order.width, order.height)


@pytest.mark.parametrize("light", [True, False])
def test_the_same_order_is_the_same_file_and_another_call_another(light: bool) -> None:
    assert draw(_order("512", light=light)) == draw(_order("512", light=light))
    assert draw(_order("512", light=light)) != draw(_order("512", light=light, call="d"))


@pytest.mark.parametrize("size", ["512", "4K"])
@pytest.mark.parametrize("ratio", ["1:1", "1:4", "1:8", "4:1", "8:1", "9:16", "16:9", "21:9"])
@pytest.mark.parametrize("prompt", [_PROMPT, "", "x" * 400, "一只苍鹭"], ids=["long", "none", "one word", "chinese"])
def test_the_caption_fits_on_every_shape(size: str, ratio: str, prompt: str) -> None:
    order = _order(size, ratio=ratio)
    panel = Caption(prompt, NB2, "NanoBananaEnterprise", "c" * 32).layout((order.width, order.height))
    left, top, right, bottom = panel.box
    assert 0 < left < right < order.width
    assert 0 < top < bottom < order.height
    assert panel.lines


@pytest.mark.parametrize(
    ("model", "size", "level", "fastest", "slowest"),
    [
        (NB2, "512", None, 4, 7),
        (NB2, "1K", None, 5, 10),
        (NB2, "2K", None, 10, 15),
        (NB2, "4K", None, 15, 25),
        (NB2, "1K", "high", 8, 16),
        (PRO, "4K", None, 22.5, 37.5),
    ],
)
def test_a_picture_takes_as_long_as_a_real_one(
    model: str, size: str, level: str | None, fastest: float, slowest: float
) -> None:
    named = tables.find(model)
    assert named is not None
    ask = make(named, [Turn("user", ("A heron",), ())], Wishes(size=size, level=level))
    taken = sorted(Usual().seconds(ask, reply.dice(0, nth)) for nth in range(400))
    assert fastest <= taken[0] <= taken[-1] <= slowest
    assert taken[200] < (fastest + slowest) / 2  # most are near the fast end
