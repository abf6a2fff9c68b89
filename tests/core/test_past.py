"""A call is told from its rows, whichever release has written them."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.outcome import Billed, Verdict
from gateway.core.past import PastAttempt, PastCall, Payer, Row, State, past_call, seen_by_caller, with_paid

BEGUN = {"do": "reserve", "call": "call_1", "key": "key_1", "held": "1000", "spent": "0"}
SETTLED = {
    "do": "settle",
    "call": "call_1",
    "key": "key_1",
    "held": "-1000",
    "spent": "55",
    "over": "0",
    "attempt": "call_1-2",
    "basis": "tokens",
    "model": "flash",
    "size": "1K",
    "group": "Dear",
    "lane": "dear-2",
    "verdict": "picture",
    "pictures": "1",
    "input": "10",
    "output": "1120",
    "saved": "0",
    "route": "chat",
}
VOIDED = {"do": "void", "call": "call_1", "key": "key_1", "held": "-1000", "spent": "0", "why": "no answer"}
TOLD: dict[str, Any] = {"route": "images.edit", "model": "flash", "size": "4K"}

OPEN = PastCall("call_1", 1000.25, "acme", "key_1", State.OPEN, 1000)
ENDED = replace(
    OPEN,
    state=State.SETTLED,
    spent_nanos=55,
    route="chat",
    model="flash",
    size="1K",
    group="Dear",
    pictures=1,
    input_tokens=10,
    output_tokens=1120,
    took_ms=9750,
)
WINNER = PastAttempt("call_1-2", "Dear", "dear-2", Verdict.PICTURE, None, 4000, 55, billed=Billed.YES, payer=Payer.KEY)
BUSY = PastAttempt("call_1-1", "Default", "Default", Verdict.BUSY, 429, 312, 0, billed=Billed.NO, payer=None)
SENT = PastAttempt("call_1-1", "Default", "Default", None, None, None, None, billed=None, payer=None)

CASES: list[tuple[str, Row | None, PastCall]] = [
    ("it goes on", None, OPEN),
    ("nobody has ended it", {**VOIDED, "do": "unsettled", "held": "0"}, replace(OPEN, state=State.UNSETTLED)),
    ("an answer", {**SETTLED, "tried": "Default,,busy:429,312,;4000"}, replace(ENDED, attempts=(BUSY, WINNER))),
    ("a race", {**SETTLED, "tried": "Default,;4000", "left": "1"}, replace(ENDED, attempts=(SENT, WINNER), left=True)),
    (
        "an earlier release",
        {name: value for name, value in SETTLED.items() if name != "route"},
        replace(ENDED, route="", attempts=(replace(WINNER, took_ms=None),)),
    ),
    (
        "no answer",
        {**VOIDED, **TOLD, "tried": "Default,,busy:429,312,"},
        replace(OPEN, state=State.VOIDED, **TOLD, took_ms=9750, why="no answer", attempts=(BUSY,)),
    ),
    ("an earlier release", VOIDED, replace(OPEN, state=State.VOIDED, took_ms=9750, why="no answer")),
]


@pytest.mark.parametrize(("about", "end", "told"), CASES)
def test_a_call_is_told_from_the_row_that_begins_it_and_the_last_about_it(
    about: str, end: Row | None, told: PastCall
) -> None:
    assert past_call("acme", "1000250-0", BEGUN, None if end is None else ("1010000-3", end)) == told, about


OPERATOR = {"do": "operator", "attempt": "call_1-1", "held": "0", "spent": "70", "why": "race_loss", "took": "5000"}

PAID: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"nanos": 70, "billed": Billed.YES, "why": "race_loss", "took_ms": 5000}),
    ({"verdict": "picture"}, {"nanos": 70, "billed": Billed.YES, "verdict": Verdict.PICTURE}),
    ({"held": "80", "spent": "0", "why": "unsettled"}, {"nanos": 80, "billed": Billed.MAYBE, "why": "unsettled"}),
    (
        {"do": "resolve", "resolved": "billed", "held": "-80", "spent": "81", "why": "log"},
        {"nanos": 81, "billed": Billed.YES, "why": "log"},
    ),
    (
        {"do": "resolve", "resolved": "unbilled", "held": "-80", "spent": "0", "why": "hand"},
        {"nanos": 0, "billed": Billed.NO, "why": "hand"},
    ),
]


@pytest.mark.parametrize(("row", "told"), PAID)
def test_what_the_operator_paid_for_an_attempt_is_told_with_it(row: dict[str, Any], told: dict[str, Any]) -> None:
    call = replace(ENDED, attempts=(SENT, WINNER))
    first, second = with_paid(call, {"call_1-1": {**OPERATOR, **row}}).attempts
    assert second == WINNER
    assert (first.payer, {name: getattr(first, name) for name in told}) == (Payer.OPERATOR, told)


def test_a_caller_is_told_nothing_of_lanes_and_of_what_others_pay() -> None:
    refused = replace(BUSY, verdict=Verdict.CREDENTIAL, status=401)
    lost = replace(SENT, nanos=70, billed=Billed.YES, payer=Payer.OPERATOR, why="race_loss")
    seen = seen_by_caller(replace(ENDED, attempts=(refused, lost, WINNER)))
    assert seen.attempts == (
        replace(BUSY, lane="", verdict=Verdict.FAILED, status=None, nanos=None, billed=None),
        replace(SENT, lane=""),
        replace(WINNER, lane=""),
    )
