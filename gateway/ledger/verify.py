"""Reads the ledgers of teams and of the operator from their first row to their last, and the accounts beside them.

Calls may go on meanwhile: accounts are taken at one moment, and rows up to that moment. Where the archive of a ledger
is not at hand it begins with what the store has noted of it.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from gateway.core.audit import Audit, Booked, Noted, Sums, periods_of
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.rows import Mark, Rows
from gateway.ledger.shelf import Lack, Shelf
from gateway.ledger.volumes import order


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one ledger: a team's, or the operator's. Its sums are those of the account.

    `archived` is how many of its rows have left the store. They were read too, unless the audit `begins` after the row
    of this name, which is the last of them.
    """

    whose: str
    rows: int
    sums: Sums
    faults: tuple[str, ...]
    archived: int = 0
    begins: str = ""


async def verify(books: Books, *, team: str | None = None, shelf: Shelf | None = None) -> AsyncIterator[Verified]:
    """Every ledger, or a team's alone, one after the other. Raises `BooksAway`.

    With a shelf all of the archive has to be there; without one it is not looked for.
    """
    store, rows = books.store, Rows(books.store, shelf)
    teams = [team] if team is not None else sorted(await store.record(layout.TEAMS))
    for each in teams:
        yield await _team(books, rows, each)
    if team is None:
        yield await _operator(rows)


async def _team(books: Books, rows: Rows, team: str) -> Verified:
    ledger = layout.ledger(team)
    keys = [layout.account(team), layout.key_index(team), layout.open_calls(team), ledger]
    stems = [layout.key_stem(team), layout.call_stem(team)]
    while True:
        since = await books.since(team)
        last, *words = await books.store.call("sums", [*keys, *stems], [since])
        if reading := await _read(rows, ledger, last):
            return reading.verified(team, dict(_booked(words, periods_of(since))))


async def _operator(rows: Rows) -> Verified:
    while True:
        last, *words = await rows.store.call("operator_sums", [layout.OPERATOR, layout.OPERATOR_LEDGER])
        if reading := await _read(rows, layout.OPERATOR_LEDGER, last):
            return reading.verified("operator", {"operator": Booked(Sums(*map(int, words)))})


@dataclass(slots=True)
class _Reading:
    audit: Audit
    archived: int = 0
    lacking: bool = False
    begins: str = ""

    def verified(self, whose: str, booked: dict[str, Booked]) -> Verified:
        self.audit.compare(booked)
        sums = booked["operator" if "operator" in booked else "team"].sums
        return Verified(whose, self.audit.rows, sums, tuple(self.audit.faults), self.archived, self.begins)


async def _read(rows: Rows, ledger: str, last: str) -> _Reading | None:
    """The rows up to this one; None where it has left the store meanwhile, and the archive is not at hand."""
    reading = _Reading(Audit())
    audit = reading.audit
    async for each in rows.read(ledger, last=last):
        match each:
            case Lack():
                reading.lacking = True
                audit.begin(Noted())
                if rows.shelf is not None:
                    audit.fault(str(each))
            case Mark(cut, archived, noted):
                if reading.lacking:
                    audit.begin(noted)
                    reading.begins = cut.row
                elif order(cut.row) <= order(last):
                    audit.check(noted)
                reading.archived = archived
                if reading.lacking and order(cut.row) > order(last):
                    return None
            case name, row:
                audit.read(name, row)
    return reading


def _booked(words: list[str], periods: list[str]) -> Iterator[tuple[str, Booked]]:
    """Of each account: name, held, spent, held by open calls, how many run, how many of these do; its periods' sums."""
    wide = 6 + 2 * len(periods)
    for at in range(0, len(words), wide):
        name = words[at]
        held, spent, opened, said, run, *counted = map(int, words[at + 1 : at + wide])
        sums = dict(zip(periods, map(Sums, counted[::2], counted[1::2]), strict=True))
        yield name, Booked(Sums(held, spent), opened, (said, run), sums)
