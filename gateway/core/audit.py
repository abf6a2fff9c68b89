"""Whether accounts are what the rows of their ledger make them: computed again from the first row to the last.

A row tells what it added to held and spent money, and what each of its accounts had after that. So a row that is
missing, doubled or changed shows in the one that follows it. It tells too in which day and month it counts, which
have sums of their own. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.budgets import Period

# Whose sums a row may tell: its team's, its key's, or the operator's.
_WHOSE = ("team", "key", "operator")

# For so long a call that has ended can be settled again, by mistake or by right: 35 days, as the library has it.
_KNOWN_MS = 35 * 86_400_000

# Who reads of so many will not read of more.
_FAULTS_KEPT = 20


class Sums(NamedTuple):
    """Money of an account, in nano-dollars."""

    held: int
    spent: int

    def __str__(self) -> str:
        return f"held {self.held}, spent {self.spent}"


@dataclass(frozen=True, slots=True)
class Booked:
    """What an account says of itself: its sums, and those of days and months, by the name that rows have for them.

    `open_nanos` is what the calls hold together that are not at an end, `running` how many it says that run and how
    many of these calls do; None: nobody counts.
    """

    sums: Sums
    open_nanos: int | None = None
    running: tuple[int, int] | None = None
    periods: Mapping[str, Sums] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Noted:
    """What the rows up to one of them make of every account, and of its days and months, by account and period."""

    sums: Mapping[str, Sums] = field(default_factory=dict)
    periods: Mapping[tuple[str, str], Sums] = field(default_factory=dict)

    def since(self, at: float) -> "Noted":
        """Without the days and months that were over at that time, in seconds since 1970, whatever the time zone."""
        return Noted(self.sums, {each: sums for each, sums in self.periods.items() if _may_last(each[1], at)})


@dataclass(slots=True)
class Audit:
    """Rows are `read` in their order, then accounts are `compared`. `faults` are in words, the first of them first.

    Where rows are not at hand it may `begin` after them, with what is noted of them; of `Noted()`, with what the next
    row says of itself.
    """

    rows: int = 0
    faults: list[str] = field(default_factory=list)
    _sums: dict[str, Sums] = field(default_factory=dict)
    _periods: dict[tuple[str, str], Sums] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)
    _settled_before: set[str] = field(default_factory=set)
    _settled_since_ms: int = 0

    @property
    def noted(self) -> Noted:
        """What the rows make that have been read."""
        return Noted(dict(self._sums), dict(self._periods))

    def begin(self, noted: Noted) -> None:
        self._sums, self._periods = dict(noted.sums), dict(noted.periods)

    def check(self, noted: Noted) -> None:
        """What is noted of the rows that have been read is what they make."""
        for account, sums in noted.sums.items():
            made = self._sums.get(account, Sums(0, 0))
            if sums != made:
                self.fault(f"account {account} is noted with {sums} where its archived rows end; they make {made}")

    def read(self, name: str, row: Mapping[str, str]) -> None:
        """A row, under the name that it can be found by."""
        self.rows += 1
        added = Sums(int(row["held"]), int(row["spent"]))
        for account, after in _told(row):
            known = self._sums.get(account)  # the first row may be one of many that were put away
            if known is not None and after != (made := Sums(known.held + added.held, known.spent + added.spent)):
                self.fault(
                    f"row {name}: {account} has {after} after it; the rows before it and what it adds make {made}"
                )
            self._sums[account] = after
            for period in periods_of(row.get("since", "")):
                counted = self._periods.get((account, period), Sums(0, 0))
                self._periods[account, period] = Sums(counted.held + added.held, counted.spent + added.spent)
        if row["do"] == "settle":
            if row["call"] in self._settled or row["call"] in self._settled_before:
                self.fault(f"row {name}: call {row['call']} is charged a second time")
            self._settle(row["call"], int(name.partition("-")[0]))

    def compare(self, booked: Mapping[str, Booked]) -> None:
        """The accounts, by the names that rows have for them: `team`, `operator`, or a key's id."""
        for account, found in booked.items():
            made = self._sums.get(account, Sums(0, 0))
            if found.sums != made:
                self.fault(f"account {account} has {found.sums}; its rows make {made}")
            if found.open_nanos not in (None, found.sums.held):
                self.fault(f"account {account} holds {found.sums.held}; its open calls hold {found.open_nanos}")
            if found.running is not None and found.running[0] != found.running[1]:
                said, run = found.running
                self.fault(f"account {account} has {said} running calls; of its open calls {run} do")
            for period, sums in found.periods.items():
                made = self._periods.get((account, period), Sums(0, 0))
                if sums != made:
                    self.fault(f"account {account} has {sums} of the {period}; its rows make {made}")
        for account in self._sums.keys() - booked.keys():
            self.fault(f"account {account} is in the rows and not in the books")

    def _settle(self, call: str, at_ms: int) -> None:
        """Calls are known for twice as long as the books know them: an archive may have those of years."""
        if at_ms - self._settled_since_ms > _KNOWN_MS:
            self._settled_before, self._settled, self._settled_since_ms = self._settled, set(), at_ms
        self._settled.add(call)

    def fault(self, words: str) -> None:
        """Something is wrong that is found where rows are looked for."""
        if len(self.faults) < _FAULTS_KEPT:
            self.faults.append(words)


def periods_of(since: str) -> list[str]:
    """The day and the month in which a row counts, as they are called here: "86400 0" -> "day 86400", "month 0"."""
    return [f"{name} {begins}" for name, begins in zip((Period.DAY, Period.MONTH), since.split(), strict=False)]


# Longer than any day, and any month, of a time zone whose clocks change.
_LONGEST_S = {Period.DAY: 26 * 3600, Period.MONTH: 32 * 86_400}


def _may_last(period: str, at: float) -> bool:
    name, begins = period.split()
    return int(begins) + _LONGEST_S[Period(name)] > at


def _told(row: Mapping[str, str]) -> Iterator[tuple[str, Sums]]:
    """Each account of a row, with its sums after it. Rows of earlier releases have a field for each of these."""
    for whose in _WHOSE:
        after = row.get(f"{whose}_after", "").split() or [
            row[name] for name in (f"{whose}_held_after", f"{whose}_spent_after") if name in row
        ]
        if after:
            yield row["key"] if whose == "key" else whose, Sums(*map(int, after))
