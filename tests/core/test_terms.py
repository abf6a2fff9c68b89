from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from gateway.core.allowance import Caps
from gateway.core.budgets import Budget, Rates
from gateway.core.errors import BadRequest
from gateway.core.keys import Limits, Mode, Show, TeamLimits
from gateway.core.terms import (
    LONGEST_S,
    Offer,
    TeamTerms,
    Terms,
    changed,
    limits_of,
    team_changed,
    team_limits_of,
    tightened,
)
from gateway.ledger.zones import zone_of
from tests.facts import DEFAULT, ENTERPRISE, catalog

OFFER = Offer(catalog(), (DEFAULT, ENTERPRISE))
NOW = 1000.0

MEANT: list[tuple[dict[str, Any], Limits]] = [
    ({}, Limits()),
    ({"budget_usd": "0.5"}, Limits(Budget(500_000_000))),
    ({"budget_usd": Decimal(0)}, Limits(Budget(0))),
    ({"max_multiplier": "1.4"}, Limits(max_multiplier=Fraction(7, 5))),
    ({"models": ["flash-4k", "models/pro"]}, Limits(models=frozenset({"flash", "pro"}))),
    ({"models": []}, Limits(models=frozenset())),
    ({"groups": ["Default"]}, Limits(groups=frozenset({"Default"}))),
    ({"expires_in_s": 60}, Limits(expires_at=1060.0)),
    ({"chat_pictures": "both"}, Limits(chat_pictures=Show.BOTH)),
    ({"retain": False}, Limits(retain=False)),
    ({"retain": True}, Limits()),
    ({"failover": "hang-only"}, Limits(failover=Mode.HANG_ONLY)),
    ({"budget_day_usd": "2", "budget_month_usd": Decimal(9)}, Limits(Budget(None, 2_000_000_000, 9_000_000_000))),
    ({"soft_budget": True, "alert_percents": [100, 50, 50]}, Limits(Budget(soft=True, alert_percents=(50, 100)))),
    ({"alert_percents": []}, Limits(Budget(alert_percents=()))),
    ({"requests_per_minute": "60", "pictures_per_minute": 30}, Limits(rates=Rates(60, 30))),
    ({"concurrency": 5}, Limits(rates=Rates(concurrency=5))),
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
    ({"budget_day_usd": "-1"}, "budget_day_usd", "negative"),
    ({"budget_month_usd": "0.0000000001"}, "budget_month_usd", "nine decimals"),
    ({"alert_percents": [0]}, "alert_percents", "above 0"),
    ({"alert_percents": list(range(1, 12))}, "alert_percents", "at most 10"),
    ({"requests_per_minute": "many"}, "requests_per_minute", "not a whole number"),
    ({"requests_per_minute": "1.5"}, "requests_per_minute", "not a whole number"),
    ({"pictures_per_minute": 0}, "pictures_per_minute", "above 0"),
    ({"concurrency": 2_000_000_000}, "concurrency", "at most"),
    ({"expires_in_s": LONGEST_S + 1}, "expires_in_s", "at most"),
]


@pytest.mark.parametrize(("words", "param", "says"), WRONG)
def test_what_no_limit_can_come_of_is_refused_by_its_field(words: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        limits_of(Terms(**words), OFFER, NOW)
    assert caught.value.param == param


def test_only_the_named_fields_change() -> None:
    old = Limits(Budget(1), max_multiplier=Fraction(1), groups=frozenset({"Default"}), expires_at=5.0)
    new = Limits(Budget(2))
    assert changed(old, new, {"budget_usd"}) == replace(old, budget=Budget(2))
    assert changed(old, new, {"groups", "expires_in_s"}) == replace(old, groups=None, expires_at=None)
    assert changed(old, Limits(chat_pictures=Show.BOTH), {"chat_pictures"}).chat_pictures is Show.BOTH
    assert changed(old, Limits(failover=Mode.OFF), {"failover"}).failover is Mode.OFF
    assert changed(old, new, set()) == old
    day, brisk = Limits(Budget(day_nanos=3, soft=True)), Limits(rates=Rates(1, 2, 3))
    assert changed(old, day, {"budget_day_usd"}).budget == Budget(1, 3)
    assert changed(old, day, {"soft_budget", "alert_percents"}).budget == Budget(1, soft=True)
    assert changed(old, brisk, {"pictures_per_minute", "concurrency"}).rates == Rates(None, 2, 3)


def test_the_terms_of_a_team() -> None:
    words = TeamTerms(budget_day_usd="2", requests_per_minute=9, premium_day_usd="1", time_zone="Asia/Shanghai")
    limits = team_limits_of(words, zone_of)
    assert limits == TeamLimits(
        Budget(day_nanos=2_000_000_000), Rates(9), Caps(day_nanos=1_000_000_000), "Asia/Shanghai"
    )
    assert team_limits_of(TeamTerms(), zone_of) == TeamLimits()
    assert team_changed(limits, TeamLimits(), {"time_zone", "premium_day_usd"}) == TeamLimits(
        Budget(day_nanos=2_000_000_000), Rates(9)
    )


@pytest.mark.parametrize("name", ["Atlantis", "Europe", "../etc/passwd", "UTC+8", "/etc/localtime", "a\0b", "ü"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="write it like Asia/Shanghai") as caught:
        team_limits_of(TeamTerms(time_zone=name), zone_of)
    assert caught.value.param == "time_zone"


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
    limits = Limits(Budget(7), max_multiplier=own[0], failover=own[1])
    tight = tightened(limits, AUTO, max_multiplier=asked[0], failover=asked[1])
    assert (tight.max_multiplier, tight.failover or AUTO, tight.budget) == (*holds, Budget(7))


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
