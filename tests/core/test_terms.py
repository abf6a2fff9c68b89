from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from gateway.core.errors import BadRequest
from gateway.core.keys import Limits, Mode, Show
from gateway.core.terms import LONGEST_S, Offer, Terms, changed, limits_of, tightened
from tests.facts import DEFAULT, ENTERPRISE, catalog

OFFER = Offer(catalog(), (DEFAULT, ENTERPRISE))
NOW = 1000.0

MEANT: list[tuple[dict[str, Any], Limits]] = [
    ({}, Limits()),
    ({"budget_usd": "0.5"}, Limits(budget_nanos=500_000_000)),
    ({"budget_usd": Decimal(0)}, Limits(budget_nanos=0)),
    ({"max_multiplier": "1.4"}, Limits(max_multiplier=Fraction(7, 5))),
    ({"models": ["flash-4k", "models/pro"]}, Limits(models=frozenset({"flash", "pro"}))),
    ({"models": []}, Limits(models=frozenset())),
    ({"groups": ["Default"]}, Limits(groups=frozenset({"Default"}))),
    ({"expires_in_s": 60}, Limits(expires_at=1060.0)),
    ({"chat_pictures": "both"}, Limits(chat_pictures=Show.BOTH)),
    ({"failover": "hang-only"}, Limits(failover=Mode.HANG_ONLY)),
]


@pytest.mark.parametrize(("words", "limits"), MEANT)
def test_terms_mean_these_limits(words: dict[str, Any], limits: Limits) -> None:
    assert limits_of(Terms(**words), OFFER, NOW) == limits


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"budget_usd": "-1"}, "budget_usd", "negative"),
    ({"budget_usd": "ten"}, "budget_usd", "write it like 0.055"),
    ({"max_multiplier": "0"}, "max_multiplier", "above 0"),
    ({"max_multiplier": "1e9"}, "max_multiplier", "at most 1000"),
    ({"max_multiplier": "dear"}, "max_multiplier", "write it like 1.4"),
    ({"models": ["gpt-image-1"]}, "models", "known: flash, pro, old"),
    ({"groups": ["Nobody"]}, "groups", "known: Default, NanoBananaEnterprise"),
    ({"chat_pictures": "html"}, "chat_pictures", "images, markdown, both"),
    ({"failover": "on"}, "failover", "auto, hang-only, off"),
    ({"expires_in_s": 0}, "expires_in_s", "above 0"),
    ({"expires_in_s": LONGEST_S + 1}, "expires_in_s", "at most"),
]


@pytest.mark.parametrize(("words", "param", "says"), WRONG)
def test_what_no_limit_can_come_of_is_refused_by_its_field(words: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        limits_of(Terms(**words), OFFER, NOW)
    assert caught.value.param == param


def test_only_the_named_fields_change() -> None:
    old = Limits(budget_nanos=1, max_multiplier=Fraction(1), groups=frozenset({"Default"}), expires_at=5.0)
    new = Limits(budget_nanos=2)
    assert changed(old, new, {"budget_usd"}) == Limits(2, Fraction(1), None, frozenset({"Default"}), 5.0)
    assert changed(old, new, {"groups", "expires_in_s"}) == Limits(1, Fraction(1), None, None, None)
    assert changed(old, Limits(chat_pictures=Show.BOTH), {"chat_pictures"}).chat_pictures is Show.BOTH
    assert changed(old, Limits(failover=Mode.OFF), {"failover"}).failover is Mode.OFF
    assert changed(old, new, set()) == old


AUTO, HANG_ONLY, OFF = Mode
CHEAP, DEAR = Fraction(1), Fraction(7, 5)

# The key's own, what the request asks for, and what holds for this one call.
TIGHTENED: list[tuple[tuple[Fraction | None, Mode | None], tuple[str | None, str | None], tuple[Fraction | None, Mode]]]
TIGHTENED = [
    ((None, None), (None, None), (None, AUTO)),
    ((None, None), ("1.4", "off"), (DEAR, OFF)),
    ((CHEAP, OFF), ("1.4", "auto"), (CHEAP, OFF)),
    ((DEAR, HANG_ONLY), ("1", "auto"), (CHEAP, HANG_ONLY)),
    ((DEAR, AUTO), (None, "hang-only"), (DEAR, HANG_ONLY)),
]


@pytest.mark.parametrize(("own", "asked", "holds"), TIGHTENED)
def test_a_request_may_be_stricter_than_its_key_and_never_looser(
    own: tuple[Fraction | None, Mode | None], asked: tuple[str | None, str | None], holds: tuple[Fraction | None, Mode]
) -> None:
    limits = Limits(budget_nanos=7, max_multiplier=own[0], failover=own[1])
    tight = tightened(limits, AUTO, max_multiplier=asked[0], failover=asked[1])
    assert (tight.max_multiplier, tight.failover, tight.budget_nanos) == (*holds, 7)


def test_a_key_without_a_mode_has_the_gateways() -> None:
    assert tightened(Limits(), OFF, max_multiplier=None, failover="auto").failover is OFF
    assert tightened(Limits(failover=AUTO), OFF, max_multiplier=None, failover=None).failover is AUTO


@pytest.mark.parametrize(
    ("words", "param"),
    [({"max_multiplier": "dear"}, "x-gateway-max-multiplier"), ({"failover": "on"}, "x-gateway-failover")],
)
def test_a_header_that_makes_no_sense_is_refused_by_its_name(words: dict[str, str], param: str) -> None:
    given: dict[str, str | None] = {"max_multiplier": None, "failover": None, **words}
    with pytest.raises(BadRequest) as caught:
        tightened(Limits(), AUTO, **given)
    assert caught.value.param == param
