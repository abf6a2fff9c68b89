"""Usage is added up by what is asked for, and by nothing else."""

from dataclasses import replace

import pytest

from gateway.core.errors import BadRequest
from gateway.core.report import USUAL, By, Figures, UsageLine, UsageRow, added_up, by_words

LINE = UsageLine(
    day="2026-11-27",
    team="acme",
    key="key_1",
    model="flash",
    size="1K",
    group="Default",
    route="chat",
    hour="2026-11-27T09:00Z",
    figures=Figures(1, 2, 3, 4, 5, 6),
)
LINES = [
    LINE,
    replace(LINE, hour="2026-11-27T10:00Z", figures=Figures(1, 1, 0, 0, 10**30, -7)),
    replace(LINE, key="key_2", size="4K"),
    replace(LINE, team="beta", key="key_3", route="images.edit", model="pro"),
    replace(LINE, day="2026-11-26", route="", hour=""),
]

CASES: list[tuple[str, list[tuple[str, ...]]]] = [
    ("team", [("acme",), ("beta",)]),
    ("route", [("",), ("chat",), ("images.edit",)]),
    ("key,size", [("key_1", "1K"), ("key_2", "4K"), ("key_3", "1K")]),
    ("size,key", [("1K", "key_1"), ("1K", "key_3"), ("4K", "key_2")]),
    ("group", [("Default",)]),
    ("model, day", [("flash", "2026-11-26"), ("flash", "2026-11-27"), ("pro", "2026-11-27")]),
    ("hour", [("",), ("2026-11-27T09:00Z",), ("2026-11-27T10:00Z",)]),
    (
        ",".join(By),
        sorted(
            (each.day, each.team, each.key, each.model, each.size, each.group, each.route, each.hour) for each in LINES
        ),
    ),
]


@pytest.mark.parametrize(("words", "names"), CASES)
def test_a_row_is_of_what_was_asked_for_in_that_order(words: str, names: list[tuple[str, ...]]) -> None:
    rows = added_up(LINES, by_words(words))
    assert [row.names for row in rows] == names
    assert sum((row.figures for row in rows), Figures()) == Figures(5, 9, 12, 16, 20 + 10**30, 17)


def test_every_figure_is_added_up_exactly() -> None:
    [row] = added_up(LINES[:2], [By.DAY])
    assert row == UsageRow(("2026-11-27",), Figures(2, 3, 3, 4, 5 + 10**30, -1))


def test_of_nothing_there_are_no_rows() -> None:
    assert added_up([], USUAL) == []


def test_who_says_nothing_gets_the_usual() -> None:
    assert by_words(None) == USUAL


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "'' is none of day, team, key, model, size, group, route, hour"),
        ("team,lane", "'lane' is none of"),
        ("team,", "'' is none of"),
        ("team,team", "twice"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(words: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        by_words(words)
