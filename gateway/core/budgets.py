"""What an account may spend, in all, in a day and in a month, and how fast; and when days and months begin.

A day and a month are those of the team's time zone. What a call may cost counts in the day and month in which
it was admitted, and so does what it did cost, however late that is known. Pure: moments and zones come in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

# At these shares of a budget, in per cent, somebody is told.
ALERT_PERCENTS = (80, 100)


class Period(StrEnum):
    """What a budget is for."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that may be spent, in nano-dollars; None: no limit.

    A `soft` budget refuses nothing: at the shares in `alert_percents`, in per cent, somebody is told, as of a hard one.
    """

    total_nanos: int | None = None
    day_nanos: int | None = None
    month_nanos: int | None = None
    soft: bool = False
    alert_percents: tuple[int, ...] = ALERT_PERCENTS

    def of(self, period: Period) -> int | None:
        return {Period.TOTAL: self.total_nanos, Period.DAY: self.day_nanos, Period.MONTH: self.month_nanos}[period]


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be asked for; None: no limit. A request for n pictures is one request, and n calls at a time.

    Of a minute's requests or pictures all may come at once, and then as many as the minute lets grow again.
    """

    requests_per_minute: int | None = None
    pictures_per_minute: int | None = None
    concurrency: int | None = None


class Span(NamedTuple):
    """A day or a month: from its first second to the first of the next, in seconds since 1970 (UTC)."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Of a budget of `whose`, "key" or "team", `percent` are spent."""

    whose: str
    period: Period
    percent: int


def day_of(now: float, zone: tzinfo) -> Span:
    """The day of a moment, which is an hour shorter or longer when clocks change."""
    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return _span(today, today + timedelta(days=1))


def month_of(now: float, zone: tzinfo) -> Span:
    first = datetime.fromtimestamp(now, zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    return _span(first, (first + timedelta(days=31)).replace(day=1))


def _span(first: datetime, following: datetime) -> Span:
    return Span(int(first.timestamp()), int(following.timestamp()))
