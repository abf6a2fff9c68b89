"""Which entries of the seller's log are whose, within one model and group.

A charge may explain some of them, by their time and amount, and so do others: entries that hang together are one part,
and of each part it is seen how much is left when every charge has one. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.entries import Entries, Parts, Run
from gateway.core.explaining import Explanation, Who
from gateway.core.findings import Finding, Part, Share, Span
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
        entries = Entries.of(self.entries)
        wanted = [entries.runs(paid, unit) for paid in self.paid]
        edges = [entries.runs(paid, unit) for paid in self.edges]
        reached = [entries.reached(each) for each in self.attempts]
        parts = entries.parts([*wanted, *edges, *reached])
        crowds = _crowds(wanted, entries, parts)
        open_ones = crowds | {parts.of(entries.first(runs)) for runs in edges if runs}
        paired = {
            number: entries.places(self.paid[number], runs)
            for number, runs in enumerate(wanted)
            if not runs or parts.of(entries.first(runs)) not in crowds
        }
        taken = _matched(paired)
        missing = [self.paid[number].at for number in paired if number not in taken]
        crowded = [paid.at for number, paid in enumerate(self.paid) if number not in paired]
        found: dict[int, Finding] = {}
        for part, those in _members(parts, taken, [entries.first(runs) if runs else None for runs in reached]).items():
            if not those.attempts:
                continue
            shares = None
            if those.left and part not in open_ones:
                wants = {Who(number, attempt=False): paired[number] for number in those.charges}
                for number in those.attempts:
                    wants[Who(number, attempt=True)] = entries.billed(self.attempts[number], reached[number], unit)
                has = {Who(number, attempt=False): taken[number] for number in those.charges}
                shares = self._shares(Explanation(wants, has), those)
            made = Part(
                attempts=[self.attempts[number] for number in those.attempts],
                left=[self.entries[place] for place in those.left],
                explaining=[self.paid[number] for number in those.charges],
                missing=missing,
                crowded=crowded,
                open=part in open_ones,
                doubts=self.doubts,
                unit=unit,
                shares=shares,
            )
            found |= zip(those.attempts, made.findings(), strict=True)
        return [found[number] for number in range(len(self.attempts))]

    def _shares(self, explanation: Explanation, those: "_Members") -> list[Share] | None:
        """What is each attempt's of the entries that are left; None: there is something else that they are of."""
        given = [explanation.give(place) for place in those.left]
        if not all(given):
            return None
        unsure, shares = explanation.unsure(), []
        for number in those.attempts:
            who = Who(number, attempt=True)
            place = explanation.has.get(who)
            if place is None:
                shares.append(Share(None, (), number not in unsure))
            else:
                others = [self.entries[other] for other in explanation.others(who)]
                shares.append(Share(self.entries[place], others, number not in unsure))
        return shares

    def _take_named(self) -> None:
        """Leaves out charges and entries that have the same id, and puts the others in their order."""
        ids = {entry.request_id for entry in self.entries if entry.request_id}
        known = {paid.attempt_id for paid in (*self.paid, *self.edges) if paid.attempt_id in ids}
        self.paid = [paid for paid in self.paid if paid.attempt_id not in known]
        self.edges = [paid for paid in self.edges if paid.attempt_id not in known]
        others = (entry for entry in self.entries if entry.request_id not in known)
        self.entries = sorted(others, key=lambda entry: entry.at)


@dataclass(slots=True)
class _Members:
    """Who is of a part, by number: attempts, charges that have an entry, and the places of entries that nobody has."""

    attempts: list[int] = field(default_factory=list)
    charges: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def _members(parts: Parts, taken: Mapping[int, int], first: Sequence[int | None]) -> Mapping[int, _Members]:
    """By part; `first` is an entry that may be of each attempt. One of which none may be is a part of its own."""
    members = defaultdict[int, _Members](_Members)
    for number, place in taken.items():
        members[parts.of(place)].charges.append(number)
    for place in sorted(set(range(parts.size)).difference(taken.values())):
        members[parts.of(place)].left.append(place)
    for number, entry in enumerate(first):
        members[-1 - number if entry is None else parts.of(entry)].attempts.append(number)
    return members


def _crowds(wanted: Sequence[Sequence[Run]], entries: Entries, parts: Parts) -> set[int]:
    """The parts that have too many pairs."""
    pairs = Counter[int]()
    for runs in wanted:
        if runs:
            pairs[parts.of(entries.first(runs))] += sum(run.past - run.first for run in runs)
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
