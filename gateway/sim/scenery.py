"""A landscape from a throw of dice: sky, a sun or moon, hills behind hills, and water or not.

Painted a little larger than asked, at most about three megapixels, and then brought to size: edges are
smooth, and a picture of sixteen megapixels takes hardly longer than a small one.
"""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

_LARGEST_SIDE = 1700  # the square root of the canvas's area, at most
_LARGER = 1.25


@dataclass(frozen=True, slots=True)
class _Palette:
    """Colours from the top of the sky to the nearest hill."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    orb: Colour
    far: Colour
    near: Colour
    stars: bool = False


_PALETTES = (
    _Palette((44, 62, 116), (222, 122, 118), (255, 205, 142), (255, 240, 206), (196, 120, 128), (38, 26, 58)),
    _Palette((92, 164, 214), (164, 212, 232), (246, 236, 208), (255, 250, 232), (136, 178, 186), (24, 62, 66)),
    _Palette((10, 14, 40), (30, 44, 96), (92, 112, 168), (238, 240, 250), (56, 72, 124), (8, 10, 26), stars=True),
    _Palette((58, 28, 84), (176, 66, 122), (252, 158, 116), (255, 226, 178), (150, 70, 120), (30, 14, 48)),
    _Palette((118, 172, 168), (206, 220, 190), (250, 226, 176), (255, 246, 220), (168, 178, 138), (54, 70, 40)),
    _Palette((8, 30, 50), (16, 88, 104), (104, 188, 164), (224, 252, 240), (36, 96, 104), (4, 20, 30), stars=True),
)


def paint(size: tuple[int, int], panel: Box, dice: random.Random) -> Image.Image:
    """The landscape at this size; under the panel it is frosted, so that words can be read on it."""
    factor = min(_LARGER, _LARGEST_SIDE / math.sqrt(size[0] * size[1]))
    canvas = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
    palette = dice.choice(_PALETTES)
    image = _sky(canvas, palette)
    _light(image, palette, dice)
    _hills(image, palette, dice)
    left, top, right, bottom = (round(edge * factor) for edge in panel)
    _frost(image, (left, top, right, bottom))
    return image.resize(size, Image.Resampling.BILINEAR if factor > 1 else Image.Resampling.BICUBIC)


def _sky(canvas: tuple[int, int], palette: _Palette) -> Image.Image:
    """A strip one pixel wide, stretched: three colours down to the horizon and on below it."""
    height = 256
    strip = Image.new("RGB", (1, height))
    for row in range(height):
        depth = min(1.0, row / (height * 0.72))
        upper, lower = (palette.zenith, palette.middle) if depth < 0.55 else (palette.middle, palette.horizon)
        share = depth / 0.55 if depth < 0.55 else (depth - 0.55) / 0.45
        strip.putpixel((0, row), _between(upper, lower, share))
    return strip.resize((1, canvas[1]), Image.Resampling.BICUBIC).resize(canvas, Image.Resampling.NEAREST)


def _light(image: Image.Image, palette: _Palette, dice: random.Random) -> None:
    """Stars, and the sun or moon in a glow."""
    width, height = image.size
    brush = ImageDraw.Draw(image)
    if palette.stars:
        for _ in range(240):
            x, y, reach = dice.uniform(0, width), dice.uniform(0, height * 0.55), dice.choice((1, 1, 1.6, 2.2))
            tone = _between(palette.middle, (255, 255, 255), dice.uniform(0.35, 1.0))
            brush.ellipse((x - reach, y - reach, x + reach, y + reach), fill=tone)
    radius = min(width, height) * dice.uniform(0.07, 0.11)
    x, y = width * dice.uniform(0.22, 0.78), height * dice.uniform(0.24, 0.44)
    reach = round(radius * 6)
    glow = Image.radial_gradient("L").point([_glow(level) for level in range(256)])
    glow = glow.resize((2 * reach, 2 * reach), Image.Resampling.BILINEAR)
    image.paste(Image.new("RGB", glow.size, palette.orb), (round(x) - reach, round(y) - reach), glow)
    brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=palette.orb)


def _glow(level: int) -> int:
    """How strong the glow is; 0 is its centre, and what `radial_gradient` puts at the rim is 180."""
    return round(150 * max(0.0, 1 - level / 180) ** 2)


def _hills(image: Image.Image, palette: _Palette, dice: random.Random) -> None:
    """Ridges from the haze at the horizon to the dark foreground, each a sum of three waves."""
    width, height = image.size
    brush = ImageDraw.Draw(image)
    ridges = 5
    for ridge in range(ridges):
        nearness = ridge / (ridges - 1)
        base = height * (0.50 + 0.34 * nearness)
        swing = min(width, height) * (0.055 + 0.03 * nearness)
        waves = [(dice.uniform(0.6, 1.4) * pitch, dice.uniform(0, math.tau), 1 / pitch) for pitch in (1, 2.3, 5.1)]
        step = max(2, width // 400)
        crest = [(x, base - swing * _wave(waves, x / min(width, height))) for x in range(0, width + step, step)]
        tone = _between(palette.far, palette.near, nearness**0.8)
        brush.polygon([(0, height), *crest, (width, height)], fill=tone)


def _wave(waves: list[tuple[float, float, float]], at: float) -> float:
    return sum(share * math.sin(pitch * at * math.tau + phase) for pitch, phase, share in waves)


def _frost(image: Image.Image, box: Box) -> None:
    """Blurs and darkens what lies under the panel, round at the corners."""
    under = image.crop(box).filter(ImageFilter.BoxBlur(18))
    under = Image.blend(under, Image.new("RGB", under.size, (12, 14, 24)), 0.62)
    mask = Image.new("L", under.size, 0)
    radius = min(under.size) // 8
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, under.width - 1, under.height - 1), radius, fill=255)
    image.paste(under, box[:2], mask)


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
