"""What the ledgers have as billed by the upstream, attempt by attempt: charges of callers, and what the operator paid.

Reads rows, one after the other, and keeps only which calls have not ended.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.core.errors import NotFound
from gateway.core.findings import REACH_S
from gateway.core.prices import Basis
from gateway.core.reconcile import Paid
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger import layout
from gateway.ledger.rows import Mark, Rows
from gateway.ledger.shelf import Lack
from gateway.ledger.volumes import order

Row = Mapping[str, str]


async def read(
    rows: Rows, *, since: float, until: float, ours: Callable[[Paid], None], lost: Callable[[float, float], None]
) -> None:
    """Tells `ours` of every attempt that was billed between two times, in seconds since 1970.

    Tells `lost` from when to when attempts may have been sent that are in no row: those of calls that nobody ended in
    time, or has ended yet. Raises `BooksAway`, and `NotFound` for rows that are archived and not at hand.
    """
    for team in sorted(await rows.store.record(layout.TEAMS)):
        calls = _Calls(since, until, ours, lost)
        async for at, row in _since(rows, layout.ledger(team), since):
            if at > until:
                break
            calls.read(row, at)
        calls.end()
    async for at, row in _since(rows, layout.OPERATOR_LEDGER, since):
        for paid in _of_operator(row, at):
            if since <= paid.at <= until:
                ours(paid)


async def _since(rows: Rows, ledger: str, since: float) -> AsyncIterator[tuple[float, Row]]:
    """When each row was written, and what it says."""
    async for each in rows.read(ledger, since_ms=math.ceil(since * 1000)):
        match each:
            case Lack():
                raise NotFound(f"{ledger}: {each}")
            case Mark():
                pass
            case name, row:
                yield order(name)[0] / 1000, row


@dataclass(slots=True)
class _Calls:
    """The calls of a team, row by row."""

    since: float
    until: float
    ours: Callable[[Paid], None]
    lost: Callable[[float, float], None]
    _began: dict[str, float] = field(default_factory=dict)  # of those that have not ended

    def read(self, row: Row, at: float) -> None:
        if row["do"] == "reserve":
            self._began[row["call"]] = at
            return
        began = self._began.pop(row["call"], self.since)
        if row["do"] == "unsettled":
            self.lost(began, at)
        elif row["do"] == "settle":
            self.ours(_paid(row, at))

    def end(self) -> None:
        for began in self._began.values():
            self.lost(began, self.until)


def _of_operator(row: Row, at: float) -> Iterator[Paid]:
    """What a row has as spent; what it has as held nobody knows."""
    if row["do"] == "operator" and row["held"] == "0":
        yield _paid(row, at)
    elif row["do"] == "resolve" and row["resolved"] == Resolved.BILLED:
        if "billed_at" in row:
            yield _paid(row, int(row["billed_at"]) / 1000)
        else:
            began = int(row.get("began", row["at"])) / 1000
            exact = row["why"] != Reason.PRESUMED and row["basis"] != Basis.ESTIMATE
            yield _paid(row, began, exact=exact, reach_s=REACH_S)


def _paid(row: Row, at: float, *, exact: bool | None = None, reach_s: float = 0.0) -> Paid:
    """Of a call that was given up only the team is known."""
    known = row["basis"] != Basis.ESTIMATE if exact is None else exact
    tokens = int(row.get("input", 0)) + int(row.get("output", 0))
    whose = (row["attempt"], at, row.get("model", ""), row.get("group", ""))
    return Paid(*whose, int(row["spent"]), known, reach_s, tokens)
