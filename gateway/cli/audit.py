"""`gateway audit`: what administrators did."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, moment, print_json, print_table
from gateway.core.trail import Deed
from gateway.ledger.trail import MOST
from gateway.web.trail import entry

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]

_COLUMNS = ("when", "who", "by", "did", "to", "what changed")


def audit(
    since: Annotated[
        datetime | None, typer.Option(formats=_MOMENTS, help="From when on (UTC).", show_default=False)
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Only this key, drill, job or attempt, or this team with its keys and jobs.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many, the newest first.")] = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what administrators did, by command and by the admin API: who, when, and what it changed."""
    after = None if since is None else since.replace(tzinfo=UTC).timestamp()

    async def work(office: Office) -> None:
        with by_option():
            page = await office.ledger.trail.page(limit=limit, since=after, subject=subject)
        if as_json:
            print_json([entry(each) for each in page.deeds])
        else:
            print_table(_COLUMNS, [_row(each) for each in page.deeds])

    run(config, work)


def _row(deed: Deed) -> tuple[str, ...]:
    changes = "; ".join(f"{name}: {_said(each.before)} → {_said(each.after)}" for name, each in deed.changes.items())
    whose = deed.subject if deed.team in (None, deed.subject) else f"{deed.subject} of {deed.team}"
    return moment(deed.at), deed.who, deed.door, deed.action, whose, changes


def _said(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
