"""A table as a Parquet file. The only place that knows how these are made."""

import io
from collections.abc import Sequence

from arro3.core import Array, DataType, Field, Schema
from arro3.core import Table as Columns
from arro3.io import write_parquet

from gateway.core.table import Cell, Kind, Table

# Dollars with all the places of a nano-dollar: exact, and no float.
_TYPES = {
    Kind.TEXT: DataType.utf8(),
    Kind.COUNT: DataType.int64(),
    Kind.USD: DataType.decimal128(38, 9),
}


def parquet_of(table: Table) -> bytes:
    """Texts as UTF-8, counts as 64 bit integers, amounts as decimals of dollars; a cell that says nothing is null."""
    rows = table.told()
    cells = [[row[at] for row in rows] for at in range(len(table.columns))]
    arrays = [_array(column.kind, each) for column, each in zip(table.columns, cells, strict=True)]
    schema = Schema([Field(column.name, _TYPES[column.kind]) for column in table.columns])
    written = io.BytesIO()
    write_parquet(Columns.from_arrays(arrays, schema=schema), written)
    return written.getvalue()


def _array(kind: Kind, cells: Sequence[Cell]) -> Array:
    """Amounts come as the decimal strings that they are told as."""
    if kind is Kind.USD:
        return Array(cells, DataType.utf8()).cast(_TYPES[kind])
    return Array(cells, _TYPES[kind])
