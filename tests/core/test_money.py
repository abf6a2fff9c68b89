from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import LARGEST_NANOS, ceil_nanos, nanos_of, usd_of

EXACT = [
    ("0.055", 55_000_000),
    ("0", 0),
    ("1", 1_000_000_000),
    ("0.000000001", 1),
    (5, 5_000_000_000),
    (Decimal("0.10"), 100_000_000),
    ("9000000", LARGEST_NANOS),
]


@pytest.mark.parametrize(("usd", "nanos"), EXACT)
def test_dollars_become_whole_nano_dollars(usd: str, nanos: int) -> None:
    assert nanos_of(usd) == nanos


@pytest.mark.parametrize("usd", ["0.0000000001", "-1", "abc", "", "NaN", "Infinity", "9000000.000000001"])
def test_what_is_not_an_amount_is_refused(usd: str) -> None:
    with pytest.raises(ValueError, match=r"amount|nano-dollar|negative"):
        nanos_of(usd)


@given(st.integers(min_value=0, max_value=LARGEST_NANOS))
def test_printing_and_reading_an_amount_gives_it_back(nanos: int) -> None:
    assert nanos_of(usd_of(nanos)) == nanos


@pytest.mark.parametrize(("exact", "charged"), [(Fraction(1, 3), 1), (Fraction(0), 0), (Fraction(7, 2), 4), (5, 5)])
def test_a_fraction_of_a_nano_dollar_is_rounded_up(exact: Fraction, charged: int) -> None:
    assert ceil_nanos(exact) == charged
