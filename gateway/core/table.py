"""A report as a table: what its columns hold, and how a row is told to a program. Pure.

Amounts are nano-dollars in the rows, and decimal strings of dollars wherever they are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gateway.core.money import usd_of

Cell = str | int | None


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


def _told(kind: Kind, cell: Cell) -> Cell:
    return usd_of(cell) if kind is Kind.USD and isinstance(cell, int) else cell
