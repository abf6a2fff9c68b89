"""The rows of a ledger in their order, wherever they are: first those in the archive, then those in the store.

Calls may go on meanwhile, and so may the archiver: rows that leave the store while they are read are read in the
archive.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from redis.asyncio import Redis

from gateway.core.audit import Noted, Sums
from gateway.ledger import layout
from gateway.ledger.shelf import Lack, Shelf, read
from gateway.ledger.store import Store
from gateway.ledger.volumes import NOTHING, Cut, Row, order

# With more at a time other work on the same loop waits: 200 took it for 70 ms at the worst, and were no faster.
AT_ONCE = 50

# As the name of a row: what comes after all of them.
END = "+"

# What is noted of an account beside its days and months.
_ALL = "all"

# As much as the second part of a row's name can be.
_LAST_OF_ALL = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a ledger begins in the store, and what the `rows` before that make, all of which are in the archive."""

    cut: Cut
    rows: int
    noted: Noted


@dataclass(frozen=True, slots=True)
class Rows:
    """The ledgers of a store, and what is at hand of their archive. All methods raise `BooksAway`."""

    store: Store
    shelf: Shelf | None = None

    async def mark(self, ledger: str) -> Mark:
        return _mark(await self.store.record(layout.archive(ledger)))

    async def newest(self, ledger: str) -> str | None:
        """The name of the last row, which never leaves the store; None where there is none."""
        found = await self.store.ask(ledger, lambda client: client.xrevrange(ledger, count=1))
        return str(found[0][0]) if found else None

    async def read(self, ledger: str, *, last: str = END, since_ms: int = 0) -> AsyncIterator[Row | Lack | Mark]:
        """Every row from a time on, up to the one of this name.

        A Lack stands where rows are that are not at hand. A Mark follows what is in the archive: where the store's rows
        begin, and what all rows before that make.
        """
        after = f"{since_ms - 1}-{_LAST_OF_ALL}" if since_ms > 0 else NOTHING.row
        while _before(after, last):
            mark = await self.mark(ledger)
            if _before(after, mark.cut.row):
                async for each in self._archived(ledger, mark.cut, after):
                    if isinstance(each, Lack) or not _before(last, each[0]):
                        yield each
                yield mark
                after = mark.cut.row
            async for row in self._stored(ledger, after, last):
                yield row
                after, _ = row
            if (await self.mark(ledger)).cut == mark.cut:
                return

    async def _archived(self, ledger: str, cut: Cut, after: str) -> AsyncIterator[Row | Lack]:
        if self.shelf is None:
            yield Lack(NOTHING.row, cut.row)
            return
        for each in await asyncio.to_thread(self.shelf.trace, ledger, cut, after):
            if isinstance(each, Lack):
                yield each
                continue
            async for row in _in(each):
                if _before(after, row[0]):
                    yield row

    async def _stored(self, ledger: str, after: str, last: str) -> AsyncIterator[Row]:
        """Up to where the store has them without a gap."""
        while True:
            to, page = await self.page(ledger, after, last)
            if _before(after, to):
                return
            for row in page:
                yield row
                after, _ = row
            if len(page) < AT_ONCE:
                return

    async def page(self, ledger: str, after: str, last: str, *, count: int = AT_ONCE) -> tuple[str, list[Row]]:
        """Up to which row they are in the archive, and some of those in the store after one, both at one moment."""

        async def work(client: Redis) -> tuple[str, list[Row]]:
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.hget(layout.archive(ledger), "to")
                pipeline.xrange(ledger, f"({after}", last, count=count)
                to, page = await pipeline.execute()
                return to or NOTHING.row, page

        return await self.store.ask(ledger, work)


def sums_text(noted: Noted) -> str:
    """What is noted, as it is written in the store: of each account held and spent, in all and by period."""
    written: dict[str, dict[str, Sums]] = {account: {_ALL: sums} for account, sums in noted.sums.items()}
    for (account, period), sums in noted.periods.items():
        written[account][period] = sums
    return json.dumps(written, separators=(",", ":"))


def _mark(record: Mapping[str, str]) -> Mark:
    sums, periods = dict[str, Sums](), dict[tuple[str, str], Sums]()
    for account, written in json.loads(record.get("sums", "{}")).items():
        sums[account] = Sums(*written.pop(_ALL))
        periods.update({(account, period): Sums(*each) for period, each in written.items()})
    cut = Cut(record.get("to", NOTHING.row), record.get("digest", NOTHING.digest))
    return Mark(cut, int(record.get("rows", 0)), Noted(sums, periods))


async def _in(volume: Path) -> AsyncIterator[Row]:
    rows = await asyncio.to_thread(read, volume)
    while some := await asyncio.to_thread(lambda: list(islice(rows, AT_ONCE))):
        for row in some:
            yield row


def _before(row: str, other: str) -> bool:
    return row != END and (other == END or order(row) < order(other))
