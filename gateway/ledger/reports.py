"""Reports: what was used, by day or hour, key, model, size, group and route.

The functions count as they settle, so a report only reads. Here is how a line of the count is
named, and how names and counts become lines of a report.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import unquote

from gateway.core.books import Charge
from gateway.core.errors import BadRequest
from gateway.core.quoting import quoted
from gateway.core.report import Figures, UsageLine
from gateway.ledger import layout
from gateway.ledger.store import Store

# One look into the store for each day or hour and team.
MOST_DAYS = 366

# As the functions keep hours: today's and those of a month.
HOURS_KEPT_DAYS = 32

# What is between the name of a group and that of a route, and is in neither. A release that knows of no routes takes
# both for the name of a group, and its sums are right all the same.
_BY_WAY_OF = "@"

# Stands for the model of what was adjusted by hand.
ADJUSTMENT = "adjustment"

# What the function that settles counts, by the names of the day's fields, and in the order of the hour's words, which
# are the first of them.
_COUNTED = {
    "calls": "calls",
    "pictures": "pictures",
    "input": "input_tokens",
    "output": "output_tokens",
    "nanos": "nanos",
    "saved": "saved_nanos",
    "list": "list_nanos",
    "below": "below_list_nanos",
    "left": "left",
    "left_nanos": "left_nanos",
    "bare": "bare",
    "bare_nanos": "bare_nanos",
}


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a report, the first and the last of them included (UTC)."""

    since: date
    until: date

    def days(self) -> list[date]:
        return [self.since + timedelta(days=n) for n in range((self.until - self.since).days + 1)]


def span(since: date | None, until: date | None, today: date, *, hourly: bool = False) -> Span:
    """The days of a report, by default the last 31; raises `BadRequest` for what cannot be one."""
    last = until or today
    first = since or max(last, date.min + timedelta(days=30)) - timedelta(days=30)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise BadRequest(f"must not be after until, and at most {MOST_DAYS} days are reported at once", param="since")
    if hourly and (today - first).days >= HOURS_KEPT_DAYS:
        raise BadRequest(f"hours are kept for {HOURS_KEPT_DAYS} days, days for ever", param="since")
    return Span(first, last)


def line(key_id: str, charge: Charge) -> str:
    """The line a charge is counted on. Names come from the configuration: a bar in one is escaped."""
    key, model, size, group, route = map(quoted, (key_id, charge.model, charge.size, charge.group, charge.route))
    return "|".join((key, model, size, f"{group}{_BY_WAY_OF}{route}"))


def adjustment_line(key_id: str) -> str:
    """That of what was adjusted by hand: so that usage adds up to what is spent."""
    return "|".join((quoted(key_id), ADJUSTMENT, "", _BY_WAY_OF))


async def usage(
    store: Store, span: Span, *, team: str | None = None, key_id: str | None = None, hourly: bool = False
) -> list[UsageLine]:
    """What was used, by one team or key or by all; counted by hours or by days. Raises `BooksAway`."""
    teams = sorted([team] if team is not None else await store.record(layout.TEAMS))
    times = [each for day in span.days() for each in (_hours(day) if hourly else [_midnight(day)])]
    wanted = [(at, each) for at in times for each in teams]
    counted = await store.records([_place(each, at, hourly=hourly) for at, each in wanted])
    return [
        line
        for (at, each), counts in zip(wanted, counted, strict=True)
        for name, figures in sorted((_of_hour if hourly else _of_day)(counts))
        if key_id in (None, _parts(name)[0])
        for line in [_line(at, each, name, figures, hourly=hourly)]
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _hours(day: date) -> list[datetime]:
    return [_midnight(day) + timedelta(hours=n) for n in range(24)]


def _place(team: str, at: datetime, *, hourly: bool) -> str:
    return layout.use_of_hour(team, int(at.timestamp()) // 3600) if hourly else layout.use(team, at.date())


def _of_day(counts: Mapping[str, str]) -> Iterator[tuple[str, Figures]]:
    lines: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for field, count in counts.items():
        name, _, what = field.rpartition("|")
        if what in _COUNTED:
            lines[name][_COUNTED[what]] = int(count)
    return ((name, Figures(**figures)) for name, figures in lines.items())


def _of_hour(counts: Mapping[str, str]) -> Iterator[tuple[str, Figures]]:
    for name, words in counts.items():
        figures = dict(zip(_COUNTED.values(), map(int, words.split()), strict=False))
        yield name, Figures(**figures)


def _line(at: datetime, team: str, name: str, figures: Figures, *, hourly: bool) -> UsageLine:
    key, model, size, group, route = _parts(name)
    hour = f"{at:%Y-%m-%dT%H:%MZ}" if hourly else ""
    return UsageLine(at.date().isoformat(), team, key, model, size, group, route, hour, figures)


def _parts(name: str) -> list[str]:
    *parts, last = name.split("|")
    group, _, route = last.partition(_BY_WAY_OF)
    return [unquote(part) for part in (*parts, group, route)]
