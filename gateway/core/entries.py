"""The entries of a log in their order, to be found by time and amount, and which of them hang together. Pure."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.findings import APART_S, REACH_S, began_of
from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry
from gateway.core.unsettled import Unsettled


class Run(NamedTuple):
    """Entries of an amount that follow each other: of all that have it, from one on and before another.

    `amount` None: of whatever amount.
    """

    amount: int | None
    first: int
    past: int


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries, in their order, to be found by time and amount. A place is where one is among all of them."""

    times: Sequence[float]
    nanos: Sequence[int]
    by_amount: Mapping[int | None, Sequence[int]]
    amounts: Sequence[int]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Entries":
        by_amount = defaultdict[int | None, list[int]](list)
        for place, entry in enumerate(entries):
            by_amount[entry.nanos].append(place)
        amounts = sorted(amount for amount in by_amount if amount is not None)
        times, nanos = [entry.at for entry in entries], [entry.nanos for entry in entries]
        return cls(times, nanos, {**by_amount, None: range(len(entries))}, amounts)

    def runs(self, paid: Paid, unit: int) -> list[Run]:
        """The entries that may be of a charge."""
        if not paid.exact:
            return self._between(paid.at, paid.reach_s, (None,))
        near = max(unit, 1) - 1
        low, high = bisect_left(self.amounts, paid.nanos - near), bisect_right(self.amounts, paid.nanos + near)
        return self._between(paid.at, paid.reach_s, self.amounts[low:high])

    def reached(self, attempt: Unsettled) -> list[Run]:
        """The entries that may be of an attempt."""
        return self._between(began_of(attempt), REACH_S, (None,))

    def billed(self, attempt: Unsettled, runs: Sequence[Run], unit: int) -> list[int]:
        """Those of them that it may have been billed with."""
        places = self.by_amount[None][runs[0].first : runs[0].past] if runs else ()
        if not attempt.exact:
            return list(places)
        return [place for place in places if abs(self.nanos[place] - attempt.nanos) < max(unit, 1)]

    def first(self, runs: Sequence[Run]) -> int:
        return self.by_amount[runs[0].amount][runs[0].first]

    def places(self, paid: Paid, runs: Sequence[Run]) -> list[int]:
        """The places of these entries, the nearest first."""
        places = [place for amount, first, past in runs for place in self.by_amount[amount][first:past]]
        return sorted(places, key=lambda place: abs(self.times[place] - paid.at))

    def parts(self, wanted: Sequence[Sequence[Run]]) -> "Parts":
        """Which entries hang together, because something may explain more than one of them."""
        parts, spans = Parts(len(self.times)), defaultdict[int | None, list[tuple[int, int]]](list)
        for runs in wanted:
            for run in runs:
                spans[run.amount].append((run.first, run.past))
                parts.join(self.first(runs), self.by_amount[run.amount][run.first])
        for amount, found in spans.items():
            places, joined = self.by_amount[amount], 0
            for first, past in sorted(found):
                for at in range(max(first, joined) + 1, past):
                    parts.join(places[at - 1], places[at])
                joined = max(joined, past - 1)
        return parts

    def _between(self, begins: float, lasts_s: float, amounts: Sequence[int | None]) -> list[Run]:
        low = bisect_left(self.times, begins - APART_S)
        high = bisect_right(self.times, begins + lasts_s + APART_S)
        runs = []
        for amount in amounts:
            places = self.by_amount[amount]
            first, past = bisect_left(places, low), bisect_left(places, high)
            if first < past:
                runs.append(Run(amount, first, past))
        return runs


@dataclass(slots=True)
class Parts:
    """Which entries hang together; each part is known by one of its places."""

    size: int
    _above: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._above = list(range(self.size))

    def of(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def join(self, one: int, other: int) -> None:
        self._above[self.of(other)] = self.of(one)
