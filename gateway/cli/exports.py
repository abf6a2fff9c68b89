"""In which form commands print a report: for people, or in the formats that the API has."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.cli.options import print_json
from gateway.core.errors import BadRequest
from gateway.core.table import Table
from gateway.web.exports import Format, written


class Form(StrEnum):
    """Words for --format."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


InForm = Annotated[Form, typer.Option("--format", help="How to print it; Parquet goes into a file: > FILE.")]


def print_export(table: Table, form: Form, document: Mapping[str, Any]) -> None:
    """A report for programs: `document` with its rows as JSON, or these alone as CSV or Parquet."""
    if form is Form.JSON:
        print_json({**document, "rows": table.documents()})
        return
    if form is Form.PARQUET and sys.stdout.isatty():
        raise BadRequest("--format parquet is not for a terminal; write it into a file: > FILE")
    typer.echo(written(table, Format(form)), nl=False)
