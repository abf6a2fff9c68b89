"""`gateway usage` and `gateway waste`: what was spent, and what of that was never delivered."""

import time
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import typer

from gateway.cli.exports import Form, InForm, print_export
from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, out, print_table
from gateway.core.report import USUAL, By
from gateway.core.table import Cell, Kind, Table
from gateway.web import shapes
from gateway.web.reports import UsageWords, question, used
from gateway.web.reports import waste as undelivered

# What a figure is called where there is room for little.
_SHORT = {
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
    "usd": "$",
    "saved_usd": "saved $",
    "list_usd": "list $",
    "below_list_usd": "below list $",
    "paid_by": "paid by",
    "unsettled_usd": "unsettled $",
}

_DAY = ["%Y-%m-%d"]

FirstDay = Annotated[datetime | None, typer.Option(formats=_DAY, help="First day (UTC).", show_default="30 days ago")]
LastDay = Annotated[datetime | None, typer.Option(formats=_DAY, help="Last day (UTC).", show_default="today")]


def usage(
    by: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help=f"What to tell apart, in this order: any of {','.join(By)}.",
            show_default=",".join(USUAL),
        ),
    ] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option(help="Only this key's, by id.", show_default=False)] = None,
    since: FirstDay = None,
    until: LastDay = None,
    form: InForm = Form.TABLE,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What was spent, by day, team, key, model, size and group, or as --by says.

    route: the way the caller came, as images.edit. saved: what a lane of the same group that is billed otherwise, by
    the call or by the token, would have cost more. list: what Google's own list price is; below list: how much less was
    paid.
    """
    with by_option():
        asked = question(UsageWords(by, *_days(since, until)), time.time(), team=team, key_id=key)

    async def work(office: Office) -> None:
        table = await used(office.ledger.store, asked)
        operator = shapes.operator(await office.ledger.books.operator_balance())
        if as_json or form is not Form.TABLE:
            print_export(table, Form.JSON if as_json else form, {**asked.days(), "operator": operator})
        else:
            _print(table, operator)

    run(config, work)


def waste(
    team: Annotated[str | None, typer.Option(help="Only this team's calls.", show_default=False)] = None,
    since: FirstDay = None,
    until: LastDay = None,
    form: InForm = Form.TABLE,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What was paid and never delivered, by group and cause, and whether the operator or a key has paid it.

    unsettled $: what may come on top, as long as nobody knows whether it is billed.
    """
    with by_option():
        asked = question(UsageWords(None, *_days(since, until)), time.time(), team=team)

    async def work(office: Office) -> None:
        table, sums = await undelivered(office.ledger.store, asked)
        if as_json or form is not Form.TABLE:
            print_export(table, Form.JSON if as_json else form, {**asked.days(), **sums})
        else:
            columns, rows, figures = _shown(table)
            print_table(columns, rows, right=figures)
            out.print(f"\nOf {sums['paid_usd']} $ that were paid in all.", highlight=False, soft_wrap=True)

    run(config, work)


def _days(*given: datetime | None) -> Iterator[date | None]:
    return (each and each.date() for each in given)


def _print(table: Table, operator: dict[str, str]) -> None:
    columns, rows, figures = _shown(table)
    print_table(columns, rows, right=figures)
    if set(operator.values()) != {"0"}:
        out.print(
            f"\nBesides, paid by the operator since the beginning for answers that no caller got: "
            f"{operator['spent_usd']} $; not yet known: {operator['unsettled_usd']} $",
            highlight=False,
            soft_wrap=True,
        )


def _shown(table: Table) -> tuple[list[str], list[list[Cell]], list[str]]:
    """Columns as people know them, rows with their total, and which columns are figures."""
    columns = [_SHORT.get(name, name.removesuffix("_id")) for name in table.names]
    figures = [name for name, column in zip(columns, table.columns, strict=True) if column.kind is not Kind.TEXT]
    return columns, [*table.told(), _total(table)], figures


def _total(table: Table) -> list[Cell]:
    """The sum of every column of figures."""
    sums = tuple(
        "" if column.kind is Kind.TEXT else sum(int(row[at] or 0) for row in table.rows)
        for at, column in enumerate(table.columns)
    )
    [[_, *told]] = Table(table.columns, [sums]).told()
    return ["total", *told]
