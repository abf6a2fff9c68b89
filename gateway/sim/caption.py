"""The words on a picture: the prompt, the model and its pixels, the group, the call.

Laid out before the landscape is painted, because what lies under them is frosted; written last, at
full size, so that they stay sharp. The group has a colour of its own: in a row of pictures one sees
at a glance where the traffic went.
"""

import hashlib
import math
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw, ImageFont

Box = tuple[int, int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_BADGES = ((126, 134, 240), (232, 92, 120), (120, 184, 82), (64, 186, 172), (72, 160, 230), (246, 168, 66))
_PALE = (244, 244, 248)
_DIM = (186, 190, 204)
# Pillow's built-in font has hardly more than ASCII; what it lacks would be drawn as empty boxes.
_UNWRITABLE = re.compile(r"[^\x20-\x7e\u2026]+")
_SPELLED = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})
_MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture says about itself."""

    prompt: str
    model: str
    group: str
    call: str

    def layout(self, size: tuple[int, int]) -> "Panel":
        """Where everything goes on a picture of this size."""
        width, height = size
        unit = min(math.sqrt(width * height) / 26, width / 11, height / 9)
        margin = unit * 0.9
        inside = min(width - 4 * margin, unit * 22)
        lines = _wrapped(_writable(self.prompt) or "(no words)", font(round(unit)), inside)
        room = int((height - 2 * margin - unit * 5.2) / (unit * 1.3))
        lines = _shortened(lines, max(1, min(_MOST_LINES, room)))
        facts = _facts(self, size, inside, round(unit * 0.62))
        tall = unit * (1.3 * len(lines) + 0.95 * len(facts) + 2.9)
        box = (margin, height - margin - tall, margin * 3 + inside, height - margin)
        left, top, right, bottom = (round(edge) for edge in box)
        return Panel((left, top, right, bottom), unit, self.group, tuple(lines), tuple(facts))


@dataclass(frozen=True, slots=True)
class Panel:
    """A caption in its place."""

    box: Box
    unit: float
    group: str
    lines: tuple[str, ...]
    facts: tuple[str, ...]

    def write(self, brush: ImageDraw.ImageDraw) -> None:
        unit = self.unit
        x, y = self.box[0] + unit * 0.9, self.box[1] + unit * 0.75
        y += self._badge(brush, x, y) + unit * 0.45
        for line in self.lines:
            brush.text((x, y), line, font=font(round(unit)), fill=_PALE)
            y += unit * 1.3
        y += unit * 0.2
        for fact in self.facts:
            brush.text((x, y), fact, font=font(round(unit * 0.62)), fill=_DIM)
            y += unit * 0.95

    def _badge(self, brush: ImageDraw.ImageDraw, x: float, y: float) -> float:
        """The group's name in its colour; how tall it is."""
        small = font(round(self.unit * 0.6))
        wide, tall = brush.textlength(self.group, font=small), self.unit
        colour = _BADGES[hashlib.sha256(self.group.encode()).digest()[0] % len(_BADGES)]
        brush.rounded_rectangle((x, y, x + wide + tall, y + tall), tall / 2, fill=colour)
        brush.text((x + tall / 2, y + tall / 2), self.group, font=small, fill=(16, 18, 28), anchor="lm")
        return tall


@lru_cache(maxsize=64)
def font(pixels: int) -> _Font:
    """Pillow's built-in font at this size."""
    return ImageFont.load_default(max(8, pixels))


def _facts(caption: Caption, size: tuple[int, int], inside: float, pixels: int) -> list[str]:
    facts = (f"{caption.model}, {size[0]} x {size[1]}", f"call {caption.call}")
    return [line for fact in facts for line in _wrapped(_writable(fact), font(pixels), inside)]


def _writable(text: str) -> str:
    """The text without accents; letters of other scripts become dots."""
    letters = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return " ".join(_UNWRITABLE.sub(" … ", plain.replace("\n", " ")).split())


def _wrapped(text: str, written: _Font, inside: float) -> list[str]:
    """The text in lines no wider than this; a word that is too long is broken."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if written.getlength(longer) <= inside:
            lines[-1] = longer
            continue
        *full, rest = _broken(word, written, inside)
        lines += [*full, rest]
    return [line for line in lines if line]


def _broken(word: str, written: _Font, inside: float) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and written.getlength(pieces[-1] + letter) > inside:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _shortened(lines: list[str], most: int) -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], lines[most - 1][:-1].rstrip(" .,") + "…"]
