"""Whether the seller's log and the books tell the same time: what the books have as billed is in the log just then.

A log that is read in the wrong zone has an entry for everything, and none where it is looked for. A page of a log has
none of what other pages have. So neither is asked what was billed and what was not: there must be charges of ours in
it, and those next to an attempt must be. Pure.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction

from gateway.core.findings import APART_S, Span
from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry

# So many entries and charges are kept of however many there are: those of the first seconds of each quarter of an hour.
# Zones differ by quarters of an hour, so that these are the same seconds in all of them.
_KEPT = 20_000
_TRIED = 500
_QUARTER_S = 900.0
_LEAST_S = 4 * APART_S

# By how many quarters of an hour a log may be off: no zone is further from UTC than 14 hours.
_QUARTERS = sorted(range(-14 * 4, 14 * 4 + 1), key=abs)

# A log agrees that has half of the charges of its time, if it would not have so many more in another zone.
_AGREED = Fraction(1, 2)
_CLEARLY = Fraction(1, 20)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `checked` charges in the log's time it has an entry for `found`, when they were written.

    `ahead_s`: it has clearly more if its times are so far ahead of ours. `zone` is the one that times without one were
    taken to be of, where they began. In `gaps` it has none of the charges.
    """

    checked: int
    found: int
    ahead_s: float
    zone: timedelta
    gaps: tuple[Span, ...] = ()

    @property
    def doubt(self) -> str | None:
        """Why the log's times say nothing of ours; None: they do."""
        if self.ahead_s:
            hours = f"{abs(self.ahead_s) / 3600:g} h {'ahead of' if self.ahead_s > 0 else 'behind'} ours"
            return f"the log's times look {hours}; they fit with --time-zone {self._zone_name()}"
        if not self.checked:
            return "no charge of the books is in the log's time, and so nothing shows that its clock is ours"
        if not self.found or self.found < self.checked * _AGREED:
            return f"the log lacks {self.checked - self.found} of {self.checked} charges of its time"
        return None

    def _zone_name(self) -> str:
        """The zone that the log seems to be of: of whole hours there is one, whose name counts the other way round."""
        hours = (self.zone.total_seconds() + self.ahead_s) / 3600
        if hours == 0:
            return "UTC"
        if hours != round(hours) or not -12 <= hours <= 14:
            return "ZONE"
        return f"Etc/GMT{-round(hours):+d}, which is UTC{round(hours):+d}"


@dataclass(slots=True)
class Clocks:
    """First every entry of the log is told, then the charges of the books, both in any order."""

    zone: tzinfo
    first_at: float = float("inf")
    last_at: float = float("-inf")
    _window_s: float = _QUARTER_S
    _unit_nanos: int = 0
    _tells_groups: bool = False
    _count: int = 0
    _entries: defaultdict[tuple[str, str], list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    _paid: list[Paid] = field(default_factory=list)

    def theirs(self, entry: Entry) -> None:
        self.first_at, self.last_at = min(self.first_at, entry.at), max(self.last_at, entry.at)
        self._unit_nanos = min(self._unit_nanos or entry.unit_nanos, entry.unit_nanos)
        self._tells_groups = self._tells_groups or entry.group != ""
        if entry.nanos <= 0 or entry.at % _QUARTER_S >= self._window_s:
            return
        self._entries[entry.model, entry.group].append((entry.at, entry.nanos))
        self._count += 1
        if self._count > _KEPT and self._window_s > _LEAST_S:
            self._keep_less()

    def ours(self, paid: Paid) -> None:
        if paid.exact and paid.reach_s == 0.0 and paid.nanos > 0 and self._kept(paid.at) and self._pool(paid):
            self._paid.append(paid)

    def covers(self, first_at: float, last_at: float) -> None:
        """The log has all that there was between these times, whether or not there was anything."""
        self.first_at, self.last_at = min(self.first_at, first_at), max(self.last_at, last_at)

    def agreement(self) -> Agreement:
        """Whether the log has what the books have, as its times are or as they would be in another zone."""
        for entries in self._entries.values():
            entries.sort()
        self._paid.sort(key=lambda paid: paid.at)
        seen = [(paid.at, any(self._amounts(paid, paid.at))) for paid in self._paid]
        seen = [(at, there) for at, there in seen if there or self._covered(at)]
        zone = datetime.fromtimestamp(self.first_at if self._count else 0.0, self.zone).utcoffset()
        return Agreement(
            len(seen), sum(there for _, there in seen), self._ahead_s(), zone or timedelta(), tuple(_gaps(seen))
        )

    def _ahead_s(self) -> float:
        """In which other zone more of the charges have an entry of their amount; 0: in none."""
        tried = self._paid[:: len(self._paid) // _TRIED + 1]
        covered, most = self._found(tried, 0.0)
        ahead, share = 0.0, Fraction(most, covered or 1) + _CLEARLY
        for quarters in _QUARTERS:
            covered, found = self._found(tried, quarters * _QUARTER_S)
            if found > most and Fraction(found, covered) > share:
                ahead, most = quarters * _QUARTER_S, found
        return ahead

    def _keep_less(self) -> None:
        self._window_s /= 2
        for pool, entries in self._entries.items():
            self._entries[pool] = [each for each in entries if each[0] % _QUARTER_S < self._window_s]
        self._count = sum(map(len, self._entries.values()))

    def _kept(self, at: float) -> bool:
        """Whether an entry at about this time would have been kept."""
        if self._window_s == _QUARTER_S:
            return True
        return APART_S <= at % _QUARTER_S < self._window_s - APART_S

    def _pool(self, paid: Paid) -> list[tuple[float, int]]:
        return self._entries.get((paid.model, paid.group if self._tells_groups else ""), [])

    def _found(self, charges: Sequence[Paid], ahead_s: float) -> tuple[int, int]:
        """How many charges are in the log's time if its times are so far ahead, and of how many it has an entry."""
        covered = found = 0
        for paid in charges:
            at = paid.at + ahead_s
            has = any(abs(nanos - paid.nanos) < max(self._unit_nanos, 1) for nanos in self._amounts(paid, at))
            found += has
            covered += has or self._covered(at)
        return covered, found

    def _covered(self, at: float) -> bool:
        return self.first_at + APART_S <= at <= self.last_at - APART_S

    def _amounts(self, paid: Paid, at: float) -> Iterator[int]:
        """What the entries of its model and group were billed with at about a time; none is of nothing."""
        entries = self._pool(paid)
        place = bisect_left(entries, (at - APART_S, 0))
        while place < len(entries) and entries[place][0] <= at + APART_S:
            yield entries[place][1]
            place += 1


def _gaps(seen: Sequence[tuple[float, bool]]) -> Iterator[Span]:
    """The times between charges that are in the log in which there are some that are not."""
    begins, lacking = float("-inf"), False
    for at, there in seen:
        if there and lacking:
            yield begins, at
        if there:
            begins = at
        lacking = not there
    if lacking:
        yield begins, float("inf")
