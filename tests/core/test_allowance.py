"""Allowances: what may be paid for failover by the hour and the day, and never more."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.allowance import Allowance, Caps, Purpose, Window, extra_nanos, parted, wanted
from gateway.core.groups import Group
from tests.facts import DEFAULT, ENTERPRISE

HOUR = 3600

EXTRAS = [
    (77_000_000, ENTERPRISE, Fraction(1), 22_000_000),
    (126_000_000, ENTERPRISE, Fraction(1), 36_000_000),
    (55_000_000, DEFAULT, Fraction(1), 0),
    (77_000_000, ENTERPRISE, Fraction(7, 5), 0),
    (10, Group("Odd", Fraction(3)), Fraction(1), 7),
    (44_000_000, DEFAULT, Fraction(4, 5), 8_800_000),
]


@pytest.mark.parametrize(("nanos", "group", "cheapest", "extra"), EXTRAS)
def test_what_is_extra_is_what_the_cheapest_group_would_not_have_cost(
    nanos: int, group: Group, cheapest: Fraction, extra: int
) -> None:
    assert extra_nanos(nanos, group, cheapest) == extra


def test_a_dearer_group_and_a_race_are_drawn_for_apart_and_of_two_rivals_the_dearer() -> None:
    assert wanted(55, DEFAULT, [], Fraction(1)) == []
    assert wanted(77, ENTERPRISE, [], Fraction(1)) == [(Purpose.PREMIUM, 22)]
    assert wanted(55, DEFAULT, [77, 55], Fraction(1)) == [(Purpose.RACES, 77)]
    assert wanted(77, ENTERPRISE, [55], Fraction(1)) == [(Purpose.PREMIUM, 22), (Purpose.RACES, 77)]


LOST = [(0, [77, 77], [0, 0]), (55, [77], [55]), (132, [77, 77], [77, 55]), (0, [], [])]


@pytest.mark.parametrize(("nanos", "drawn", "parts"), LOST)
def test_no_race_holds_more_of_what_was_lost_than_it_drew(nanos: int, drawn: list[int], parts: list[int]) -> None:
    assert parted(nanos, drawn) == parts


def test_what_would_go_over_the_cap_of_a_window_is_not_drawn_at_all() -> None:
    allowance = Allowance(Caps(hour_nanos=100, day_nanos=150))
    assert allowance.draw("a", 100, now=HOUR - 10) is None
    assert allowance.draw("b", 1, now=HOUR - 10) == (Window.HOUR, 10)
    assert allowance.draw("b", 51, now=HOUR) == (Window.DAY, 86_400 - HOUR)
    assert allowance.draw("b", 50, now=HOUR) is None
    assert (allowance.drawn(Window.HOUR, HOUR), allowance.drawn(Window.DAY, HOUR)) == (50, 150)


def test_what_was_drawn_too_much_can_be_drawn_again() -> None:
    allowance = Allowance(Caps(hour_nanos=100))
    assert allowance.draw("a", 100, now=0) is None
    allowance.correct("a", 30)
    allowance.correct("a", 30)
    assert allowance.draw("b", 71, now=0) == (Window.HOUR, HOUR)
    assert allowance.draw("b", 70, now=0) is None


def test_a_correction_counts_in_the_hour_of_its_draw() -> None:
    allowance = Allowance(Caps())
    allowance.draw("a", 100, now=HOUR - 1)
    allowance.correct("a", 40)
    allowance.correct("nobody", 40)
    assert (allowance.drawn(Window.HOUR, HOUR - 1), allowance.drawn(Window.HOUR, HOUR)) == (40, 0)


AMOUNTS = st.integers(0, 60)
STEPS = st.lists(st.tuples(AMOUNTS, AMOUNTS, st.integers(0, 2000)), max_size=40)


@given(STEPS)
def test_no_window_ever_holds_more_than_its_cap_while_nothing_costs_more_than_was_drawn(
    steps: list[tuple[int, int, int]],
) -> None:
    allowance, now = Allowance(Caps(hour_nanos=100, day_nanos=170)), 0
    for number, (drawn, really, later) in enumerate(steps):
        now += later
        if allowance.draw(str(number), drawn, now) is None and really % 3:  # every third is under way to the end
            allowance.correct(str(number), min(really, drawn))
        assert 0 <= allowance.drawn(Window.HOUR, now) <= 100
        assert 0 <= allowance.drawn(Window.DAY, now) <= 170
