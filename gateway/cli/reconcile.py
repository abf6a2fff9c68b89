"""`gateway ledger reconcile`: the seller's own log beside the books, and what it says of unsettled attempts."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.archive import ArchiveDirs, shelf_of
from gateway.cli.office import Office, run
from gateway.cli.options import AsJson, ConfigFile, print_json
from gateway.cli.reconciled import Reconciled, document, print_all
from gateway.core.clocks import Clocks
from gateway.core.errors import BadRequest, NotFound
from gateway.core.findings import Finding, Span
from gateway.core.logfile import records
from gateway.core.matching import Nearby, findings
from gateway.core.money import decimal_of, nanos_of
from gateway.core.reconcile import Paid, Reconciliation, Tolerance, named
from gateway.core.sellerlog import NAMES, QUOTA_PER_USD, BadEntry, Entry, Reader
from gateway.core.unsettled import Reason, Resolution
from gateway.ledger import charges
from gateway.ledger.rows import Rows
from gateway.ledger.shelf import Shelf
from gateway.ledger.unsettled import UnsettledBooks
from gateway.ledger.zones import zone_of

_DAY = ["%Y-%m-%d"]
_DAY_S = 86_400.0


def reconcile(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV with a header, JSON lines, or JSON."),
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=NAME",
            help=f"What a column is called, where it is not found: {', '.join(NAMES)}. Several times.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Of days, and of times without one.")] = "UTC",
    since: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, help="First day; the log has all of it.", show_default="the log's first"),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Last day, likewise.", show_default="the log's last")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Only this seller's; several times.", show_default="all groups")
    ] = None,
    quota_per_usd: Annotated[int, typer.Option(min=1, help="How much quota is a dollar.")] = QUOTA_PER_USD,
    percent: Annotated[str, typer.Option(metavar="N", help="Tell differences above so many per cent...")] = "0.5",
    usd: Annotated[str, typer.Option(metavar="USD", help="...or so many dollars.")] = "1",
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Settle unsettled attempts that the log explains.")
    ] = False,
    archive: ArchiveDirs = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare the books with the seller's call log, by day, model and group, and name what differs.

    Says of attempts that may have been billed whether the log has them. Ends with 1 where anything differs.
    """
    zone = _zone(time_zone)
    reader, tolerance = Reader(zone, quota_per_usd, _columns(column or [])), _tolerance(percent, usd)
    desk = _Desk(file, reader, _about(zone, since, until, group or []), shelf_of(config, archive), resolve=resolve)
    made: list[Reconciled] = []

    async def work(office: Office) -> None:
        made.append(await desk.reconciled(office, time.time()))

    run(config, work)
    (found,) = made
    if as_json:
        print_json(document(found, tolerance))
    else:
        print_all(found, tolerance)
    if found.differing(tolerance):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Reads the log once, then the ledgers once; of both only sums are kept, and what is near unsettled attempts."""

    file: Path
    reader: Reader
    about: Reconciliation
    shelf: Shelf | None
    resolve: bool

    async def reconciled(self, office: Office, now: float) -> Reconciled:
        books, store = UnsettledBooks(office.ledger.store), office.ledger.store
        names = {group.name.lower(): group.name for group in office.offer.groups}
        wrong = sorted(self.about.groups - set(names.values()))
        if wrong:
            raise BadRequest(f"--group: there is no group {wrong[0]}; there are {', '.join(names.values())}")
        both, clocks = self.about, Clocks(self.about.zone)
        near = Nearby([each async for each in books.attempts() if both.chosen(each.group)])
        for entry in _entries(self.file, self.reader):
            ours = named(entry, office.offer.catalog, names)
            both.theirs(ours)
            near.theirs(ours)
            clocks.theirs(ours)
        if not both.entries:
            raise BadRequest(f"{self.file}: it has no charge of the days and groups that are asked for")

        def paid(each: Paid) -> None:
            if both.chosen(each.group):
                both.ours(each)
                near.ours(each)
                clocks.ours(each)

        def lost(begins: float, ends: float) -> None:
            near.doubts.append((begins, ends))

        begins, ends = self._days()
        covered = (begins if both.since else near.first_at, ends if both.until and ends <= now else near.last_at)
        near.covers(*covered)
        clocks.covers(*covered)
        rows = Rows(store, self.shelf)
        await charges.read(rows, since=begins - _DAY_S, until=ends + _DAY_S, ours=paid, lost=lost)
        agreement = clocks.agreement()
        found = findings(near, near.log(agreement))
        settled = await self._resolved(books, found) if self.resolve else frozenset()
        for each in found:
            if each.attempt.attempt_id not in settled:
                attempt = each.attempt
                both.unsettled(attempt.began or attempt.at, attempt.model, attempt.group, attempt.nanos)
        return Reconciled(both.lines(), both.days, agreement, found, settled, await books.calls(), self.resolve)

    async def _resolved(self, books: UnsettledBooks, found: list[Finding]) -> frozenset[str]:
        """Settles what is certain; by the attempts' names."""
        settled = set()
        for each in found:
            if each.resolved is None:
                continue
            attempt_id = each.attempt.attempt_id
            try:
                made = await books.resolve(
                    attempt_id, each.resolved, Reason.LOG, nanos=each.nanos, billed_at=each.billed_at
                )
            except NotFound:  # somebody has written in the store; then it is as it was
                continue
            if made != Resolution(each.resolved, each.nanos, Reason.LOG):  # somebody else has said so meanwhile
                continue
            settled.add(attempt_id)
            at = each.billed_at or each.attempt.began or each.attempt.at
            self.about.ours(Paid(attempt_id, at, each.attempt.model, each.attempt.group, made.nanos, exact=True))
        return frozenset(settled)

    def _days(self) -> Span:
        """When the days that are compared begin and end."""
        first, last = (datetime.fromisoformat(day).replace(tzinfo=self.about.zone) for day in self.about.days)
        return first.timestamp(), (last + timedelta(days=1)).timestamp()


