"""Whether accounts are what their rows make them; and what is said of the first that is not."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.audit import Audit, Booked, Sums

Row = dict[str, str]


def row(do: str, call: str, held: int, spent: int, before: tuple[int, int], key: str = "key_1") -> Row:
    """A row whose team and key had the same sums before it."""
    after = f"{before[0] + held} {before[1] + spent}"
    written: Row = {"do": do, "call": call, "key": key, "held": str(held), "spent": str(spent)}
    return {**written, "team_after": after, "key_after": after}


def earlier(row: Row, before: tuple[int, int]) -> Row:
    """The same row as earlier releases have written it."""
    written = {name: value for name, value in row.items() if not name.endswith("_after")}
    for whose in ("team", "key"):
        for what, had, has in zip(("held", "spent"), before, row[f"{whose}_after"].split(), strict=True):
            written[f"{whose}_{what}_before"], written[f"{whose}_{what}_after"] = str(had), has
    return written


ROWS = [
    row("reserve", "call_1", 10, 0, (0, 0)),
    row("reserve", "call_2", 10, 0, (10, 0)),
    row("settle", "call_1", -10, 7, (20, 0)),
    row("void", "call_2", -10, 0, (10, 7)),
]
BOOKED = {"team": Booked(Sums(0, 7), 0), "key_1": Booked(Sums(0, 7), 0)}


def faults(rows: list[Row], booked: dict[str, Booked]) -> list[str]:
    audit = Audit()
    for number, each in enumerate(rows):
        audit.read(f"{number}-0", each)
    audit.compare(booked)
    return audit.faults


def test_books_that_are_right_have_no_fault() -> None:
    assert faults(ROWS, BOOKED) == []
    assert faults([], {"team": Booked(Sums(0, 0), 0)}) == []


def test_rows_of_earlier_releases_are_among_them() -> None:
    assert faults([earlier(ROWS[0], (0, 0)), ROWS[1], earlier(ROWS[2], (20, 0)), ROWS[3]], BOOKED) == []
    wrong = earlier(ROWS[2], (20, 0)) | {"key_spent_after": "8"}
    assert faults([*ROWS[:2], wrong, ROWS[3]], BOOKED)[0].startswith("row 2-0: key_1 has held 10, spent 8 after it")


def test_rows_that_were_put_away_are_not_missed() -> None:
    assert faults(ROWS[2:], BOOKED) == []


def changed(place: int, **words: str) -> Callable[[], list[Row]]:
    return lambda: [each | words if number == place else each for number, each in enumerate(ROWS)]


WRONG: list[tuple[str, Callable[[], list[Row]], str]] = [
    (
        "a row is missing",
        lambda: [ROWS[0], *ROWS[2:]],
        "row 1-0: team has held 10, spent 7 after it; the rows before it",
    ),
    ("a row is doubled", lambda: [*ROWS[:2], ROWS[1], *ROWS[2:]], "row 2-0: team has held 20, spent 0 after it"),
    (
        "an amount is changed",
        changed(2, spent="6"),
        "row 2-0: team has held 10, spent 7 after it; the rows before it and what it adds make",
    ),
    ("a sum is changed", changed(1, key_after="21 0"), "row 1-0: key_1 has held 21, spent 0 after it"),
    ("the last row is missing", lambda: ROWS[:3], "account team has held 0, spent 7; its rows make held 10, spent 7"),
    (
        "a call is charged twice",
        lambda: [*ROWS, row("settle", "call_1", 0, 0, (0, 7))],
        "row 4-0: call call_1 is charged a second time",
    ),
]


@pytest.mark.parametrize(("rows", "says"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_the_first_entry_that_is_wrong_is_named(rows: Callable[[], list[Row]], says: str) -> None:
    assert faults(rows(), BOOKED)[0].startswith(says)


BOOKED_WRONG: list[tuple[dict[str, Booked], str]] = [
    (BOOKED | {"team": Booked(Sums(0, 8), 0)}, "account team has held 0, spent 8; its rows make held 0, spent 7"),
    (BOOKED | {"key_2": Booked(Sums(1, 0), 1)}, "account key_2 has held 1, spent 0; its rows make held 0, spent 0"),
    (BOOKED | {"team": Booked(Sums(0, 7), 5)}, "account team holds 0; its open calls hold 5"),
    ({"team": BOOKED["team"]}, "account key_1 is in the rows and not in the books"),
]


@pytest.mark.parametrize(("booked", "says"), BOOKED_WRONG)
def test_an_account_that_is_not_what_its_rows_make_is_named(booked: dict[str, Booked], says: str) -> None:
    assert faults(ROWS, booked) == [says]


def test_no_more_are_told_than_anybody_reads() -> None:
    broken: list[Any] = [row("reserve", f"call_{number}", 1, 0, (number * 2, 0)) for number in range(100)]
    assert len(faults(broken, {})) == 20
