"""A report as a table: what its columns hold, and how it is told to a program, as objects or as CSV. Pure.

Amounts are nano-dollars in the rows, and decimal strings of dollars wherever they are told.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gateway.core.money import usd_of

Cell = str | int | None

# What a formula begins with, as written on keyboards of either width.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Kind(Enum):
    """What the cells of a column are; None is one that says nothing."""

    TEXT = auto()
    COUNT = auto()
    USD = auto()  # nano-dollars


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """Every row has a cell for each column."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def documents(self) -> list[dict[str, Any]]:
        """The rows as objects: amounts as decimal strings, counts as numbers."""
        return [dict(zip(self.names, row, strict=True)) for row in self.told()]

    def told(self) -> list[list[Cell]]:
        """The rows with amounts as decimal strings."""
        kinds = [column.kind for column in self.columns]
        return [[_told(kind, cell) for kind, cell in zip(kinds, row, strict=True)] for row in self.rows]


def csv_of(table: Table) -> str:
    """The table as RFC 4180 has it, its head the names of the columns.

    People choose the names of keys and teams: one that a spreadsheet would take for a formula has an apostrophe before
    it, by which spreadsheets know text.
    """
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(table.names)
    kinds = [column.kind for column in table.columns]
    for row in table.told():
        rows.writerow([_plain(cell) if kind is Kind.TEXT else cell for kind, cell in zip(kinds, row, strict=True)])
    return written.getvalue()


def _plain(cell: Cell) -> Cell:
    """Spreadsheets pass over blanks before a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip().startswith(_FORMULA) else cell


def _told(kind: Kind, cell: Cell) -> Cell:
    return usd_of(cell) if kind is Kind.USD and isinstance(cell, int) else cell
