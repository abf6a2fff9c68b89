"""`gateway ledger archive`: rows that are old leave the store and go into files; and where commands look for these."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.office import Office, run
from gateway.cli.options import AsJson, ConfigFile, print_json, print_table, settings_of
from gateway.config.settings import ARCHIVE, Settings
from gateway.core.errors import BadRequest
from gateway.ledger.archive import DAY_S, Archive, Archived
from gateway.ledger.shelf import Shelf

ArchiveDirs = Annotated[
    list[Path] | None,
    typer.Option(
        "--archive",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Where archived rows are; several times, where several gateways have archived.",
        show_default="as configured",
    ),
]


def archive(
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Rows from before this day (UTC).", show_default="retention.ledger_days ago"
        ),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put rows of the ledgers into files, from which they leave the store. A gateway does so by itself.

    Calls may go on meanwhile. It may be broken off, and repeated.
    """
    settings = settings_of(config)
    directory, ends = _directory(settings), _ends(before, settings)
    made: list[Archived] = []

    async def work(office: Office) -> None:
        shelves = Archive(office.ledger.store, Shelf((directory,)))
        made.extend([each async for each in shelves.put_away(ends)])

    run(config, work)
    if as_json:
        print_json([_document(each) for each in made])
    else:
        rows = [tuple(_document(each).values()) for each in made]
        print_table(("ledger", "rows", "first", "last", "file"), rows, right=("rows",))


def shelf_of(config: Path | None, given: list[Path] | None) -> Shelf | None:
    """Where archived rows are looked for: in these directories, else as the configuration says; None: nowhere."""
    if given:
        return Shelf(tuple(given))
    settings = settings_of(config)
    directory = settings.archive or settings.data_dir / ARCHIVE
    return Shelf((directory,)) if settings.archive or directory.is_dir() else None


def _directory(settings: Settings) -> Path:
    if settings.archive is None:
        raise BadRequest("archive: is not set; name a directory there that is kept, and not gone with its container")
    return settings.archive


def _ends(before: datetime | None, settings: Settings) -> float:
    if before is not None:
        return before.replace(tzinfo=UTC).timestamp()
    if settings.retention.ledger_days is None:
        raise BadRequest("--before: is needed, since retention.ledger_days is null: rows stay in the store")
    now = time.time() - settings.retention.ledger_days * DAY_S
    return now - now % DAY_S


def _document(each: Archived) -> dict[str, object]:
    names = {"first": each.first, "last": each.last}
    return {"ledger": each.whose, "rows": each.rows, **names, "file": str(each.path)}
