"""`gateway usage`: what was spent."""

import time
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.exports import Form, InForm, print_export
from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, out, print_table
from gateway.core.report import USUAL, By
from gateway.core.table import Cell, Kind, Table
from gateway.web import shapes
from gateway.web.reports import UsageWords, question, used

# What a figure is called where there is room for little.
_SHORT = {"input_tokens": "tokens in", "output_tokens": "tokens out", "usd": "$", "saved_usd": "saved $"}

_DAY = ["%Y-%m-%d"]


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
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="First day (UTC).", show_default="30 days ago")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="Last day (UTC).", show_default="today")] = None,
    form: InForm = Form.TABLE,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What was spent, by day, team, key, model, size and group, or as --by says.

    route: the way the caller came, as images.edit. saved: what a lane of the same group that is billed otherwise, by
    the call or by the token, would have cost more.
    """
    with by_option():
        words = UsageWords(by, since and since.date(), until and until.date())
        asked = question(words, time.time(), team=team, key_id=key)

    async def work(office: Office) -> None:
        table = await used(office.ledger.store, asked)
        operator = shapes.operator(await office.ledger.books.operator_balance())
        if as_json or form is not Form.TABLE:
            print_export(table, Form.JSON if as_json else form, {**asked.days(), "operator": operator})
        else:
            _print(table, operator)

    run(config, work)


def _print(table: Table, operator: dict[str, str]) -> None:
    columns = [_SHORT.get(name, name.removesuffix("_id")) for name in table.names]
    figures = [name for name, column in zip(columns, table.columns, strict=True) if column.kind is not Kind.TEXT]
    print_table(columns, [*table.told(), _total(table)], right=figures)
    if set(operator.values()) != {"0"}:
        out.print(
            f"\nBesides, paid by the operator since the beginning for answers that no caller got: "
            f"{operator['spent_usd']} $; not yet known: {operator['unsettled_usd']} $",
            highlight=False,
            soft_wrap=True,
        )


def _total(table: Table) -> list[Cell]:
    """The sum of every column of figures."""
    sums = tuple(
        "" if column.kind is Kind.TEXT else sum(int(row[at] or 0) for row in table.rows)
        for at, column in enumerate(table.columns)
    )
    [[_, *told]] = Table(table.columns, [sums]).told()
    return ["total", *told]
