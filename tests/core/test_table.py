"""A report as it is told to programs: exact, and harmless to spreadsheets."""

import csv
import io

import pytest

from gateway.core.money import LARGEST_NANOS
from gateway.core.table import Column, Kind, Table, csv_of

COLUMNS = (Column("key", Kind.TEXT), Column("calls", Kind.COUNT), Column("usd", Kind.USD))
TABLE = Table(COLUMNS, [("key_1", 2, 55_000_000), ("", 0, -1), ("ä", None, LARGEST_NANOS), (None, 10**20, None)])


def test_objects_have_amounts_as_decimal_strings_and_counts_as_numbers() -> None:
    assert TABLE.documents() == [
        {"key": "key_1", "calls": 2, "usd": "0.055"},
        {"key": "", "calls": 0, "usd": "-0.000000001"},
        {"key": "ä", "calls": None, "usd": "9000000"},
        {"key": None, "calls": 10**20, "usd": None},
    ]


def test_csv_has_a_head_ends_lines_as_the_standard_says_and_keeps_every_digit() -> None:
    assert csv_of(TABLE) == (
        "key,calls,usd\r\nkey_1,2,0.055\r\n,0,-0.000000001\r\nä,,9000000\r\n,100000000000000000000,\r\n"
    )
    assert csv_of(Table(COLUMNS, [])) == "key,calls,usd\r\n"


# What somebody calls a key, and what stands in the cell.
CELLS = [
    ("ci", "ci"),
    ("a, b", "a, b"),
    ('the "best"', 'the "best"'),
    ("two\r\nlines", "two\r\nlines"),
    ("1-2", "1-2"),
    ("=1+1", "'=1+1"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("=HYPERLINK(\"http://example.org\",\"x\")", "'=HYPERLINK(\"http://example.org\",\"x\")"),
    ("\t=1+1", "'\t=1+1"),
    ("\r\n=1+1", "'\r\n=1+1"),
    ("\u00a0=1", "'\u00a0=1"),
    ("＝1+1", "'＝1+1"),
    ("'=1", "'=1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cell"), CELLS)
def test_a_name_is_one_cell_and_never_a_formula(name: str, cell: str) -> None:
    text = csv_of(Table(COLUMNS, [(name, 1, -5)]))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [["key", "calls", "usd"], [cell, "1", "-0.000000005"]]
