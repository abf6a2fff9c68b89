"""What was paid and never delivered, by the rows that say so."""

from dataclasses import replace

import pytest

from gateway.core.past import Payer
from gateway.core.report import Figures, UsageLine
from gateway.core.waste import Cause, Waste, added_up, of_row, of_usage

SPENT = {"do": "operator", "why": "race_loss", "team": "acme", "group": "Default", "held": "0", "spent": "70"}
HELD = {**SPENT, "why": "unsettled", "held": "80", "spent": "0"}
RESOLVED = {**SPENT, "do": "resolve", "held": "-80", "spent": "81", "resolved": "billed"}
GIVEN_UP = {"do": "operator", "why": "given_up", "team": "acme", "held": "0", "spent": "9"}

CASES: list[tuple[dict[str, str], Waste | None]] = [
    (SPENT, Waste("Default", Cause.RACE_LOSS, Payer.OPERATOR, 1, 70)),
    ({**SPENT, "why": "truncated"}, Waste("Default", Cause.TRUNCATED, Payer.OPERATOR, 1, 70)),
    ({**SPENT, "why": "of a later release"}, Waste("Default", "of a later release", Payer.OPERATOR, 1, 70)),
    (HELD, None),
    ({**RESOLVED, "why": "presumed"}, Waste("Default", Cause.PRESUMED, Payer.OPERATOR, 1, 81)),
    ({**RESOLVED, "why": "log"}, Waste("Default", Cause.UNHEARD, Payer.OPERATOR, 1, 81)),
    ({**RESOLVED, "why": "hand"}, Waste("Default", Cause.UNHEARD, Payer.OPERATOR, 1, 81)),
    ({**RESOLVED, "why": "log", "resolved": "unbilled", "spent": "0"}, None),
    (GIVEN_UP, Waste("", Cause.GIVEN_UP, Payer.OPERATOR, 1, 9)),
]


@pytest.mark.parametrize(("row", "waste"), CASES)
def test_a_row_is_waste_when_it_is_paid(row: dict[str, str], waste: Waste | None) -> None:
    assert of_row(row) == waste


def test_callers_have_paid_for_what_they_left_and_for_answers_without_a_picture() -> None:
    figures = Figures(calls=9, nanos=900, left=2, left_nanos=200, bare=1, bare_nanos=100)
    line = UsageLine("2026-11-27", "acme", "key_1", "flash", "1K", "Default", "chat", "", figures)
    assert list(of_usage([line, replace(line, figures=Figures(calls=3, nanos=300))])) == [
        Waste("Default", Cause.CALLER_LEFT, Payer.KEY, 2, 200),
        Waste("Default", Cause.NO_PICTURE, Payer.KEY, 1, 100),
    ]


def test_it_is_added_up_by_group_and_cause() -> None:
    one = Waste("Default", Cause.RACE_LOSS, Payer.OPERATOR, 1, 70)
    other = Waste("Dear", Cause.UNSETTLED, Payer.OPERATOR, 1, 0, 80)
    assert added_up([one, other, one, other]) == [
        Waste("Dear", Cause.UNSETTLED, Payer.OPERATOR, 2, 0, 160),
        Waste("Default", Cause.RACE_LOSS, Payer.OPERATOR, 2, 140),
    ]
    assert added_up([]) == []
