"""What several commands take, and how they print."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway.config.load import load
from gateway.config.settings import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="Default: $GATEWAY_CONFIG, else ./config.yaml.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

out = Console()
err = Console(stderr=True, soft_wrap=True)

# For whatever is no terminal: as wide as any table.
_wide = Console(width=10_000)


def settings_of(config: Path | None, **instead: str) -> Settings:
    """What the file and the environment say; `instead` has variables that count more than those."""
    return load(config, {**os.environ, **instead}, Path.cwd())


def print_json(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()) -> None:
    """Columns named in `right` are figures: they end at the same place. None is printed as a dash.

    In a terminal what is too wide is folded; for whatever else reads it, a row is a line.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in set(right) else "left", overflow="fold")
    for row in rows:
        table.add_row(*("-" if each is None else str(each) for each in row))
    (out if out.is_terminal else _wide).print(table)


def print_facts(row: Mapping[str, Any]) -> None:
    """One thing with all that is known of it, by the names that --json has."""
    print_table(("field", "value"), [(name, _fact(name, value)) for name, value in row.items()])


def moment(seconds: float) -> str:
    """A time, in seconds since 1970, for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _fact(name: str, value: Any) -> object:
    if name.endswith("_at") and value is not None:
        return moment(value)
    if isinstance(value, dict):
        value = [f"{key}={each}" for key, each in value.items()]
    return ", ".join(map(str, value)) if isinstance(value, list) else value
