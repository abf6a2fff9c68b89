from dataclasses import replace
from fractions import Fraction

import pytest

from gateway.core.catalog import ListPrice, Price
from gateway.core.groups import Billing, Lane
from gateway.core.prices import Basis, basis, expected, list_nanos, price_of, quote, saved
from gateway.core.usage import Usage
from tests.facts import DEFAULT, ENTERPRISE, FLASH, OLD, PRO, ask, lane, model

USAGE = Usage(prompt=21, candidates=1548, thoughts=130, total=1699)

BOTH = Price(55_000_000, Fraction(140), Fraction(16_800))
CALL_ONLY = Price(90_000_000, None, None)

BASES = [
    (BOTH, Billing.PAY_AS_YOU_GO, Basis.TOKENS),
    (BOTH, Billing.PAY_AS_YOU_GO_PRIORITY, Basis.TOKENS),
    (BOTH, Billing.PAY_PER_REQUEST, Basis.CALL),
    (BOTH, Billing.PAY_PER_REQUEST_PRIORITY, Basis.CALL),
    (CALL_ONLY, Billing.PAY_AS_YOU_GO, None),
    (CALL_ONLY, Billing.PAY_AS_YOU_GO_PRIORITY, Basis.CALL),
    (CALL_ONLY, Billing.PAY_PER_REQUEST, Basis.CALL),
]


@pytest.mark.parametrize(("price", "billing", "expected"), BASES)
def test_the_billing_mode_of_the_key_decides_what_is_charged_by(
    price: Price, billing: Billing, expected: Basis | None
) -> None:
    assert basis(price, billing) is expected


def test_tokens_are_priced_exactly_at_the_multiplier_of_the_group() -> None:
    at_default = price_of(ask(), lane(DEFAULT), USAGE)
    at_enterprise = price_of(ask(), lane(ENTERPRISE), USAGE)
    assert at_default.nanos == 21 * 140 + 1678 * 16_800
    assert at_enterprise.nanos == 21 * 196 + 1678 * 23_520


def test_a_price_per_call_is_flat_over_sizes() -> None:
    by_call = lane(ENTERPRISE, billing=Billing.PAY_PER_REQUEST)
    assert {price_of(ask(size=size), by_call, USAGE).nanos for size in FLASH.sizes} == {77_000_000}


def test_a_reply_without_usage_is_charged_by_the_call_and_marked() -> None:
    owed = price_of(ask(), lane(), None)
    assert (owed.nanos, owed.basis) == (55_000_000, Basis.ESTIMATE)


def test_a_model_that_a_key_does_not_sell_has_no_quote() -> None:
    assert quote(ask(PRO), lane(billing=Billing.PAY_AS_YOU_GO)) is None


@pytest.mark.parametrize("each", [FLASH, PRO, OLD, model("thinker", thinks=True)])
@pytest.mark.parametrize("billing", [Billing.PAY_AS_YOU_GO_PRIORITY, Billing.PAY_PER_REQUEST])
def test_a_quote_is_never_below_what_a_usual_reply_costs(each: object, billing: Billing) -> None:
    asked = ask(each)  # type: ignore[arg-type]
    for group in (DEFAULT, ENTERPRISE):
        on = lane(group, billing=billing)
        quoted = quote(asked, on)
        assert quoted is not None
        assert quoted >= price_of(asked, on, USAGE).nanos
        assert quoted >= price_of(asked, on, None).nanos


BY_CALL = lane(DEFAULT, "by-call", Billing.PAY_PER_REQUEST)
BY_TOKEN = lane(DEFAULT, "by-token")


def test_what_a_call_will_cost_follows_from_the_tokens_its_answer_takes_or_does_not() -> None:
    assert expected(ask(size="1K"), BY_TOKEN, 2000) == 100 * 140 + 2000 * 16_800
    assert expected(ask(size="4K"), lane(ENTERPRISE, billing=Billing.PAY_PER_REQUEST), 3800) == 77_000_000
    assert expected(ask(PRO), lane(billing=Billing.PAY_AS_YOU_GO), 2000) is None


SAVED = [
    (BY_TOKEN, (BY_TOKEN, BY_CALL), USAGE, 55_000_000 - (21 * 140 + 1678 * 16_800)),
    (BY_CALL, (BY_TOKEN, BY_CALL), USAGE, (21 * 140 + 1678 * 16_800) - 55_000_000),
    (BY_TOKEN, (BY_TOKEN,), USAGE, 0),
    (BY_TOKEN, (BY_TOKEN, lane(ENTERPRISE, billing=Billing.PAY_PER_REQUEST)), USAGE, 0),
    (BY_TOKEN, (BY_TOKEN, BY_CALL), None, 0),
]


@pytest.mark.parametrize(("used", "lanes", "usage", "nanos"), SAVED)
def test_what_is_saved_is_the_difference_to_the_other_kind_of_lane_in_the_group(
    used: Lane, lanes: tuple[Lane, ...], usage: Usage | None, nanos: int
) -> None:
    assert saved(ask(), used, usage, lanes) == nanos


LISTED = replace(FLASH, list_price=ListPrice(Fraction(500), Fraction(3000), Fraction(60_000)))

LISTS: list[tuple[str, Usage | None, int, int | None]] = [
    ("as it is reported", replace(USAGE, output_images=1120), 1, 21 * 500 + 558 * 3000 + 1120 * 60_000),
    ("the picture is not told apart", USAGE, 1, 21 * 500 + 558 * 3000 + 1120 * 60_000),
    ("two of them, and less than that", USAGE, 2, 21 * 500 + 1678 * 60_000),
    ("a refusal", Usage(prompt=21, thoughts=130, total=151), 0, 21 * 500 + 130 * 3000),
    ("nothing is reported", None, 1, 1120 * 60_000),
    ("nothing is reported of nothing", None, 0, None),
]


@pytest.mark.parametrize(("about", "usage", "pictures", "nanos"), LISTS)
def test_the_list_price_is_that_of_pictures_and_of_text(
    about: str, usage: Usage | None, pictures: int, nanos: int | None
) -> None:
    assert list_nanos(ask(LISTED), usage, pictures) == nanos, about
    assert list_nanos(ask(FLASH), usage, pictures) is None, "the catalogue does not tell"
