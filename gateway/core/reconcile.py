"""The seller's log beside the books, by day, model and group: what each says was spent, and where they differ.

Ours is what callers were charged and what the operator has paid. What is unsettled stands apart, since nobody knows.
A log that rounds its amounts is compared within its own rounding. Pure: zones and thresholds come in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import NamedTuple

from gateway.core.catalog import Catalog
from gateway.core.sellerlog import Entry

# We write a charge down after the seller has: one that is written so soon after midnight may be of the day before.
# 700 s: an attempt is waited for 660 s at most.
EDGE_S = 700.0


@dataclass(frozen=True, slots=True)
class Paid:
    """An attempt that the books have as billed. `at` is when that was written, in seconds since 1970.

    `exact`: the amount is what the seller's own count of tokens or its price of a call makes it, no estimate. Where it
    was found out later, `at` is when the attempt was sent, and it was billed within `reach_s` from then.
    """

    attempt_id: str
    at: float
    model: str
    group: str
    nanos: int
    exact: bool
    reach_s: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A difference is told when it is above either: so many per cent of what was spent, or so many nano-dollars."""

    percent: Fraction = Fraction(1, 2)
    nanos: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One day, model and group; an empty group: the log does not tell groups. `rounding_nanos` is the log's.

    `moved_nanos` of ours was written just after the midnight before or behind, and is counted with the other day.
    """

    day: str
    model: str
    group: str
    ours_calls: int = 0
    theirs_calls: int = 0
    ours_nanos: int = 0
    theirs_nanos: int = 0
    unsettled_nanos: int = 0
    rounding_nanos: int = 0
    ours_tokens: int = 0
    theirs_tokens: int = 0
    moved_nanos: int = 0

    @property
    def difference(self) -> int:
        """What the seller took more than the books have."""
        return self.theirs_nanos - self.ours_nanos

    def differs(self, tolerance: Tolerance) -> bool:
        return self._matters(abs(self.difference) - self.rounding_nanos, tolerance)

    def hides(self, tolerance: Tolerance) -> bool:
        """Whether a difference that would be told may be the log's rounding, and is not."""
        return self._matters(self.rounding_nanos, tolerance)

    def _matters(self, nanos: int, tolerance: Tolerance) -> bool:
        share = tolerance.percent * max(abs(self.ours_nanos), abs(self.theirs_nanos))
        return nanos > 0 and (nanos > tolerance.nanos or nanos * 100 > share)


class _Key(NamedTuple):
    day: str
    model: str
    group: str


@dataclass(slots=True)
class _Cell:
    ours_calls: int = 0
    theirs_calls: int = 0
    ours: int = 0
    theirs: int = 0
    unsettled: int = 0
    ours_tokens: int = 0
    theirs_tokens: int = 0
    early: list[tuple[float, int]] = field(default_factory=list)  # of ours, just after midnight: when, and how much

    def add(self, other: "_Cell") -> None:
        self.ours_calls += other.ours_calls
        self.theirs_calls += other.theirs_calls
        self.ours += other.ours
        self.theirs += other.theirs
        self.unsettled += other.unsettled
        self.ours_tokens += other.ours_tokens
        self.theirs_tokens += other.theirs_tokens
        self.early += other.early


