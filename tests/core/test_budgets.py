"""When days and months begin."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.budgets import Budget, Period, Span, day_of, month_of

HOUR = 3600
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("zone", "now", "begins", "hours"),
    [
        ("UTC", "2026-11-27T04:00Z", "2026-11-27T00:00Z", 24),
        ("UTC", "2026-11-27T00:00Z", "2026-11-27T00:00Z", 24),
        ("Asia/Shanghai", "2026-11-27T15:59:59Z", "2026-11-26T16:00Z", 24),
        ("Asia/Shanghai", "2026-11-27T16:00Z", "2026-11-27T16:00Z", 24),
        ("America/New_York", "2026-03-08T12:00Z", "2026-03-08T05:00Z", 23),  # clocks go forward
        ("America/New_York", "2026-11-01T12:00Z", "2026-11-01T04:00Z", 25),  # and back
        ("America/Santiago", "2026-09-06T12:00Z", "2026-09-06T04:00Z", 23),  # at midnight, which there is none
        ("Australia/Lord_Howe", "2026-10-03T20:00Z", "2026-10-03T13:30Z", 23.5),  # by half an hour
    ],
)
def test_a_day_is_that_of_its_zone(zone: str, now: str, begins: str, hours: float) -> None:
    assert day_of(at(now), ZoneInfo(zone)) == Span(at(begins), at(begins) + int(hours * HOUR))


@pytest.mark.parametrize(
    ("zone", "now", "begins", "ends"),
    [
        ("UTC", "2026-11-30T23:59:59Z", "2026-11-01T00:00Z", "2026-12-01T00:00Z"),
        ("UTC", "2026-12-31T12:00Z", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
        ("UTC", "2028-02-29T12:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
        ("Asia/Shanghai", "2026-11-30T16:00Z", "2026-11-30T16:00Z", "2026-12-31T16:00Z"),
        ("America/New_York", "2026-11-15T12:00Z", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
    ],
)
def test_a_month_is_that_of_its_zone(zone: str, now: str, begins: str, ends: str) -> None:
    assert month_of(at(now), ZoneInfo(zone)) == Span(at(begins), at(ends))


@given(st.integers(min_value=at("2000-01-01T00:00Z"), max_value=at("2037-01-01T00:00Z")), st.sampled_from(ZONES))
def test_every_moment_is_in_its_day_and_month_and_the_next_begins_where_they_end(now: int, zone: str) -> None:
    for span_of in (day_of, month_of):
        span = span_of(now, ZoneInfo(zone))
        assert span.begins <= now < span.ends
        assert span_of(span.ends, ZoneInfo(zone)).begins == span.ends
        assert span_of(span.begins, ZoneInfo(zone)) == span


def test_a_budget_by_its_period() -> None:
    assert [Budget(1, 2, 3).of(period) for period in Period] == [1, 2, 3]
    assert day_of(0.0, UTC) == Span(0, 86_400)
