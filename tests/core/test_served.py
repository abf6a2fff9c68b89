"""How callers fared: what counts for the service and against it, and what is made of the counts."""

import pytest

from gateway.core.served import Served, fared, succeeded

CODES = [
    ("ok", True),
    ("upstream_overloaded", False),
    ("upstream_timeout_unsettled", False),
    ("premium_cap", False),
    ("deferred", False),
    ("internal_error", False),
    ("invalid_request", None),
    ("insufficient_quota", None),
    ("moderation_blocked", None),
    ("caller_left", None),
]


@pytest.mark.parametrize(("code", "good"), CODES)
def test_what_a_code_says_of_the_service(code: str, good: bool | None) -> None:
    assert succeeded(code) is good


def test_rates_and_quantiles_are_those_of_what_was_counted() -> None:
    served = Served()
    for number in range(100):
        served.note("a|b", "1K", "ok", 5.0 if number < 90 else 40.0)
    for _ in range(25):
        served.note("a|b", "1K", "upstream_error", 1.0)
    served.note("a|b", "1K", "invalid_request", 0.1)
    first = served.take()
    assert not served.take()
    served.note("a|b", "1K", "upstream_error", 1.0)
    found = fared([first, served.take()])[("a|b", "1K")]
    assert (found.good, found.bad, found.success) == (100, 26, 100 / 126)
    assert found.quantile_s(0.5) == pytest.approx(5.0, rel=0.11)
    assert found.quantile_s(0.95) == pytest.approx(40.0, rel=0.11)


def test_what_could_not_be_told_is_told_later() -> None:
    served = Served()
    served.note("flash", "4K", "ok", 20.0)
    taken = served.take()
    served.note("flash", "4K", "ok", 20.0)
    served.give_back(taken)
    assert fared([served.take()])[("flash", "4K")].good == 2


def test_of_nothing_nothing_is_said() -> None:
    assert fared([]) == {}
    assert fared([{"flash|1K|bad": 3}])[("flash", "1K")].quantile_s(0.5) is None
