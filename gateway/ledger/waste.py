"""What was paid and never delivered, read from the operator's ledger and from what was counted of callers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

from gateway.core.report import UsageLine
from gateway.core.waste import Waste, added_up, of_row, of_unsettled, of_usage
from gateway.ledger import layout
from gateway.ledger.reports import Span
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks


async def wasted(store: Store, span: Span, lines: list[UsageLine], *, team: str | None = None) -> list[Waste]:
    """By group and cause, of one team's calls or of all; `lines` are its usage by day. Raises `BooksAway`.

    An attempt counts when it is paid; one of which nobody knows yet, when that was noted.
    """
    found = [each async for each in _of_operator(store, span, team)]
    return added_up([*found, *of_usage(lines)])


async def _of_operator(store: Store, span: Span, team: str | None) -> AsyncIterator[Waste]:
    begins, ends = _ms(span)
    async for _, row in store.rows(layout.OPERATOR_LEDGER, str(ends - 1), first=str(begins)):
        each = of_row(row)
        if each is not None and team in (None, row["team"]):
            yield each
    async for attempt in UnsettledBooks(store).attempts():
        if begins <= attempt.at * 1000 < ends and team in (None, attempt.team):
            yield of_unsettled(attempt)


def _ms(span: Span) -> tuple[int, int]:
    """When the days begin and end, in ms since 1970; not before that."""
    begins = datetime.combine(span.since, time(), UTC).timestamp()
    ends = datetime.combine(span.until, time(), UTC).timestamp() + timedelta(days=1).total_seconds()
    return max(0, round(begins * 1000)), max(1, round(ends * 1000))
