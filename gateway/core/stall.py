"""Answers that should have come and did not: the earliest sign of a group that has stopped.

Of every attempt under way it is known how likely it was to have ended by now. All of them together say
how many answers were due; how many came is counted. When next to nothing comes of what is due, for long
enough, the group has stopped: where calls come many a second, that is seen before the first attempt is
late by itself. A part that hangs is no stall, and neither is an hour in which everything takes a third
longer.
"""

import math
from dataclasses import dataclass

from gateway.core.latency import DUE_MOST, Pace

# Two rates are told apart: seven tenths of what is due comes, or a twentieth (a likelihood ratio of Poisson
# counts, as CUSUM): about thirteen answers in a row must be missing, and a few more where many are under
# way, since there such a row comes about by chance more often. What is learned of the pace is a day old:
# an answer is due when even one that takes a third longer should have come.
_SOME, _NEXT_TO_NOTHING = 0.7, 0.05
_CAME = math.log(_NEXT_TO_NOTHING / _SOME)
_DUE = _SOME - _NEXT_TO_NOTHING
_STALLED, _MANY = 8.5, 10.0
_STRETCH = 1.3

# It is reckoned up at most so often, since that costs a look at every attempt under way. What came meanwhile
# is taken by turns with what was due: all of what was due in half a second, taken at once, looks like a stall
# where a hundred calls come a second. Whoever was away for longer cannot tell what came meanwhile from what
# did not, and begins anew.
_EVERY_S = 0.5
_AWAY_S = 1.5


@dataclass(slots=True)
class _UnderWay:
    pace: Pace
    began_at: float
    due: float = 0.0  # of it, as far as that is reckoned


class Stall:
    """Told of every attempt, under whatever name, when it begins and when it is over."""

    def __init__(self) -> None:
        self._under_way: dict[object, _UnderWay] = {}
        self._sum = 0.0
        self._reckoned_at = 0.0
        self._over_due, self._over_came = 0.0, 0  # of attempts that are over, since it was last reckoned up
        self._due, self._came = 0.0, 0  # since it was last told
        self._elsewhere = 0  # under way at others

    def began(self, name: object, pace: Pace, now: float) -> None:
        self._under_way[name] = _UnderWay(pace, now)

    def ended(self, name: object, now: float, *, came: bool) -> None:
        """An attempt is over: `came`, with an answer of any kind."""
        found = self._under_way.pop(name, None)
        if found is None:
            return
        self._over_due += max(found.pace.due((now - found.began_at) / _STRETCH) - found.due, 0.0)
        self._over_came += came

    def stalled(self, now: float) -> bool:
        """Whether too little comes, reckoned up to this moment."""
        since_s = now - self._reckoned_at
        if since_s >= _EVERY_S:
            self._reckoned_at = now
            due, came = self._newly_due(now) + self._over_due, self._over_came
            self._over_due, self._over_came = 0.0, 0
            if since_s < _AWAY_S:
                self._take(due, came)
                self._due += due
                self._came += came
        if self._sum < _STALLED:
            return False
        return self._sum >= _STALLED + math.log(max((len(self._under_way) + self._elsewhere) / _MANY, 1.0))

    def told(self) -> tuple[float, int, int]:
        """How many answers were due and how many came since this was last asked, and how many are under way."""
        told = self._due, self._came, len(self._under_way)
        self._due, self._came = 0.0, 0
        return told

    def heard(self, due: float, came: int, under_way: int) -> None:
        """The same of others, in a second."""
        self._elsewhere = under_way
        self._take(due, came)

    def clear(self) -> None:
        """What is under way now says nothing any more."""
        self._under_way.clear()
        self._sum = 0.0
        self._over_due, self._over_came = 0.0, 0
        self._due, self._came, self._elsewhere = 0.0, 0, 0

    def _take(self, due: float, came: int) -> None:
        """What was due and what came in the same time, by turns."""
        for _ in range(came):
            self._sum = max(self._sum + _DUE * due / came + _CAME, 0.0)
        if not came:
            self._sum += _DUE * due

    def _newly_due(self, now: float) -> float:
        due = 0.0
        for each in self._under_way.values():
            if each.due < DUE_MOST:
                so_far = each.pace.due((now - each.began_at) / _STRETCH)
                if so_far > each.due:
                    due += so_far - each.due
                    each.due = so_far
        return due
