"""The seller's own log beside the books, and what it says of unsettled attempts.

Reads the log once, then the ledgers once; of both only sums are kept, and what is near unsettled attempts. Whoever
else runs in this process goes on meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from gateway.core.clocks import Agreement, Clocks
from gateway.core.errors import BadRequest, NotFound
from gateway.core.findings import Finding, Span
from gateway.core.logfile import records
from gateway.core.matching import Nearby, findings
from gateway.core.money import decimal_of, nanos_of
from gateway.core.reconcile import Line, Paid, Reconciliation, Tolerance, named, total
from gateway.core.sellerlog import NAMES, QUOTA_PER_USD, BadEntry, Entry, Reader
from gateway.core.terms import Offer
from gateway.core.unsettled import Reason, Resolution, UnsettledCall
from gateway.ledger import charges
from gateway.ledger.rows import Rows
from gateway.ledger.shelf import Shelf
from gateway.ledger.unsettled import UnsettledBooks
from gateway.ledger.zones import zone_of

_DAY_S = 86_400.0

# So many entries are read before others have their turn.
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTerms:
    """How a log is to be read and compared, as it is written. Days are of the time zone, and without them the log's."""

    time_zone: str = "UTC"
    since: date | None = None
    until: date | None = None
    group: Collection[str] = ()
    column: Collection[str] = ()
    quota_per_usd: int = QUOTA_PER_USD
    percent: str = "0.5"
    usd: str = "1"
    resolve: bool = False


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was compared: lines, from which day to which. `settled` are attempts that the log has just resolved."""

    lines: Sequence[Line]
    days: tuple[str, str]
    clocks: Agreement
    findings: Sequence[Finding]
    settled: frozenset[str]
    calls: Sequence[UnsettledCall]
    resolving: bool

    def differing(self, tolerance: Tolerance) -> list[Line]:
        """Lines that differ by more than is tolerated, their total too."""
        return [line for line in (*self.lines, total(self.lines)) if line.differs(tolerance)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; made by `comparison_of`, and used once."""

    offer: Offer
    reader: Reader
    about: Reconciliation
    tolerance: Tolerance
    resolve: bool

    async def made(
        self, books: UnsettledBooks, log: Iterable[str], now: float, shelf: Shelf | None = None
    ) -> Reconciled:
        """What comes of the lines of a log, with what of the archive is on the shelf.

        Raises `BadRequest` about `log` if it cannot be read, and `BooksAway`.
        """
        both, clocks = self.about, Clocks(self.about.zone)
        near = Nearby([each async for each in books.attempts() if both.chosen(each.group)])
        names = {group.name.lower(): group.name for group in self.offer.groups}
        async for entry in self._entries(log):
            ours = named(entry, self.offer.catalog, names)
            both.theirs(ours)
            near.theirs(ours)
            clocks.theirs(ours)
        if not both.entries:
            raise BadRequest("it has no charge of the days and groups that are asked for", param="log")

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
        await charges.read(Rows(books.store, shelf), since=begins - _DAY_S, until=ends + _DAY_S, ours=paid, lost=lost)
        agreement, found = await asyncio.to_thread(_judged, near, clocks)
        settled = await self._resolved(books, found) if self.resolve else frozenset()
        for each in found:
            if each.attempt.attempt_id not in settled:
                attempt = each.attempt
                both.unsettled(attempt.began or attempt.at, attempt.model, attempt.group, attempt.nanos)
        return Reconciled(both.lines(), both.days, agreement, found, settled, await books.calls(), self.resolve)

    async def _resolved(self, books: UnsettledBooks, found: Sequence[Finding]) -> frozenset[str]:
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

    async def _entries(self, log: Iterable[str]) -> AsyncIterator[Entry]:
        """The charges of a log, one after the other. What cannot be read is refused with its place."""
        place = None
        try:
            for number, (place, record) in enumerate(records(log)):
                if (entry := self.reader.entry(record)) is not None:
                    yield entry
                place = None  # whatever is wrong from here on has not been read
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        except BadEntry as error:
            raise BadRequest(f"{place}: {error}" if place else str(error), param="log") from None
        except UnicodeDecodeError:
            raise BadRequest("it is not in UTF-8; save it as CSV in UTF-8", param="log") from None


def comparison_of(terms: LogTerms, offer: Offer) -> Comparison:
    """The comparison that the terms mean; raises `BadRequest` whose `param` is the field that is wrong."""
    try:
        zone = zone_of(terms.time_zone)
    except ValueError as error:
        raise BadRequest(str(error), param="time_zone") from None
    first, last = (day.isoformat() if day else None for day in (terms.since, terms.until))
    if first and last and first > last:
        raise BadRequest("must not be after until", param="since")
    names = [group.name for group in offer.groups]
    if wrong := sorted(set(terms.group) - set(names)):
        raise BadRequest(f"there is no group {wrong[0]}; there are {', '.join(names)}", param="group")
    reader = Reader(zone, terms.quota_per_usd, _columns(terms.column))
    about = Reconciliation(zone, first, last, frozenset(terms.group))
    return Comparison(offer, reader, about, _tolerance(terms), terms.resolve)


def _judged(near: Nearby, clocks: Clocks) -> tuple[Agreement, list[Finding]]:
    """In a thread of its own, since a crowd takes a second."""
    agreement = clocks.agreement()
    return agreement, findings(near, near.log(agreement))


def _columns(given: Iterable[str]) -> dict[str, str]:
    columns = {}
    for each in given:
        what, equals, name = each.partition("=")
        if not (equals and name and what in NAMES):
            raise BadRequest(f"{each!r} is not WHAT=NAME, with one of {', '.join(NAMES)}", param="column")
        columns[what] = name
    return columns


def _tolerance(terms: LogTerms) -> Tolerance:
    param = "percent"
    try:
        share = Fraction(decimal_of(terms.percent))
        param = "usd"
        nanos = nanos_of(terms.usd)
    except ValueError as error:
        raise BadRequest(str(error), param=param) from None
    if share < 0:
        raise BadRequest("is negative", param="percent")
    return Tolerance(share, nanos)
