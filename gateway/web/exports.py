"""In which format a report is wanted, and how it is written in it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from gateway.core.table import Table, csv_of
from gateway.web.parquet import parquet_of


class Format(StrEnum):
    """Words for `format`, the usual one first."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
}

FormatWord = Annotated[Format | None, Query(alias="format", description="Default: what Accept prefers, else JSON.")]
Accept = Annotated[str, Header(include_in_schema=False)]

# How the answer is described: the framework tells of JSON by itself.
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {_TYPES[each]: {"schema": {"type": "string"}} for each in (Format.CSV, Format.PARQUET)}}
}


def wanted(word: FormatWord = None, accept: Accept = "") -> Format:
    """What was asked for by name, else what the Accept header prefers."""
    return word or preferred(accept)


WantedFormat = Annotated[Format, Depends(wanted)]


def preferred(accept: str) -> Format:
    """Of our formats that which an Accept header gives the most weight; the first of them where it does not decide."""
    ranges = [each.split(";") for each in accept.lower().split(",")]
    weights = {name.strip(): _weight(parameters) for name, *parameters in ranges}

    def weight(each: Format) -> float:
        exact = _TYPES[each]
        family = f"{exact.partition('/')[0]}/*"
        return next((weights[name] for name in (exact, family, "*/*") if name in weights), 0.0)

    return max(Format, key=weight)


def _weight(parameters: list[str]) -> float:
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def written(table: Table, chosen: Format) -> bytes:
    """A table alone, as CSV or Parquet."""
    return parquet_of(table) if chosen is Format.PARQUET else csv_of(table).encode()


async def exported(table: Table, chosen: Format, document: Mapping[str, Any], *, name: str) -> Response:
    """The answer: `document` with the rows, or the table alone as a file of this name."""
    if chosen is Format.JSON:
        return JSONResponse({**document, "rows": table.documents()})
    return await run_in_threadpool(file_of, table, chosen, name=name)


def file_of(table: Table, chosen: Format, *, name: str) -> Response:
    """A table as a file of this name; not for JSON."""
    body = written(table, chosen)
    disposition = {"content-disposition": f'attachment; filename="{name}.{chosen}"'}
    return Response(body, media_type=_TYPES[chosen], headers=disposition)
