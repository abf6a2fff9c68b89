"""`gateway ledger reconcile`: the seller's own log beside the books, and what it says of unsettled attempts."""

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.archive import ArchiveDirs, shelf_of
from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, print_json
from gateway.cli.reconciled import print_all
from gateway.core.errors import BadRequest
from gateway.core.reconcile import Tolerance
from gateway.core.sellerlog import NAMES, QUOTA_PER_USD
from gateway.ledger.comparison import Comparison, LogTerms, Reconciled, comparison_of
from gateway.ledger.shelf import Shelf
from gateway.ledger.unsettled import UnsettledBooks
from gateway.web.reconciled import document

_DAY = ["%Y-%m-%d"]


def reconcile(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV with a header, JSON lines, or JSON."),
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=NAME",
            help=f"What a column is called, where it is not found: {', '.join(NAMES)}. Several times.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Of days, and of times without one.")] = "UTC",
    since: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, help="First day; the log has all of it.", show_default="the log's first"),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Last day, likewise.", show_default="the log's last")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Only this seller's; several times.", show_default="all groups")
    ] = None,
    quota_per_usd: Annotated[int, typer.Option(min=1, help="How much quota is a dollar.")] = QUOTA_PER_USD,
    percent: Annotated[str, typer.Option(metavar="N", help="Tell differences above so many per cent...")] = "0.5",
    usd: Annotated[str, typer.Option(metavar="USD", help="...or so many dollars.")] = "1",
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Settle unsettled attempts that the log explains.")
    ] = False,
    archive: ArchiveDirs = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare the books with the seller's call log, by day, model and group, and name what differs.

    Says of attempts that may have been billed whether the log has them. Ends with 1 where anything differs.
    """
    terms = LogTerms(
        time_zone=time_zone,
        since=since.date() if since else None,
        until=until.date() if until else None,
        group=group or (),
        column=column or (),
        quota_per_usd=quota_per_usd,
        percent=percent,
        usd=usd,
        resolve=resolve,
    )
    made: list[tuple[Comparison, Reconciled]] = []

    async def work(office: Office) -> None:
        with by_option():
            comparison = comparison_of(terms, office.offer)
        made.append((comparison, await _read(file, comparison, office, shelf_of(config, archive))))

    run(config, work)
    ((comparison, found),) = made
    _told(found, comparison.tolerance, as_json)


def _told(found: Reconciled, tolerance: Tolerance, as_json: bool) -> None:
    if as_json:
        print_json(document(found, tolerance))
    else:
        print_all(found, tolerance)
    if found.differing(tolerance):
        raise typer.Exit(1)


async def _read(file: Path, comparison: Comparison, office: Office, shelf: Shelf | None) -> Reconciled:
    books = UnsettledBooks(office.ledger.store, office.ledger.actor)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            return await comparison.made(books, lines, time.time(), shelf)
        except BadRequest as error:
            raise BadRequest(f"{file}: {error.message}") from None