@dataclass(slots=True)
class Reconciliation:
    """Entries of the log and what is in the books are told one by one, in any order; then there are `lines`.

    Days are those of `zone`, from `since` to `until`, both included and None where the log itself says. `groups`
    are those compared; empty: all.
    """

    zone: tzinfo
    since: str | None = None
    until: str | None = None
    groups: frozenset[str] = frozenset()
    entries: int = 0
    first_at: float = float("inf")
    last_at: float = float("-inf")
    unit_nanos: int = 0  # what the last digit of the log is worth, where it says most
    tells_groups: bool = False
    _cells: dict[_Key, _Cell] = field(default_factory=dict)
    _days: dict[float, str] = field(default_factory=dict)  # by the quarter of an hour: no day begins within one

    def theirs(self, entry: Entry) -> bool:
        """Whether it is one of those that are compared."""
        if entry.group:
            self.tells_groups = True
        day = self._day(entry.at)
        if not self.chosen(entry.group) or day < (self.since or day) or day > (self.until or day):
            return False
        self.entries += 1
        self.first_at, self.last_at = min(self.first_at, entry.at), max(self.last_at, entry.at)
        self.unit_nanos = min(self.unit_nanos or entry.unit_nanos, entry.unit_nanos)
        cell = self._cells.setdefault(_Key(day, entry.model, entry.group), _Cell())
        cell.theirs += entry.nanos
        cell.theirs_calls += 1 if entry.nanos > 0 else 0
        cell.theirs_tokens += entry.tokens
        return True

    def ours(self, paid: Paid) -> None:
        cell = self._cell(paid.at, paid.model, paid.group)
        if cell is None or paid.nanos == 0:
            return
        cell.ours += paid.nanos
        cell.ours_calls += 1
        cell.ours_tokens += paid.tokens
        moment = datetime.fromtimestamp(paid.at, self.zone)
        if moment.hour == 0 and moment.minute * 60 + moment.second < EDGE_S:
            cell.early.append((paid.at, paid.nanos))

    def unsettled(self, at: float, model: str, group: str, nanos: int) -> None:
        if cell := self._cell(at, model, group):
            cell.unsettled += nanos

    def chosen(self, group: str) -> bool:
        """Whether a group is compared; what has none always is."""
        return not self.groups or not group or group in self.groups

    def lines(self) -> list[Line]:
        """Every day, model and group that either side has, of the days that the log is about."""
        cells = self._cells if self.tells_groups else _without_groups(self._cells)
        moved = _levelled(cells, self.unit_nanos)
        first, last = self.days
        return [
            self._line(key, cell, moved.get(key, 0)) for key, cell in sorted(cells.items()) if first <= key.day <= last
        ]

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day that are compared."""
        if not self.entries:
            return self.since or "", self.until or ""
        return self.since or self._day(self.first_at), self.until or self._day(self.last_at)

    def _line(self, key: _Key, cell: _Cell, moved: int) -> Line:
        rounding = cell.theirs_calls * max(0, self.unit_nanos - 1)
        calls, nanos = (cell.ours_calls, cell.theirs_calls), (cell.ours, cell.theirs)
        tokens = (cell.ours_tokens, cell.theirs_tokens)
        return Line(*key, *calls, *nanos, cell.unsettled, rounding, *tokens, moved)

    def _cell(self, at: float, model: str, group: str) -> _Cell | None:
        if not self.chosen(group):
            return None
        return self._cells.setdefault(_Key(self._day(at), model, group), _Cell())

    def _day(self, at: float) -> str:
        quarter = at // 900.0
        day = self._days.get(quarter)
        if day is None:
            day = self._days[quarter] = datetime.fromtimestamp(at, self.zone).date().isoformat()
        return day


def total(lines: Iterable[Line]) -> Line:
    """All of them together."""
    found = list(lines)
    sums = {name: sum(getattr(line, name) for line in found) for name in _FIGURES}
    return Line("total", "", "", **sums)


def named(entry: Entry, catalog: Catalog, names: Mapping[str, str]) -> Entry:
    """An entry with its model and group as they are called here; others keep the names that the seller has for them."""
    known = catalog.find(entry.model)
    model = known.model.id if known else entry.model
    group = names.get(entry.group.lower(), entry.group)
    return entry if (model, group) == (entry.model, entry.group) else replace(entry, model=model, group=group)


_FIGURES = (
    *("ours_calls", "theirs_calls", "ours_nanos", "theirs_nanos"),
    *("unsettled_nanos", "rounding_nanos", "ours_tokens", "theirs_tokens"),
)


def _without_groups(cells: Mapping[_Key, _Cell]) -> dict[_Key, _Cell]:
    merged: dict[_Key, _Cell] = {}
    for key, cell in cells.items():
        merged.setdefault(key._replace(group=""), _Cell()).add(cell)
    return merged


def _levelled(cells: Mapping[_Key, _Cell], unit: int) -> dict[_Key, int]:
    """Counts what was written just after midnight with the day before, as far as that has too little and this too much.

    Gives what was moved from or to each day.
    """
    moved: dict[_Key, int] = {}
    for before, key in _neighbours(cells):
        here, there = cells[key], cells[before]
        for _, nanos in sorted(here.early):
            slack = max(0, unit - 1) * max(1, there.theirs_calls)
            if there.ours + nanos > there.theirs + slack or here.ours - nanos < here.theirs - slack:
                break
            here.ours, there.ours = here.ours - nanos, there.ours + nanos
            here.ours_calls, there.ours_calls = here.ours_calls - 1, there.ours_calls + 1
            moved[key], moved[before] = moved.get(key, 0) - nanos, moved.get(before, 0) + nanos
    return moved


def _neighbours(cells: Mapping[_Key, _Cell]) -> Iterator[tuple[_Key, _Key]]:
    """Days that follow each other, of the same model and group."""
    for key in sorted(cells):
        day = datetime.fromisoformat(key.day).toordinal() - 1
        before = key._replace(day=datetime.fromordinal(day).date().isoformat())
        if before in cells:
            yield before, key
