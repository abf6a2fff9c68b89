from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from gateway.core.errors import BadRequest
from gateway.core.keys import Limits, Show
from gateway.core.terms import LONGEST_S, Offer, Terms, changed, limits_of
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
    assert changed(old, new, set()) == old
