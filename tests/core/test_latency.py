"""What is learned of how long good answers take."""

import random

import pytest

from gateway.core.latency import Histogram, Pace, kind_of, line_s, usual_s
from tests.facts import DEFAULT, FLASH, PRO, ask

DAY = 86_400.0


def taken(pace: Pace, median_s: float, *, since: float = 0.0, calls: int = 1000, every_s: float = 1.0) -> float:
    """Has good answers come, lognormal around a median; gives when the last of them came."""
    dice = random.Random(7)
    now = since
    for _ in range(calls):
        now += every_s
        pace.took(median_s * dice.lognormvariate(0.0, 0.3), now)
    return now


def test_before_anything_came_the_catalogue_is_believed() -> None:
    pace = Pace(20.0, 0.0)
    assert pace.suspect_s == 30.0
    assert pace.quantile(0.99) == 20.0
    assert pace.quantile(0.5) == pytest.approx(8.9, abs=0.1)


def test_what_came_is_believed_when_it_is_enough() -> None:
    pace = Pace(20.0, 0.0)
    taken(pace, 7.0, calls=49, every_s=10.0)
    assert pace.suspect_s == 30.0
    taken(pace, 7.0, since=490.0)
    assert pace.quantile(0.5) == pytest.approx(7.0, rel=0.15)
    assert pace.quantile(0.99) == pytest.approx(14.0, rel=0.2)
    assert pace.suspect_s == pytest.approx(21.0, rel=0.2)


def test_the_first_to_come_are_the_fast_ones_and_no_sample() -> None:
    """Of a hundred calls a second, what has come after some seconds is what takes some seconds."""
    dice, pace = random.Random(7), Pace(20.0, 0.0)
    took = [(number / 100, 7.0 * dice.lognormvariate(0.0, 0.3)) for number in range(60_000)]
    for ended_at, seconds in sorted((began_at + seconds, seconds) for began_at, seconds in took):
        pace.took(seconds, ended_at)
        assert pace.suspect_s > 19.0
    assert pace.suspect_s == pytest.approx(21.0, rel=0.1)


def test_the_line_rises_by_a_fifth_a_day_and_falls_at_once() -> None:
    pace = Pace(20.0, 0.0)
    now = taken(pace, 10.0)
    before = pace.suspect_s
    now = taken(pace, 40.0, since=now, calls=2000, every_s=DAY / 2000)
    assert pace.suspect_s == pytest.approx(before * 1.2, rel=0.05)
    taken(pace, 5.0, since=now + 30 * DAY, calls=200)
    assert pace.suspect_s == pytest.approx(15.0, rel=0.01)


def test_the_line_does_not_rise_beyond_three_times_what_the_catalogue_says() -> None:
    pace = Pace(20.0, 0.0)
    taken(pace, 60.0, calls=40 * 100, every_s=DAY / 100)
    assert pace.suspect_s == 90.0


@pytest.mark.parametrize(("p99_s", "line"), [(1.0, 15.0), (20.0, 30.0), (500.0, 180.0)])
def test_the_line_has_bounds(p99_s: float, line: float) -> None:
    assert line_s(p99_s) == line


def test_a_histogram_forgets_by_half_a_day() -> None:
    histogram = Histogram()
    for _ in range(100):
        histogram.add(10.0, 0.0)
    assert histogram.count(DAY) == pytest.approx(50.0)
    for _ in range(150):
        histogram.add(40.0, DAY)
    assert histogram.quantile(0.2) == pytest.approx(10.0, rel=0.1)
    assert histogram.quantile(0.5) == pytest.approx(40.0, rel=0.1)


def test_a_histogram_goes_on_for_years() -> None:
    histogram = Histogram()
    for day in range(2000):
        histogram.add(10.0, day * DAY)
    assert histogram.count(1999 * DAY) == pytest.approx(2.0, rel=0.01)
    assert histogram.quantile(0.5) == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize("seconds", [0.0, 0.4, 660.0, 10_000.0])
def test_whatever_it_took_has_a_bucket(seconds: float) -> None:
    histogram = Histogram()
    histogram.add(seconds, 0.0)
    assert histogram.quantile(0.99) > 0.0


def test_calls_of_a_kind_take_about_the_same_time() -> None:
    kinds = [
        kind_of(DEFAULT, ask()),
        kind_of(DEFAULT, ask(size="4K")),
        kind_of(DEFAULT, ask(PRO)),
        kind_of(DEFAULT, ask(thinking="high")),
        kind_of(DEFAULT, ask(references=1)),
        kind_of(DEFAULT, ask(references=4)),
    ]
    assert len(set(kinds)) == len(kinds)
    assert kind_of(DEFAULT, ask(references=2)) == kinds[4]


def test_thinking_takes_ten_seconds_more() -> None:
    assert usual_s(ask(thinking="high")) == usual_s(ask()) + 10.0 == FLASH.sizes["1K"].usual_s + 10.0
