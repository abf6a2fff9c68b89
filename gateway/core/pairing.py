"""Which entries of the seller's log are whose, within one model and group.

A charge may explain some of them, by their time and amount, and so do others: entries that hang together are one part,
and of each part it is seen how much is left when every charge has one. Pure.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.findings import APART_S, REACH_S, Finding, Part, Span, began_of
from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry
from gateway.core.unsettled import Unsettled

# A part may have so many pairs of a charge and an entry. A crowd of more is not told apart, and costs nothing.
_MOST_PAIRS = 1_000_000


@dataclass(slots=True)
class Pool:
    """All of one model and group. `edges` are charges whose entry may not have been kept; `doubts` as of `Nearby`."""

    entries: list[Entry] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    edges: list[Paid] = field(default_factory=list)
    attempts: list[Unsettled] = field(default_factory=list)
    doubts: list[Span] = field(default_factory=list)

    def findings(self, unit: int) -> list[Finding]:
        """What is to be said of each attempt. The log's amounts are less than `unit` away from what was meant."""
        if not self.attempts:
            return []
        self._take_named()
        sheet = _Sheet.of(self.entries)
        wanted = [sheet.runs(paid, unit) for paid in self.paid]
        edges = [sheet.runs(paid, unit) for paid in self.edges]
        reached = [sheet.reached(each) for each in self.attempts]
        parts = sheet.parts([*wanted, *edges, *reached])
        crowds = _crowds(wanted, sheet, parts)
        paired = {
            number: sheet.places(self.paid[number], runs)
            for number, runs in enumerate(wanted)
            if not runs or parts.of(sheet.first(runs)) not in crowds
        }
        taken = _matched(paired)
        open_ones = crowds | {parts.of(sheet.first(runs)) for runs in edges if runs}
        explained = {place: self.paid[number] for number, place in taken.items()}
        left, explaining = defaultdict[int, list[Entry]](list), defaultdict[int, list[Paid]](list)
        for place, entry in enumerate(self.entries):
            if place in explained:
                explaining[parts.of(place)].append(explained[place])
            else:
                left[parts.of(place)].append(entry)
        sharing = defaultdict[int, list[Unsettled]](list)
        for number, runs in enumerate(reached):
            sharing[parts.of(sheet.first(runs)) if runs else -1 - number].append(self.attempts[number])
        missing = [self.paid[number].at for number in paired if number not in taken]
        crowded = [paid.at for number, paid in enumerate(self.paid) if number not in paired]
        return [
            finding
            for part, attempts in sharing.items()
            for finding in Part(
                attempts, left[part], explaining[part], missing, crowded, part in open_ones, self.doubts, unit
            ).findings()
        ]

    def _take_named(self) -> None:
        """Leaves out charges and entries that have the same id, and puts the others in their order."""
        ids = {entry.request_id for entry in self.entries if entry.request_id}
        known = {paid.attempt_id for paid in (*self.paid, *self.edges) if paid.attempt_id in ids}
        self.paid = [paid for paid in self.paid if paid.attempt_id not in known]
        self.edges = [paid for paid in self.edges if paid.attempt_id not in known]
        others = (entry for entry in self.entries if entry.request_id not in known)
        self.entries = sorted(others, key=lambda entry: entry.at)


class _Run(NamedTuple):
    """Entries of an amount that follow each other: of all that have it, from one on and before another.

    `amount` None: of whatever amount.
    """

    amount: int | None
    first: int
    past: int


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The entries, in their order, to be found by time and amount. A place is where one is among all of them."""

    times: Sequence[float]
    by_amount: Mapping[int | None, Sequence[int]]
    amounts: Sequence[int]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "_Sheet":
        by_amount = defaultdict[int | None, list[int]](list)
        for place, entry in enumerate(entries):
            by_amount[entry.nanos].append(place)
        amounts = sorted(amount for amount in by_amount if amount is not None)
        return cls([entry.at for entry in entries], {**by_amount, None: range(len(entries))}, amounts)

    def runs(self, paid: Paid, unit: int) -> list[_Run]:
        """The entries that may be of a charge."""
        if not paid.exact:
            return self._between(paid.at, paid.reach_s, (None,))
        near = max(unit, 1) - 1
        low, high = bisect_left(self.amounts, paid.nanos - near), bisect_right(self.amounts, paid.nanos + near)
        return self._between(paid.at, paid.reach_s, self.amounts[low:high])

    def reached(self, attempt: Unsettled) -> list[_Run]:
        """The entries that may be of an attempt."""
        return self._between(began_of(attempt), REACH_S, (None,))

    def first(self, runs: Sequence[_Run]) -> int:
        return self.by_amount[runs[0].amount][runs[0].first]

    def places(self, paid: Paid, runs: Sequence[_Run]) -> list[int]:
        """The places of these entries, the nearest first."""
        places = [place for amount, first, past in runs for place in self.by_amount[amount][first:past]]
        return sorted(places, key=lambda place: abs(self.times[place] - paid.at))

    def parts(self, wanted: Sequence[Sequence[_Run]]) -> "_Parts":
        """Which entries hang together, because something may explain more than one of them."""
        parts, spans = _Parts(len(self.times)), defaultdict[int | None, list[tuple[int, int]]](list)
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

    def _between(self, begins: float, lasts_s: float, amounts: Sequence[int | None]) -> list[_Run]:
        low = bisect_left(self.times, begins - APART_S)
        high = bisect_right(self.times, begins + lasts_s + APART_S)
        runs = []
        for amount in amounts:
            places = self.by_amount[amount]
            first, past = bisect_left(places, low), bisect_left(places, high)
            if first < past:
                runs.append(_Run(amount, first, past))
        return runs


@dataclass(slots=True)
class _Parts:
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


def _crowds(wanted: Sequence[Sequence[_Run]], sheet: _Sheet, parts: _Parts) -> set[int]:
    """The parts that have too many pairs."""
    pairs = Counter[int]()
    for runs in wanted:
        if runs:
            pairs[parts.of(sheet.first(runs))] += sum(run.past - run.first for run in runs)
    return {part for part, count in pairs.items() if count > _MOST_PAIRS}


def _matched(wanted: Mapping[int, Sequence[int]]) -> Mapping[int, int]:
    """For as many as can be one of the places each wants, none twice: augmenting paths, breadth first."""
    holder: dict[int, int] = {}
    taken: dict[int, int] = {}
    for number in wanted:
        came_from: dict[int, int] = {}
        queue, free = [number], None
        for each in queue:
            for place in wanted[each]:
                if place not in came_from:
                    came_from[place] = each
                    if place not in holder:
                        free = place
                        break
                    queue.append(holder[place])
            if free is not None:
                break
        while free is not None:
            each = came_from[free]
            before = taken.get(each)
            holder[free], taken[each] = each, free
            free = before if each != number else None
    return taken
