"""The catalogue: packaged models with the user's additions and changes, made into core's nouns.

What a model is, in YAML, is decided here; what its figures are is in `catalog.yaml`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator
from ruamel.yaml import YAML

from gateway.config.draft import Draft
from gateway.config.rules import null_of, pixels_of, ratio_of, token_price_of, usd_of
from gateway.config.sections import Section
from gateway.core.catalog import Catalog, ListPrice, Model, Named, Price, SizeFacts

# The sizes that the wire has words for.
SizeName = Literal["512", "1K", "2K", "4K"]
Level = Literal["minimal", "low", "medium", "high"]

Count = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(gt=0, le=10_000_000)]
Pixels = Annotated[tuple[int, int], PlainValidator(pixels_of)]
Ratio = Annotated[str, AfterValidator(ratio_of)]
CallPrice = Annotated[Annotated[int, PlainValidator(usd_of)] | None, BeforeValidator(null_of)]
ListedPrice = Annotated[Fraction, PlainValidator(token_price_of)]
TokenPrice = Annotated[Annotated[Fraction, PlainValidator(token_price_of)] | None, BeforeValidator(null_of)]


class PriceSection(Section):
    """USD at multiplier 1."""

    call: CallPrice = None
    input_per_million: TokenPrice = None
    output_per_million: TokenPrice = None

    @model_validator(mode="after")
    def _sold_somehow(self) -> Self:
        if (self.input_per_million is None) is not (self.output_per_million is None):
            raise ValueError("input_per_million and output_per_million go together")
        if self.call is None and self.input_per_million is None:
            raise ValueError("needs call, or input_per_million and output_per_million")
        return self


class ListPriceSection(Section):
    """USD, as the provider's own list has it."""

    input_per_million: ListedPrice
    text_per_million: ListedPrice
    image_per_million: ListedPrice


class SizeSection(Section):
    usual_s: float = Field(gt=0, le=3600)
    image_tokens: Tokens
    usual_tokens: Annotated[Tokens | None, BeforeValidator(null_of)] = None
    ceiling_tokens: Tokens
    thinking_ceiling_tokens: Tokens


class ModelSection(Section):
    title: str
    also: list[str] = Field(default_factory=list)
    version: str
    created: date
    default_size: SizeName = "1K"
    fixed_size: bool = False
    sizes: dict[SizeName, SizeSection] = Field(min_length=1)
    pixels: dict[Ratio, dict[str, Pixels]] = Field(min_length=1)
    thinking_levels: list[Level] = Field(default_factory=list)
    always_thinks: bool = False
    web_search: bool = False
    image_search: bool = False
    references: Count
    reference_tokens: Count
    input_tokens: Tokens
    output_tokens: Tokens
    price: PriceSection
    list_price: Annotated[ListPriceSection | None, BeforeValidator(null_of)] = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.default_size not in self.sizes:
            raise ValueError(f"default_size is {self.default_size}, which is not one of sizes")
        if self.fixed_size and len(self.sizes) > 1:
            raise ValueError("fixed_size is for a model with one size")
        for ratio, pixels in self.pixels.items():
            if set(pixels) != set(self.sizes):
                raise ValueError(f"pixels of {ratio} must be given for each of sizes: {', '.join(self.sizes)}")
        return self


def add_packaged(models: Draft) -> None:
    """Puts the packaged models under what the user says of them."""
    given = models.values.get("models")
    if given is None or isinstance(given, dict):
        models.values["models"] = _merged(_packaged(), given or {})


@cache
def _packaged() -> Mapping[str, Any]:
    text = files("gateway.config").joinpath("catalog.yaml").read_text("utf-8")
    models: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)["models"]
    return models


def catalog(sections: Mapping[str, ModelSection], notes: Draft) -> Catalog:
    """The models by all their names; a name that two of them claim is noted as a problem."""
    names: dict[str, Named] = {}
    made = []
    for model_id, section in sections.items():
        model = _model(model_id, section)
        made.append(model)
        for named in _names(model, section.also):
            owner = names.setdefault(named.name, named)
            if owner is not named:
                notes.wrong(("models", model_id, "also"), f"{named.name} is a name of {owner.model.id} already")
    return Catalog(tuple(made), MappingProxyType(names))


def _names(model: Model, also: list[str]) -> Iterator[Named]:
    """Every name, and every name with a size: chat programs can choose a model but not a size."""
    for name in (model.id, *also):
        yield Named(name, model, None)
        if not model.fixed_size:
            for size in model.sizes:
                yield Named(f"{name}-{size.lower()}", model, size)


def _model(model_id: str, section: ModelSection) -> Model:
    sizes: dict[str, SizeFacts] = {name: _size(name, facts, section) for name, facts in section.sizes.items()}
    made_at = datetime(section.created.year, section.created.month, section.created.day, tzinfo=UTC)
    return Model(
        id=model_id,
        title=section.title,
        version=section.version,
        created=int(made_at.timestamp()),
        sizes=MappingProxyType(sizes),
        default_size=section.default_size,
        fixed_size=section.fixed_size,
        thinking_levels=tuple(section.thinking_levels),
        always_thinks=section.always_thinks,
        web_search=section.web_search,
        image_search=section.image_search,
        references=section.references,
        reference_tokens=section.reference_tokens,
        input_tokens=section.input_tokens,
        output_tokens=section.output_tokens,
        price=Price(section.price.call, section.price.input_per_million, section.price.output_per_million),
        list_price=_list_price(section.list_price),
    )


def _list_price(section: ListPriceSection | None) -> ListPrice | None:
    if section is None:
        return None
    return ListPrice(section.input_per_million, section.text_per_million, section.image_per_million)


def _size(name: str, facts: SizeSection, section: ModelSection) -> SizeFacts:
    return SizeFacts(
        name=name,
        pixels=MappingProxyType({ratio: pixels[name] for ratio, pixels in section.pixels.items()}),
        usual_s=facts.usual_s,
        image_tokens=facts.image_tokens,
        usual_tokens=facts.usual_tokens or facts.ceiling_tokens // 2,
        ceiling_tokens=facts.ceiling_tokens,
        thinking_ceiling_tokens=facts.thinking_ceiling_tokens,
    )


def _merged(base: Any, over: Any) -> Any:
    """Sections are merged name by name; anything else is replaced whole."""
    if not isinstance(base, Mapping) or not isinstance(over, dict):
        return over
    both = {name: _merged(base[name], over[name]) if name in base else over[name] for name in over}
    return {**base, **both}
