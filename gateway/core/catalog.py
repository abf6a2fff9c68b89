"""Which models exist, under which names, and what each can be asked for.

Holds what the catalogue says of a model: sizes, ratios, pixels, limits, prices. It is filled by
the configuration and never changes afterwards. It knows nothing of groups, keys or wire formats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs at multiplier 1; None where it is not sold that way.

    `call` is in nano-dollars, `input_token` and `output_token` in nano-dollars a token.
    """

    call: int | None
    input_token: Fraction | None
    output_token: Fraction | None

    @property
    def by_tokens(self) -> bool:
        return self.input_token is not None and self.output_token is not None


@dataclass(frozen=True, slots=True)
class ListPrice:
    """What the provider itself asks for a model, in nano-dollars a token: `text_token` is one of thoughts too."""

    input_token: Fraction
    text_token: Fraction
    image_token: Fraction


@dataclass(frozen=True, slots=True)
class SizeFacts:
    """One size of a model: its name on the wire, pixels by ratio, and tokens.

    `image_tokens` is what one picture of this size counts as; `usual_tokens` what an answer with it
    does, text and drafts included; `ceiling_tokens` is the most output a hold is made for. Within `usual_s`
    seconds 99 of 100 good answers have come; thinking adds ten seconds.
    """

    name: str
    pixels: Mapping[str, tuple[int, int]]
    usual_s: float
    image_tokens: int
    usual_tokens: int
    ceiling_tokens: int
    thinking_ceiling_tokens: int


@dataclass(frozen=True, slots=True)
class Model:
    """A catalogue entry. `fixed_size` models take no size from the caller and draw their only one.

    `list_price` None: it is not known.
    """

    id: str
    title: str
    version: str
    created: int
    sizes: Mapping[str, SizeFacts]
    default_size: str
    fixed_size: bool
    thinking_levels: tuple[str, ...]
    always_thinks: bool
    web_search: bool
    image_search: bool
    references: int
    reference_tokens: int
    input_tokens: int
    output_tokens: int
    price: Price
    list_price: ListPrice | None = None

    @property
    def ratios(self) -> tuple[str, ...]:
        return tuple(self.sizes[self.default_size].pixels)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for: a model, and the size that the name itself asks for, if any."""

    name: str
    model: Model
    size: str | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models by every name a caller may use. Names are exact: no prefixes, no guessing."""

    models: tuple[Model, ...]
    names: Mapping[str, Named]

    def find(self, name: str) -> Named | None:
        """What `name` stands for; a leading "models/" is accepted, as the Gemini SDKs send it."""
        return self.names.get(name.removeprefix("models/"))
