"""Rows that are old enough leave the store and go into files, so that the store stays small and nothing is forgotten.

First a volume is on the disk, then its rows leave the ledger and it is noted where that begins now: in one step, that
only a volume can take which follows on what left before. So it may be broken off anywhere and done again, and several
may do it at once: a volume that comes too late counts for nothing. The newest row of a ledger stays.
"""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gateway.core.audit import Audit
from gateway.core.errors import BooksAway
from gateway.core.events import LedgersMeasured, Observer, RowsArchived, StoreLost
from gateway.ledger import layout
from gateway.ledger.rows import AT_ONCE, END, Rows, sums_text
from gateway.ledger.shelf import Shelf, Writing, read
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks
from gateway.ledger.volumes import NOTHING, Row, order

# How often it is looked, by one of all gateways; that one tells the others with every volume that it goes on.
ARCHIVE_EVERY_S = 600.0
_TURN_S = ARCHIVE_EVERY_S / 2

# A volume has so many rows at most; of all of them only some are in memory.
LONGEST = 50_000

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Archived:
    """Rows of a ledger that are in a volume now, and no longer in the store."""

    whose: str
    first: str
    last: str
    rows: int
    path: Path


@dataclass(frozen=True, slots=True)
class Archive:
    """Where rows go: a volume may have so many of them."""

    store: Store
    shelf: Shelf
    longest: int = LONGEST

    async def put_away(self, before: float) -> AsyncIterator[Archived]:
        """The rows of all ledgers that were written before this time, in seconds since 1970; volume by volume.

        May be repeated. Raises `BooksAway`, and `OSError` where no file can be written.
        """
        for whose, ledger in await ledgers(self.store):
            while made := await self._volume(whose, ledger, round(before * 1000)):
                yield made

    async def _volume(self, whose: str, ledger: str, before_ms: int) -> Archived | None:
        """The next one of a ledger; None where nothing is old enough."""
        rows = Rows(self.store)
        mark = await rows.mark(ledger)
        pages = self._pages(rows, ledger, mark.cut.row, before_ms)
        first = await anext(pages, None)
        if first is None:
            return None
        if ledger == layout.OPERATOR_LEDGER:
            await UnsettledBooks(self.store).adopt()  # what is to be adopted is looked for in the store alone
        audit = Audit()
        audit.begin(mark.noted)
        with self.shelf.writing(ledger, mark.cut) as writing:
            await asyncio.to_thread(_add, writing, audit, first)
            async for page in pages:
                await asyncio.to_thread(_add, writing, audit, page)
            title, path = await asyncio.to_thread(writing.keep)
        await self._compare(rows, ledger, mark.cut.row, title.last, path)
        noted = audit.noted.since(order(title.last)[0] / 1000)
        args = [mark.cut.row, title.last, str(audit.rows), title.digest, sums_text(noted)]
        state, *_ = await self.store.call("archived", [ledger, layout.archive(ledger)], args)
        if state == "elsewhere":
            return await self._volume(whose, ledger, before_ms)  # from where the one who was faster has left off
        return Archived(whose, title.first, title.last, audit.rows, path)

    async def _compare(self, rows: Rows, ledger: str, after: str, last: str, path: Path) -> None:
        """What is to leave is in the file, read once more, row for row; raises `OSError` where it is not.

        Where rows have left meanwhile, somebody else's volume has them.
        """
        kept, begins = await asyncio.to_thread(read, path), after
        while True:
            to, page = await rows.page(ledger, after, last)
            if to != begins:
                return
            if await asyncio.to_thread(_next, kept, len(page)) != page:
                raise OSError(errno.EIO, "it has not the rows that were written to it, so they stay in the store", path)
            if not page:
                return
            after, _ = page[-1]

    async def _pages(self, rows: Rows, ledger: str, after: str, before_ms: int) -> AsyncIterator[list[Row]]:
        """Rows for one volume, some at a time; not the newest row, since the names of later ones go on from it."""
        newest, left = await rows.newest(ledger), self.longest
        ends = min((before_ms, 0), order(newest or NOTHING.row))
        while left:
            _, page = await rows.page(ledger, after, END, count=min(left, AT_ONCE))
            old = [row for row in page if order(row[0]) < ends]
            if old:
                yield old
                after, _ = old[-1]
                left -= len(old)
            if len(old) < AT_ONCE:
                return


@dataclass(frozen=True, slots=True)
class Archiver:
    """What a gateway does about it: after so many days rows leave the store for a shelf; if either is None they stay.

    They leave by whole days (UTC), so that a ledger has few volumes.
    """

    store: Store
    shelf: Shelf | None
    days: int | None
    observe: Observer
    today: Callable[[], float]

    async def turn(self) -> None:
        """Tells how large the ledgers are, and puts away what is old; to be taken every `ARCHIVE_EVERY_S`."""
        try:
            self.observe(LedgersMeasured(await _rows_in(self.store)))
            if self.shelf is None or self.days is None:
                return
            if await self.store.first(layout.ARCHIVER, within_s=_TURN_S):
                await self._put_away(Archive(self.store, self.shelf), self.today() - self.days * DAY_S)
        except BooksAway as away:
            self.observe(StoreLost("archive", str(away.__cause__ or away)))  # it may be that this user may not XTRIM
        except OSError as failure:
            self.observe(StoreLost("archive", failure.strerror or str(failure)))

    async def _put_away(self, archive: Archive, before: float) -> None:
        async for each in archive.put_away(before - before % DAY_S):
            self.observe(RowsArchived(each.whose, each.rows, each.first, each.last))
            await self.store.keep({layout.ARCHIVER: ""}, for_s=_TURN_S)


async def ledgers(store: Store) -> list[tuple[str, str]]:
    """All of them: whose each is, a team's id or `operator`, and its name."""
    teams = sorted(await store.record(layout.TEAMS))
    return [*((team, layout.ledger(team)) for team in teams), ("operator", layout.OPERATOR_LEDGER)]


async def _rows_in(store: Store) -> int:
    names = [name for _, name in await ledgers(store)]
    return sum(await store.ask_all(names, lambda client, name: client.xlen(name)))


def _next(kept: Iterator[Row], count: int) -> list[Row]:
    """So many rows more, or the one that is there where none should be."""
    return list(islice(kept, count or 1))


def _add(writing: Writing, audit: Audit, page: Sequence[Row]) -> None:
    writing.draft.add(page)
    for name, row in page:
        audit.read(name, row)