def _entries(file: Path, reader: Reader) -> Iterator[Entry]:
    """The charges of a file, one after the other. What cannot be read is refused with its place."""
    place = None
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for place, record in records(lines):
                if (entry := reader.entry(record)) is not None:
                    yield entry
                place = None  # whatever is wrong from here on has not been read
        except BadEntry as error:
            raise BadRequest(f"{file}: {place}: {error}" if place else f"{file}: {error}") from None
        except UnicodeDecodeError:
            raise BadRequest(f"{file}: it is not in UTF-8; save it as CSV in UTF-8") from None


def _about(zone: tzinfo, since: datetime | None, until: datetime | None, groups: Iterable[str]) -> Reconciliation:
    first, last = (day.date().isoformat() if day else None for day in (since, until))
    if first and last and first > last:
        raise BadRequest("--since: must not be after --until")
    return Reconciliation(zone, first, last, frozenset(groups))


def _zone(name: str) -> tzinfo:
    try:
        return zone_of(name)
    except ValueError as error:
        raise BadRequest(f"--time-zone: {error}") from None


def _columns(given: list[str]) -> dict[str, str]:
    columns = {}
    for each in given:
        what, equals, name = each.partition("=")
        if not (equals and name and what in NAMES):
            raise BadRequest(f"--column: {each!r} is not WHAT=NAME, with one of {', '.join(NAMES)}")
        columns[what] = name
    return columns


def _tolerance(percent: str, usd: str) -> Tolerance:
    try:
        share, nanos = Fraction(decimal_of(percent)), nanos_of(usd)
    except ValueError as error:
        raise BadRequest(f"--percent, --usd: {error}") from None
    if share < 0:
        raise BadRequest("--percent: is negative")
    return Tolerance(share, nanos)
