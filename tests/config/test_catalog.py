"""The packaged models: their names, sizes and exact prices; and what a configuration may change of them."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import parse
from gateway.config.settings import ConfigError
from gateway.core.catalog import Catalog, ListPrice, Model, Named, Price
from gateway.core.money import nanos_of

NB2 = "gemini-3.1-flash-image-preview"
PRO = "gemini-3-pro-image-preview"
NB1 = "gemini-2.5-flash-image"

LANE = {"url": "https://api.apiyi.com", "key": "sk-lane-0"}
GROUP = {"name": "Default", "multiplier": 1, "billing": "pay-as-you-go-priority", "lanes": [LANE]}


def load_catalog(models: dict[str, Any] | None = None) -> Catalog:
    """The catalogue of a configuration whose `models:` section this is."""
    return parse({"groups": [GROUP], "models": models or {}}, {}, Path.cwd()).catalog


CATALOG = load_catalog()


def model(name: str) -> Model:
    named = CATALOG.find(name)
    assert named is not None
    return named.model


def test_three_models_are_packaged() -> None:
    assert [each.id for each in CATALOG.models] == [NB2, PRO, NB1]
    assert [each.title for each in CATALOG.models] == ["Nano Banana 2", "Nano Banana Pro", "Nano Banana"]


@pytest.mark.parametrize(
    ("name", "price"),
    [
        (NB2, Price(55_000_000, Fraction(140), Fraction(16_800))),
        (PRO, Price(90_000_000, None, None)),
        (NB1, Price(20_000_000, None, None)),
    ],
)
def test_prices_are_exact(name: str, price: Price) -> None:
    assert model(name).price == price


@pytest.mark.parametrize(
    ("name", "listed", "picture"),
    [
        (NB2, ListPrice(Fraction(500), Fraction(3000), Fraction(60_000)), "0.0672"),
        (PRO, ListPrice(Fraction(2000), Fraction(12_000), Fraction(120_000)), "0.1344"),
        (NB1, ListPrice(Fraction(300), Fraction(2500), Fraction(30_000)), "0.0387"),
    ],
)
def test_what_the_provider_asks_is_known_and_makes_a_picture_what_its_page_says(
    name: str, listed: ListPrice, picture: str
) -> None:
    assert model(name).list_price == listed
    assert model(name).sizes["1K"].image_tokens * listed.image_token == nanos_of(picture)


def test_a_list_price_may_be_changed_and_left_away() -> None:
    changed = load_catalog({NB2: {"list_price": {"image_per_million": "55"}}, PRO: {"list_price": None}})
    listed = [each.list_price for each in changed.models]
    assert listed[:2] == [ListPrice(Fraction(500), Fraction(3000), Fraction(55_000)), None]


@pytest.mark.parametrize(
    ("name", "sizes", "ratios"),
    [(NB2, ["512", "1K", "2K", "4K"], 14), (PRO, ["1K", "2K", "4K"], 10), (NB1, ["1K"], 10)],
)
def test_every_size_has_every_ratio(name: str, sizes: list[str], ratios: int) -> None:
    assert list(model(name).sizes) == sizes
    assert model(name).default_size == "1K"
    assert len(model(name).ratios) == ratios
    assert all(tuple(size.pixels) == model(name).ratios for size in model(name).sizes.values())


@pytest.mark.parametrize(
    ("name", "size", "ratio", "pixels"),
    [
        (NB2, "512", "1:8", (192, 1536)),
        (NB2, "512", "21:9", (792, 336)),
        (NB2, "4K", "8:1", (12288, 1536)),
        (PRO, "1K", "16:9", (1376, 768)),
        (PRO, "4K", "9:16", (3072, 5504)),
        (NB1, "1K", "16:9", (1344, 768)),
    ],
)
def test_pixels_are_the_providers(name: str, size: str, ratio: str, pixels: tuple[int, int]) -> None:
    assert model(name).sizes[size].pixels[ratio] == pixels


@pytest.mark.parametrize("name", [NB2, PRO])
def test_pixels_have_the_ratio_they_are_listed_under(name: str) -> None:
    for size in model(name).sizes.values():
        for ratio, (width, height) in size.pixels.items():
            across, down = map(int, ratio.split(":"))
            # The provider rounds to multiples of 8 and reads 21:9 as it pleases.
            assert width / height == pytest.approx(across / down, rel=0.03), (size.name, ratio)


@pytest.mark.parametrize("name", [NB2, PRO])
def test_a_size_doubles_the_one_below(name: str) -> None:
    sizes = model(name).sizes
    for ratio, (width, height) in sizes["1K"].pixels.items():
        assert sizes["2K"].pixels[ratio] == (2 * width, 2 * height)
        assert sizes["4K"].pixels[ratio] == (4 * width, 4 * height)


@pytest.mark.parametrize(
    ("name", "image", "ceiling", "thinking"),
    [
        (NB2, [747, 1120, 1680, 2520], [3000, 4000, 6000, 8000], [7000, 8000, 10000, 12000]),
        (PRO, [1120, 1120, 2000], [8000, 8000, 10000], [8000, 8000, 10000]),
        (NB1, [1290], [3000], [3000]),
    ],
)
def test_tokens_by_size(name: str, image: list[int], ceiling: list[int], thinking: list[int]) -> None:
    sizes = model(name).sizes.values()
    assert [each.image_tokens for each in sizes] == image
    assert [each.ceiling_tokens for each in sizes] == ceiling
    assert [each.thinking_ceiling_tokens for each in sizes] == thinking


@pytest.mark.parametrize(("name", "usual_s"), [(NB2, [15, 20, 30, 60]), (PRO, [40, 45, 90]), (NB1, [15])])
def test_usual_times_by_size(name: str, usual_s: list[float]) -> None:
    assert [each.usual_s for each in model(name).sizes.values()] == usual_s


def test_what_each_model_can_do() -> None:
    nb2, pro, nb1 = model(NB2), model(PRO), model(NB1)
    assert (nb2.thinking_levels, nb2.always_thinks) == (("minimal", "high"), False)
    assert (pro.always_thinks, nb1.thinking_levels, nb1.always_thinks) == (True, (), False)
    assert [(each.web_search, each.image_search) for each in (nb2, pro, nb1)] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert [each.references for each in (nb2, pro, nb1)] == [14, 14, 3]
    assert [each.reference_tokens for each in (nb2, pro, nb1)] == [1120, 560, 1290]
    assert [each.input_tokens for each in (nb2, pro, nb1)] == [131072, 65536, 32768]
    assert [each.output_tokens for each in (nb2, pro, nb1)] == [32768] * 3
    assert [each.fixed_size for each in (nb2, pro, nb1)] == [False, False, True]
    assert [each.created for each in (nb2, pro, nb1)] == [
        int(datetime(*day, tzinfo=UTC).timestamp()) for day in ((2026, 2, 26), (2025, 11, 20), (2025, 10, 2))
    ]


def test_every_name_is_in_the_list_and_no_other() -> None:
    sized = {
        NB2: ([NB2, "gemini-3.1-flash-image", "nano-banana-2"], ["512", "1k", "2k", "4k"]),
        PRO: (
            [PRO, "gemini-3-pro-image", "nano-banana-pro", "nano-banana-pro-preview"],
            ["1k", "2k", "4k"],
        ),
        NB1: ([NB1, "gemini-2.5-flash-image-preview", "nano-banana"], []),
    }
    expected = set()
    for names, sizes in sized.values():
        expected |= set(names) | {f"{name}-{size}" for name in names for size in sizes}
    assert set(CATALOG.names) == expected


@pytest.mark.parametrize(
    ("name", "model_id", "size"),
    [
        ("nano-banana-2", NB2, None),
        ("nano-banana-2-512", NB2, "512"),
        ("gemini-3.1-flash-image-preview-4k", NB2, "4K"),
        ("models/gemini-3-pro-image-2k", PRO, "2K"),
        ("nano-banana", NB1, None),
    ],
)
def test_a_name_stands_for_a_model_and_perhaps_a_size(name: str, model_id: str, size: str | None) -> None:
    assert CATALOG.find(name) == Named(name.removeprefix("models/"), model(model_id), size)


@pytest.mark.parametrize(
    "name", ["nano-banana-4k", "gemini-3-pro-image-512", "nano-banana-2-4K", "gemini-3.1", "", "nano-banana-2-8k"]
)
def test_names_are_exact(name: str) -> None:
    assert CATALOG.find(name) is None


# Changes and additions

OURS: dict[str, Any] = {
    "title": "Ours",
    "version": "1",
    "created": "2026-11-01",
    "sizes": {"1K": {"usual_s": 10, "image_tokens": 1120, "ceiling_tokens": 2000, "thinking_ceiling_tokens": 2000}},
    "pixels": {"1:1": {"1K": "1024x1024"}},
    "references": 0,
    "reference_tokens": 0,
    "input_tokens": 1000,
    "output_tokens": 1000,
    "price": {"call": "0.01"},
}


def test_one_price_can_be_changed() -> None:
    found = load_catalog({NB2: {"price": {"call": "0.06"}}}).find(NB2)
    assert found is not None
    assert found.model.price == Price(60_000_000, Fraction(140), Fraction(16_800))
    assert found.model.sizes == model(NB2).sizes


def test_a_price_can_be_taken_away() -> None:
    found = load_catalog({NB2: {"price": {"input_per_million": None, "output_per_million": None}}}).find(NB2)
    assert found is not None
    assert not found.model.price.by_tokens


def test_a_model_can_be_added() -> None:
    catalog = load_catalog({"ours": {**OURS, "also": ["mine"]}})
    assert [each.id for each in catalog.models] == [NB2, PRO, NB1, "ours"]
    named = catalog.find("mine-1k")
    assert named is not None
    assert (named.model.id, named.size, named.model.price) == ("ours", "1K", Price(10_000_000, None, None))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"colour": "red"},
            "models.ours.colour: is not a setting; known here: title, also, version, created, default_size",
        ),
        ({"pricce": {}}, "models.ours.pricce: is not a setting; did you mean price?"),
        ({"price": {}}, "models.ours.price: needs call, or input_per_million and output_per_million"),
        (
            {"price": {"input_per_million": 1}},
            "models.ours.price: input_per_million and output_per_million go together",
        ),
        ({"price": {"call": -1}}, 'models.ours.price.call: must be a plain decimal of USD, such as "0.055"'),
        ({"price": {"call": "1e-3"}}, 'models.ours.price.call: must be a plain decimal of USD, such as "0.055"'),
        ({"price": {"call": True}}, 'models.ours.price.call: must be a plain decimal of USD, such as "0.055"'),
        (
            {"price": {"call": "0.0000000001"}},
            "models.ours.price.call: 0.0000000001 has more than nine decimals; a nano-dollar is the smallest amount",
        ),
        (
            {"price": {"call": 9000001}},
            "models.ours.price.call: 9000001 is above the largest amount the books can hold, 9000000 USD",
        ),
        (
            {"price": {"input_per_million": "0.0001", "output_per_million": "1"}},
            "models.ours.price.input_per_million: must come to whole nano-dollars a token",
        ),
        ({"default_size": "2K"}, "models.ours: default_size is 2K, which is not one of sizes"),
        ({"default_size": "8K"}, "models.ours.default_size: must be '512', '1K', '2K' or '4K'"),
        ({"pixels": {"1:1": {}}}, "models.ours: pixels of 1:1 must be given for each of sizes: 1K"),
        ({"pixels": {"wide": {"1K": "1024x1024"}}}, "models.ours.pixels.wide: must be a ratio, such as 16:9"),
        ({"pixels": {"1:1": {"1K": "1024"}}}, "models.ours.pixels.1:1.1K: must be WIDTHxHEIGHT, such as 1024x1024"),
        ({"pixels": {}}, "models.ours.pixels: must not be empty"),
        ({"created": "long ago"}, "models.ours.created: must be a date like 2026-02-26"),
        ({"version": 3.1}, "models.ours.version: must be text; put it in quotes"),
        ({"references": -1}, "models.ours.references: must be at least 0"),
        ({"also": ["nano-banana"]}, f"models.ours.also: nano-banana is a name of {NB1} already"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_catalog({"ours": {**OURS, **change}})
    assert caught.value.problems[0].startswith(problem)


def test_what_a_model_lacks_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        load_catalog({"ours": {"title": "Ours"}})
    assert "models.ours.price: is missing" in caught.value.problems
