"""How long good answers take, learned from those that came: the line past which one is held to be stuck.

Knows no clock: moments come in as numbers. Old answers count less and less; a line may fall at once,
and rises slowly, so that a group that becomes slow is noticed before it is taken for usual.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from gateway.core.call import Ask
from gateway.core.groups import Group

# 1.5 x the time in which 99 of 100 good answers come: without the margin, natural drift trips it.
_MARGIN = 1.5
_LEAST_S = 15.0
_MOST_S = 180.0
_THINKING_S = 10.0

# Buckets of ten per cent each, from half a second to more than the longest attempt.
_FIRST_S = 0.5
_RATIO = 1.1
_BUCKETS = 78
_LOG_RATIO = math.log(_RATIO)

_HALF_LIFE_S = 24 * 3600.0
_ENOUGH = 50.0
_RISE_A_DAY = 1.2
_RISE_AT_MOST = 3.0

# A quantile is looked up again after so many answers, since looking costs more than counting.
_AGAIN_AFTER = 25

# The first answers to come are the fast ones: what came counts as a sample of what comes once it was listened
# to for so many times as long as answers take.
_LISTENED = 10.0

# What is due of an attempt is looked up by its age, in steps of so many seconds: it is looked up very often.
_DUE_STEP_S = 0.25

# Of good answers before any have come, as shares of the time in which 99 of 100 do. Measured latencies
# of these models are about lognormal, with a sigma of 0.35.
_SIGMA = 0.35
_Z = {0.5: 0.0, 0.75: 0.674, 0.9: 1.282, 0.95: 1.645, 0.99: 2.326}

# One call that hangs must not pass for many: of one attempt no more than this is ever due.
DUE_MOST = 1.5


class Kind(NamedTuple):
    """Calls that take about the same time. `crowd` is 0, 1 or 2: no reference pictures, up to three, more."""

    group: str
    model: str
    size: str
    thinks: bool
    crowd: int


def kind_of(group: Group, ask: Ask) -> Kind:
    crowd = 0 if not ask.references else 1 if ask.references <= 3 else 2
    return Kind(group.name, ask.model.id, ask.size, ask.thinks_hard, crowd)


def usual_s(ask: Ask) -> float:
    """Within which 99 of 100 good answers come, as the catalogue has it."""
    return ask.size_facts.usual_s + (_THINKING_S if ask.thinks_hard else 0.0)


def line_s(p99_s: float) -> float:
    """The age past which an attempt is held to be stuck."""
    return min(max(_MARGIN * p99_s, _LEAST_S), _MOST_S)


def place_of(seconds: float) -> int:
    """The bucket that a time falls into."""
    return min(int(math.log(max(seconds, _FIRST_S) / _FIRST_S) / _LOG_RATIO), _BUCKETS - 1)


class Histogram:
    """Counts times in buckets; what was counted a day ago counts half."""

    def __init__(self) -> None:
        self._counts = [0.0] * _BUCKETS
        self._total = 0.0
        self._since = 0.0  # a count made then weighs 1

    def add(self, seconds: float, now: float) -> None:
        self.put(place_of(seconds), 1, now)

    def put(self, place: int, times: int, now: float) -> None:
        """So many times that fell into a bucket, `now` or long ago."""
        weight = self._weight(now)
        if weight > 1e6:
            self._counts = [count / weight for count in self._counts]
            self._total /= weight
            self._since, weight = now, 1.0
        self._counts[min(place, _BUCKETS - 1)] += weight * times
        self._total += weight * times

    def count(self, now: float) -> float:
        return self._total / self._weight(now)

    def quantile(self, share: float) -> float:
        """The upper edge of the bucket in which that share of the counts is complete; 0 without any."""
        wanted, seen = share * self._total, 0.0
        for place, count in enumerate(self._counts):
            seen += count
            if seen >= wanted and count:
                return float(_FIRST_S * _RATIO ** (place + 1))
        return 0.0

    def _weight(self, now: float) -> float:
        return float(2.0 ** ((now - self._since) / _HALF_LIFE_S))


class Pace:
    """What one kind of call takes. `prior_s` is the time for 99 of 100, believed until enough answers have come.

    `suspect_s` is the age past which an attempt is held to be stuck.

    The histogram may be filled by others too, who say so with `more`.
    """

    def __init__(self, prior_s: float, now: float, histogram: Histogram | None = None) -> None:
        self._prior_s = prior_s
        self._histogram = histogram or Histogram()
        self.suspect_s = line_s(prior_s)
        self._since = self._moved_at = now
        self._fresh = 0
        self._believe({share: prior_s * math.exp(_SIGMA * (z - _Z[0.99])) for share, z in _Z.items()})

    def took(self, seconds: float, now: float) -> None:
        """A good answer came, while nothing was wrong."""
        self._histogram.add(seconds, now)
        self.more(1, now)

    def more(self, times: int, now: float, *, since: float | None = None) -> None:
        """So many answers more are in the histogram, the oldest of them as old as `since`."""
        if since is not None:
            self._moved_at = min(self._moved_at, since)
            self._since = min(self._since, since)
        self._fresh += times
        if self._fresh >= _AGAIN_AFTER and self._sampled(now):
            self._fresh = 0
            self._believe({share: self._histogram.quantile(share) for share in _Z})
            self._move(line_s(self.quantile(0.99)), now)

    def quantile(self, share: float) -> float:
        """The time within which this share of good answers comes: one of 0.5, 0.75, 0.9, 0.95 and 0.99."""
        return self._quantiles[share]

    def due(self, age_s: float) -> float:
        """How many answers should have come of one attempt of this age: the hazard so far, at most 1.5."""
        step = int(age_s / _DUE_STEP_S)
        return self._dues[step] if step < len(self._dues) else DUE_MOST

    def _sampled(self, now: float) -> bool:
        return now - self._since >= _LISTENED * self._prior_s and self._histogram.count(now) >= _ENOUGH

    def _believe(self, quantiles: dict[float, float]) -> None:
        self._quantiles = quantiles
        self._dues = list(_dues(quantiles))

    def _move(self, line: float, now: float) -> None:
        days = (now - self._moved_at) / 86_400
        most = min(self.suspect_s * _RISE_A_DAY**days, line_s(self._prior_s) * _RISE_AT_MOST)
        self.suspect_s = min(line, max(self.suspect_s, most))
        self._moved_at = now


def _dues(quantiles: Mapping[float, float]) -> Iterator[float]:
    """What is due of an attempt at each step of its age, as long as that grows.

    Between the quantiles that are known it grows evenly with the age; before half have come, late.
    """
    places = [(at_s, -math.log(1 - share)) for share, at_s in quantiles.items()]
    at_s, due = places[0]
    age_s = 0.0
    while age_s < at_s:
        yield due * (age_s / at_s) ** 3
        age_s += _DUE_STEP_S
    for (before_s, before), (at_s, due) in pairwise(places):
        while age_s < at_s:
            grown = before + (due - before) * (age_s - before_s) / (at_s - before_s)
            if grown >= DUE_MOST:
                return
            yield grown
            age_s += _DUE_STEP_S
