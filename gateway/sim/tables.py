"""What the simulated seller sells: models, pixels, tokens, prices and how long a picture takes.

Copied by hand from the seller's and Google's pages, on purpose not shared with the gateway's
catalogue: a fake that read the same table would agree with its mistakes.
"""

from dataclasses import dataclass
from typing import Literal

# Pixels at 1K. The other sizes are exact multiples: 512 is half of it, 2K twice, 4K four times.
_PIXELS = {
    "1:1": (1024, 1024),
    "1:4": (512, 2048),
    "1:8": (384, 3072),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:1": (2048, 512),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "8:1": (3072, 384),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_PIXELS_PRO = {ratio: pixels for ratio, pixels in _PIXELS.items() if ratio not in ("1:4", "1:8", "4:1", "8:1")}
_PIXELS_NB1 = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
_DOUBLED = {"512": -1, "1K": 0, "2K": 1, "4K": 2}  # how often the 1K side is doubled

# Seconds from request to reply: the fastest and the slowest to be expected.
SECONDS = {"512": (4.0, 7.0), "1K": (5.0, 10.0), "2K": (10.0, 15.0), "4K": (15.0, 25.0)}


@dataclass(frozen=True, slots=True)
class Price:
    """Whole nano-dollars; None: not sold that way."""

    call: int
    input_token: int | None = None
    output_token: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model as it is sold. `extra_tokens` is by how much a reply exceeds its pictures: from, to."""

    id: str
    pixels: dict[str, tuple[int, int]]
    image_tokens: dict[str, int]  # by size
    extra_tokens: tuple[int, int]
    reference_tokens: int
    references: int
    price: Price
    sized: bool = True  # False: naming a size is an error
    thinks: Literal["never", "when asked", "always"] = "when asked"
    slowness: float = 1.0

    def size_of(self, ratio: str, size: str) -> tuple[int, int]:
        """Width and height of a picture, to the pixel."""
        width, height = self.pixels[ratio]
        doubled = _DOUBLED[size]
        return (width << doubled, height << doubled) if doubled >= 0 else (width // 2, height // 2)

    def nearest_ratio(self, width: int, height: int) -> str:
        """The ratio of this model that comes closest to a picture's."""

        def distance(ratio: str) -> float:
            across, down = self.pixels[ratio]
            given, offered = width / height, across / down
            return max(given / offered, offered / given)

        return min(self.pixels, key=distance)


_MODELS = (
    Model(
        id="gemini-3.1-flash-image",
        pixels=_PIXELS,
        image_tokens={"512": 747, "1K": 1120, "2K": 1680, "4K": 2520},
        extra_tokens=(380, 430),
        reference_tokens=1120,
        references=14,
        price=Price(call=55_000_000, input_token=140, output_token=16_800),
    ),
    Model(
        id="gemini-3-pro-image",
        pixels=_PIXELS_PRO,
        image_tokens={"1K": 1120, "2K": 1120, "4K": 2000},
        extra_tokens=(88, 630),
        reference_tokens=560,
        references=14,
        price=Price(call=90_000_000),
        thinks="always",
        slowness=1.5,
    ),
    Model(
        id="gemini-2.5-flash-image",
        pixels=_PIXELS_NB1,
        image_tokens={"1K": 1290},
        extra_tokens=(0, 0),
        reference_tokens=258,
        references=3,
        price=Price(call=20_000_000),
        sized=False,
        thinks="never",
    ),
)
_BY_ID = {name: model for model in _MODELS for name in (model.id, f"{model.id}-preview")}

MODEL_IDS = tuple(_BY_ID)


@dataclass(frozen=True, slots=True)
class Named:
    """What a model id stands for: the model, and the size its suffix asks for."""

    model: Model
    size: str | None


def find(name: str) -> Named | None:
    """The model behind an id, with or without `-preview` and a size suffix; None: not sold."""
    if name in _BY_ID:
        return Named(_BY_ID[name], None)
    stem, _, suffix = name.rpartition("-")
    model, size = _BY_ID.get(stem), suffix.upper()
    if model is None or not model.sized or suffix != suffix.lower() or size not in model.image_tokens:
        return None
    return Named(model, size)
