"""Whether what was drawn is what was asked for.

Providers answer with status 200 and a smaller or a square picture more often than with an error, and
bill it in full. Only the picture's own head tells.
"""

import math
from enum import StrEnum

from gateway.core.call import Ask

# The provider's pixels differ from the exact ratio by up to 2 % (1264x848 for 3:2).
SHAPE_MARGIN = 0.04
AREA_MARGIN = 0.8


class Shortfall(StrEnum):
    SMALLER = "smaller"
    OTHER_SHAPE = "other_shape"


def shortfall(ask: Ask, pixels: tuple[int, int] | None) -> Shortfall | None:
    """How a picture of these pixels falls short of what was asked; None: it does not, or its head did not tell."""
    if pixels is None or 0 in pixels:
        return None
    offered = ask.size_facts.pixels
    asked = offered.get(ask.ratio) if ask.ratio else None
    wanted = asked or next(iter(offered.values()))
    if pixels[0] * pixels[1] < AREA_MARGIN * wanted[0] * wanted[1]:
        return Shortfall.SMALLER
    if asked and abs(math.log(pixels[0] / pixels[1]) - math.log(wanted[0] / wanted[1])) > SHAPE_MARGIN:
        return Shortfall.OTHER_SHAPE
    return None
