"""Reports: what was used, by day, key, model, size and group.

The functions count as they settle, so a report only reads. Here is how a line of the count is
named, and how names and counts become rows.
"""

from collections import defaultdict
from datetime import date, timedelta
from urllib.parse import quote, unquote

from gateway.core.books import Charge, UsageRow
from gateway.core.errors import BadRequest
from gateway.ledger import layout
from gateway.ledger.store import Store

# One look into the store for each day and team.
MOST_DAYS = 366


def days(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The first and the last day of a report, both included; raises `BadRequest` for what cannot be one."""
    last = until or today
    first = since or max(last, date.min + timedelta(days=30)) - timedelta(days=30)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise BadRequest(f"must not be after until, and at most {MOST_DAYS} days are reported at once", param="since")
    return first, last


def line(key_id: str, charge: Charge) -> str:
    """The line a charge is counted on. Names come from the configuration: a bar in one is escaped."""
    return "|".join(quote(part, safe=" ./:") for part in (key_id, charge.model, charge.size, charge.group))


async def usage(
    store: Store, *, team: str | None = None, key_id: str | None = None, since: date, until: date
) -> list[UsageRow]:
    """What was used from `since` to `until`, both included; by one team or key, or by all."""
    teams = [team] if team is not None else list(await store.record(layout.TEAMS))
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    wanted = [(day, each) for day in days for each in sorted(teams)]
    counted = await store.records([layout.use(each, day) for day, each in wanted])
    return [
        row
        for (day, each), counts in zip(wanted, counted, strict=True)
        for row in _rows(day, each, counts)
        if key_id is None or row.key_id == key_id
    ]


def _rows(day: date, team: str, counts: dict[str, str]) -> list[UsageRow]:
    lines: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for field, count in counts.items():
        name, _, what = field.rpartition("|")
        lines[name][what] = int(count)
    return [_row(day, team, name, lines[name]) for name in sorted(lines)]


def _row(day: date, team: str, name: str, counts: dict[str, int]) -> UsageRow:
    key_id, model, size, group = (unquote(part) for part in name.split("|"))
    return UsageRow(
        day=day.isoformat(),
        team=team,
        key_id=key_id,
        model=model,
        size=size,
        group=group,
        calls=counts["calls"],
        pictures=counts["pictures"],
        input_tokens=counts["input"],
        output_tokens=counts["output"],
        nanos=counts["nanos"],
        saved_nanos=counts.get("saved", 0),
    )
