"""`gateway calls`: what became of recent calls."""

from datetime import datetime
from typing import Annotated, Any

import typer

from gateway.cli.exports import Form, InForm, print_export
from gateway.cli.fetch import fetch, kept_calls
from gateway.cli.office import Office, by_option, key_of, run
from gateway.cli.options import AsJson, ConfigFile, out, print_facts, print_json, print_table
from gateway.ledger.calls import PastCalls
from gateway.web.calls import MOST, USUAL, CallsWords, document, read_page, table

calls = typer.Typer(
    no_args_is_help=True, help="Recent calls: how they stand, what they cost, what was tried, what is kept of them."
)

# Columns for people, and what each is called in the report.
_SHOWN = {
    "at": "at",
    "call": "id",
    "team": "team",
    "key": "key_id",
    "route": "route",
    "model": "model",
    "size": "size",
    "group": "group",
    "state": "state",
    "$": "usd",
    "ms": "took_ms",
    "attempts": "attempts",
}
_ATTEMPT = ("id", "group", "lane", "verdict", "status", "took_ms", "usd", "billed", "paid_by", "why")


@calls.command("list")
def list_calls(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option(help="Only this key's, by id.", show_default=False)] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Not before this day (UTC).", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = USUAL,
    cursor: Annotated[
        str | None, typer.Option(help="As the list before has told it: what comes behind.", show_default=False)
    ] = None,
    form: InForm = Form.TABLE,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List calls, the newest first."""

    async def work(office: Office) -> None:
        owner = team if key is None else (await key_of(office, key)).team
        words = CallsWords(since and since.date(), limit, cursor)
        with by_option():
            page = await read_page(PastCalls(office.ledger.store), words, team=owner, key_id=key)
        report = table(page.calls)
        if as_json or form is Form.JSON:
            print_json({"calls": [document(call) for call in page.calls], "next": page.next})
        elif form is not Form.TABLE:
            print_export(report, form, {})
        else:
            rows = [dict(zip(report.names, cells, strict=True)) for cells in report.told()]
            print_table(tuple(_SHOWN), [[row[name] for name in _SHOWN.values()] for row in rows], right=("$", "ms"))
            if page.next:
                out.print(f"\nMore: --cursor {page.next}", highlight=False, soft_wrap=True)

    run(config, work)


@calls.command()
def show(
    call: Annotated[str, typer.Argument(metavar="CALL", help="Its id, as x-gateway-call-id tells it.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a call, with what became of each attempt and who paid for it."""

    async def work(office: Office) -> None:
        with kept_calls(office, config) as calls:
            found = await calls.past.find(call)
            shown = {**document(found), "kept": await calls.document(found)}
        if as_json:
            print_json(shown)
            return
        attempts: list[dict[str, Any]] = shown.pop("attempts")
        kept = shown.pop("kept")
        print_facts({"began_at": shown.pop("at"), **shown, "kept_until_at": kept and kept["until"]})
        out.print()
        print_table(_ATTEMPT, [[each[name] for name in _ATTEMPT] for each in attempts], right=("took_ms", "usd"))

    run(config, work)


calls.command()(fetch)
