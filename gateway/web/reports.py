"""Reports, asked for in the same words by the admin API, by the holder of a key and by the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Query

from gateway.core.money import usd_of
from gateway.core.past import Payer
from gateway.core.report import By, UsageRow, added_up, by_words
from gateway.core.table import Cell, Column, Kind, Table
from gateway.ledger import reports
from gateway.ledger.store import Store
from gateway.ledger.waste import wasted

FirstDay = Annotated[date | None, Query(description="First day, UTC; by default 30 days ago.")]
LastDay = Annotated[date | None, Query(description="Last day, UTC; by default today.")]

_FIGURES = (
    Column("calls", Kind.COUNT),
    Column("pictures", Kind.COUNT),
    Column("input_tokens", Kind.COUNT),
    Column("output_tokens", Kind.COUNT),
    Column("usd", Kind.USD),
    Column("saved_usd", Kind.USD),
    Column("list_usd", Kind.USD),
    Column("below_list_usd", Kind.USD),
)

_WASTE = (
    *(Column(name, Kind.TEXT) for name in ("group", "cause", "paid_by")),
    Column("answers", Kind.COUNT),
    Column("usd", Kind.USD),
    Column("unsettled_usd", Kind.USD),
)


@dataclass(frozen=True, slots=True)
class UsageWords:
    """A question about usage, as somebody has put it."""

    by: Annotated[
        str | None,
        Query(description=f"What to tell apart, in this order: any of {', '.join(By)}.", examples=["team,model"]),
    ] = None
    since: FirstDay = None
    until: LastDay = None


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """What somebody asks of the usage: told apart by what, of which days, of one team or key or of all."""

    by: tuple[By, ...]
    span: reports.Span
    team: str | None
    key_id: str | None

    def days(self) -> dict[str, str]:
        return {"since": self.span.since.isoformat(), "until": self.span.until.isoformat()}

    def named(self, what: str) -> str:
        """What a file with the answer may be called."""
        return f"{what}-{self.span.since}-{self.span.until}"


def question(words: UsageWords, now: float, *, team: str | None = None, key_id: str | None = None) -> UsageQuestion:
    """`now` is the date, in seconds since 1970. Raises `BadRequest` for what cannot be answered."""
    by, today = by_words(words.by), datetime.fromtimestamp(now, UTC).date()
    return UsageQuestion(by, reports.span(words.since, words.until, today, hourly=By.HOUR in by), team, key_id)


async def used(store: Store, asked: UsageQuestion) -> Table:
    """The answer. Raises `BooksAway`."""
    hourly = By.HOUR in asked.by
    lines = await reports.usage(store, asked.span, team=asked.team, key_id=asked.key_id, hourly=hourly)
    return usage_table(asked.by, added_up(lines, asked.by))


async def waste(store: Store, asked: UsageQuestion) -> tuple[Table, dict[str, str]]:
    """What was paid and never delivered, and all that was paid. Raises `BooksAway`."""
    lines = await reports.usage(store, asked.span, team=asked.team)
    found = await wasted(store, asked.span, lines, team=asked.team)
    rows = [(each.group, each.cause, each.payer, each.answers, each.nanos, each.unsettled_nanos) for each in found]
    charged = sum(line.figures.nanos for line in lines)
    operators = sum(each.nanos for each in found if each.payer is Payer.OPERATOR)
    sums = {"paid_usd": charged + operators, "wasted_usd": sum(each.nanos for each in found)}
    return Table(_WASTE, rows), {name: usd_of(nanos) for name, nanos in sums.items()}


def usage_table(by: Sequence[By], rows: Sequence[UsageRow]) -> Table:
    names = tuple(Column("key_id" if each is By.KEY else each.value, Kind.TEXT) for each in by)
    return Table((*names, *_FIGURES), [(*row.names, *_figures(row)) for row in rows])


def _figures(row: UsageRow) -> tuple[Cell, ...]:
    found = row.figures
    tokens = (found.input_tokens, found.output_tokens)
    money = (found.nanos, found.saved_nanos, found.list_nanos, found.below_list_nanos)
    return (found.calls, found.pictures, *tokens, *money)
