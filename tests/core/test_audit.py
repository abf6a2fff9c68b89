"""Whether accounts are what their rows make them; and what is said of the first that is not."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.audit import Audit, Booked, Noted, Sums

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


@pytest.mark.parametrize("place", range(len(ROWS) + 1))
def test_an_audit_that_begins_with_what_another_has_noted_ends_as_if_it_had_read_all(place: int) -> None:
    first, second = Audit(), Audit()
    for number, each in enumerate(ROWS[:place]):
        first.read(f"{number}-0", each | {"since": "86400 0"})
    second.begin(first.noted)
    for number, each in enumerate(ROWS[place:]):
        second.read(f"{number}-0", each | {"since": "86400 0"})
    counted = {"day 86400": Sums(0, 7), "month 0": Sums(0, 7)}
    second.compare({whose: Booked(Sums(0, 7), 0, periods=counted) for whose in BOOKED})
    assert second.faults == []
    assert first.noted.sums != second.noted.sums or place == len(ROWS)


def test_after_rows_that_are_not_at_hand_the_next_row_is_believed() -> None:
    audit = Audit()
    audit.read("0-0", ROWS[0])
    audit.begin(Noted())
    for number, each in enumerate(ROWS[2:], start=2):
        audit.read(f"{number}-0", each)
    audit.compare(BOOKED)
    assert audit.faults == []


def test_what_is_noted_of_rows_and_is_not_what_they_make_is_named() -> None:
    audit = Audit()
    for number, each in enumerate(ROWS):
        audit.read(f"{number}-0", each)
    audit.check(audit.noted)
    assert audit.faults == []
    audit.check(Noted({"team": Sums(0, 8), "key_2": Sums(0, 0)}))
    assert audit.faults == [
        "account team is noted with held 0, spent 8 where its archived rows end; they make held 0, spent 7"
    ]


DAY_S = 86_400


@pytest.mark.parametrize(
    ("period", "at", "kept"),
    [
        ("day 0", 0, True),
        ("day 0", DAY_S + 3600, True),  # a day of 25 hours
        ("day 0", DAY_S + 2 * 3600, False),
        ("month 0", 31 * DAY_S + 3600, True),
        ("month 0", 32 * DAY_S, False),
    ],
)
def test_what_is_noted_forgets_days_and_months_that_are_over(period: str, at: float, kept: bool) -> None:
    noted = Noted({"team": Sums(1, 2)}, {("team", period): Sums(1, 2)})
    assert noted.since(at) == (noted if kept else Noted(noted.sums))


@pytest.mark.parametrize(("days", "found"), [(0, True), (34, True), (69, True), (140, False)])
def test_a_second_charge_is_found_for_twice_as_long_as_a_call_is_known(days: int, found: bool) -> None:
    audit, free = Audit(), row("settle", "call_1", 0, 0, (0, 0))
    for number in range(0, days, 5):
        audit.read(f"{number * DAY_S * 1000}-0", free | {"call": "call_1" if number == 0 else f"call_{number + 9}"})
    if not days:
        audit.read("0-0", free)
    audit.read(f"{days * DAY_S * 1000}-1", free)
    assert bool(audit.faults) == found
