"""`gateway usage`: what was spent."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, out, print_json, print_table
from gateway.ledger import reports
from gateway.web import shapes

_NAMES = ("day", "team", "key", "model", "size", "group")
_FIGURES = ("calls", "pictures", "tokens in", "tokens out", "$", "saved $")

_DAY = ["%Y-%m-%d"]


def usage(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option(help="Only this key's, by id.", show_default=False)] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="First day (UTC).", show_default="30 days ago")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="Last day (UTC).", show_default="today")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What was spent, by day, key, model, size and group.

    saved: what a lane of the same group that is billed otherwise, by the call or by the token, would have cost more.
    """
    with by_option():
        first, last = reports.days(since and since.date(), until and until.date(), datetime.now(UTC).date())

    async def work(office: Office) -> None:
        found = await reports.usage(office.ledger.store, team=team, key_id=key, since=first, until=last)
        rows = [shapes.usage(row) for row in found]
        operator = shapes.operator(await office.ledger.books.operator_balance())
        if as_json:
            print_json({"since": first, "until": last, "rows": rows, "operator": operator})
        else:
            _print(rows, operator)

    run(config, work)


def _print(rows: list[dict[str, Any]], operator: dict[str, str]) -> None:
    totals = [sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in ("usd", "saved_usd")]
    total = ("total", *[""] * 9, *totals)
    print_table((*_NAMES, *_FIGURES), [*(list(row.values()) for row in rows), total], right=_FIGURES)
    if set(operator.values()) != {"0"}:
        out.print(
            f"\nBesides, paid by the operator since the beginning for answers that no caller got: "
            f"{operator['spent_usd']} $; not yet known: {operator['unsettled_usd']} $",
            highlight=False,
            soft_wrap=True,
        )
