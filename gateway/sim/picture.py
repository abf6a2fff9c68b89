"""The pictures: real PNG or JPEG files of exactly the pixels that were asked for.

A picture is a landscape that follows from its prompt, with a caption that says what was asked, of
whom and as which call: whoever looks at one sees at once which group drew it. Grain makes the files
as heavy as real ones. `light` pictures are flat, for test suites that look at pixels only.
"""

import io
import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, PngImagePlugin

from gateway.sim import scenery
from gateway.sim.caption import Caption

# Of the grain: how far it goes up and down, by size. Tuned until the files weigh what real ones do.
_GRAIN = {"512": 3, "1K": 3, "2K": 2, "4K": 2}
_TILE = (2048, 512)
_SOFTWARE = "nano-banana-gateway simulator"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be drawn, in full. The same order is the same file."""

    width: int
    height: int
    size: str
    caption: Caption
    seed: int  # chooses the landscape
    as_png: bool
    light: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished picture file."""

    media_type: str
    data: bytes


def draw(order: Order) -> Drawn:
    """The file for an order: pure work for the processor, up to a second of it for 4K."""
    mark = f"{order.caption.call} {order.caption.group} {order.seed:x}"
    image = _flat(order) if order.light else _full(order)
    return _as_png(image, mark) if order.as_png else _as_jpeg(image, mark, order)


def _flat(order: Order) -> Image.Image:
    """One tone: a palette of two colours at one bit a pixel, or grey, are the quickest to pack."""
    if not order.as_png:
        return Image.new("L", (order.width, order.height), 40 + order.seed % 160)
    image = Image.new("P", (order.width, order.height), 0)
    image.putpalette([*order.seed.to_bytes(32, "big")[:3], 0, 0, 0])
    return image


def _full(order: Order) -> Image.Image:
    dice = random.Random(order.seed)  # noqa: S311  a landscape, not a secret
    size = (order.width, order.height)
    panel = order.caption.layout(size)
    image = scenery.paint(size, panel.box, dice)
    grain = _grain(_GRAIN[order.size])
    reach = _GRAIN[order.size]
    image = ImageChops.add(image, _tiled(grain, size, dice), scale=1, offset=-reach)
    panel.write(ImageDraw.Draw(image))
    return image


@lru_cache(maxsize=4)
def _grain(reach: int) -> Image.Image:
    """A tile of noise from 0 to twice the reach, each channel for itself."""
    noise = random.Random(reach).randbytes(_TILE[0] * _TILE[1] * 3)  # noqa: S311  grain, not a secret
    step = [level * (2 * reach + 1) // 256 for level in range(256)]
    return Image.frombytes("RGB", _TILE, noise).point(step * 3)


def _tiled(tile: Image.Image, size: tuple[int, int], dice: random.Random) -> Image.Image:
    across, down = map(dice.randrange, _TILE)
    sheet = Image.new("RGB", size)
    for left in range(-across, size[0], _TILE[0]):
        for top in range(-down, size[1], _TILE[1]):
            sheet.paste(tile, (left, top))
    return sheet


def _as_png(image: Image.Image, mark: str) -> Drawn:
    words = PngImagePlugin.PngInfo()
    words.add_text("Software", _SOFTWARE)
    words.add_text("Comment", mark)
    out = io.BytesIO()
    bits = {"bits": 1} if image.mode == "P" else {}
    image.save(out, "PNG", compress_level=1, pnginfo=words, **bits)
    return Drawn("image/png", out.getvalue())


def _as_jpeg(image: Image.Image, mark: str, order: Order) -> Drawn:
    out = io.BytesIO()
    fine = {"quality": 30} if order.light else {"quality": 97, "subsampling": 0}
    image.save(out, "JPEG", **fine, comment=f"{_SOFTWARE} {mark}".encode())
    return Drawn("image/jpeg", out.getvalue())
