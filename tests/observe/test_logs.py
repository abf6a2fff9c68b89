"""The log: one JSON line an event, with these fields and no others."""

import io
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from gateway.core.drill import OneTeam, Share
from gateway.core.events import (
    AdminRefused,
    AttemptFinished,
    AttemptLate,
    CallRefused,
    DrillBegan,
    Event,
    EvidenceShared,
    LedgersMeasured,
    StoreLost,
)
from gateway.core.outcome import Verdict, outcome
from gateway.core.trail import Lack
from gateway.core.truth import Shortfall
from gateway.core.usage import Usage
from gateway.observe.logs import Log
from tests import facts
from tests.observe.events import DRILL, EVENTS, HINT, KEY_NAME, PROMPT, REFUSED, SAID, attempt, call, charge, finished
from tests.observe.rows import CALL, NOON, ROWS


def lines(*events: Event) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(*events).splitlines()]


def text(*events: Event) -> str:
    out = io.StringIO()
    log = Log(out, lambda: NOON)
    for event in events:
        log(event)
    return out.getvalue()


UNTOLD = (EvidenceShared, LedgersMeasured)


@pytest.mark.parametrize("kind", [each for each in get_args(Event) if each not in UNTOLD])
def test_every_kind_of_event_is_one_line(kind: type[Event]) -> None:
    assert text(EVENTS[kind]).count("\n") == 1
    assert len(lines(EVENTS[kind])) == 1


def test_what_comes_again_and_again_is_no_line() -> None:
    assert [text(EVENTS[each]) for each in UNTOLD] == ["", ""]


@pytest.mark.parametrize("kind", ROWS)
def test_a_line_has_these_fields(kind: type[Event]) -> None:
    assert lines(EVENTS[kind]) == [ROWS[kind]]


GUESS = EVENTS[AdminRefused]


async def refused_lines(*steps: tuple[float, Event | None]) -> list[tuple[str, str, int, list[str]]]:
    """What is told of events that come at these seconds, None: of a turn. When, why, how many, and from where."""
    out, now = io.StringIO(), [0.0]
    log = Log(out, lambda: NOON + now[0])
    for at, event in steps:
        now[0] = at
        if event is None:
            await log.turn()
        else:
            log(event)
    rows = map(json.loads, out.getvalue().splitlines())
    return [(row["at"][17:23], row["why"], row["count"], row["addresses"]) for row in rows]


async def test_whoever_guesses_keys_makes_no_more_than_a_line_a_second() -> None:
    guesses = [(number / 1000, GUESS) for number in range(3000)]
    assert await refused_lines(*guesses) == [
        ("20.500", "wrong_key", 1, ["10.0.0.7"]),
        ("21.500", "wrong_key", 1000, ["10.0.0.7"]),
        ("22.500", "wrong_key", 1000, ["10.0.0.7"]),
    ]


async def test_every_refusal_is_told_though_no_other_comes() -> None:
    steps = [(0, GUESS), (0.1, GUESS), (0.2, GUESS), (0.9, None), (1.1, None), (2.1, None), (3, GUESS), (4, None)]
    assert [(at, count) for at, _, count, _ in await refused_lines(*steps)] == [
        ("20.500", 1),
        ("21.600", 2),
        ("23.500", 1),
    ]


async def test_refusals_are_told_by_reason_and_with_few_addresses() -> None:
    guesses = [(0.5, AdminRefused(Lack.WRONG_KEY, f"10.0.0.{number}")) for number in range(250)]
    steps = [(0, GUESS), *guesses, guesses[0], (0.6, AdminRefused(Lack.NO_KEY, None)), (1, None)]
    told = [(why, count, len(addresses)) for _, why, count, addresses in await refused_lines(*steps)]
    assert told == [("wrong_key", 1, 1), ("wrong_key", 251, 5), ("no_key", 1, 0)]


async def test_a_clock_that_is_set_back_keeps_no_refusal_from_the_log() -> None:
    told = await refused_lines((0, GUESS), (-3600, GUESS), (-3599.5, GUESS), (-3598, None))
    assert sum(count for _, _, count, _ in told) == 3


def test_a_call_that_owes_nothing_says_what_became_of_it() -> None:
    assert lines(finished(None)) == [CALL]


def test_a_charged_call_says_what_it_costs_and_why() -> None:
    paid = {"group": "Default", "lane": "default", "usd": "0.055", "basis": "call"}
    assert lines(finished(charge())) == [{**CALL, **paid}]


def test_a_call_whose_picture_falls_short_says_how() -> None:
    assert lines(replace(finished(None), shortfall=Shortfall.SMALLER)) == [{**CALL, "shortfall": "smaller"}]


def test_a_drill_says_for_whom_it_is() -> None:
    told = lines(DrillBegan(replace(DRILL, whom=OneTeam("acme"))), DrillBegan(replace(DRILL, whom=Share(0.25))))
    assert [(line.get("key_id"), line.get("team"), line.get("share")) for line in told] == [
        (None, "acme", None),
        (None, None, 0.25),
    ]


def test_a_drilled_call_says_by_what() -> None:
    drills = (DRILL, replace(DRILL, id="drill_2"))
    assert lines(replace(finished(None), drills=drills)) == [{**CALL, "drill": "drill_1, drill_2"}]


def test_an_attempt_that_a_drill_held_up_does_not_look_like_the_sellers_fault() -> None:
    by = {"drill": "drill_1", "kind": "hang"}
    assert lines(replace(attempt(), drill=DRILL)) == [{**ROWS[AttemptFinished], "event": "attempt_drilled", **by}]
    late = AttemptLate(call(), "call_1-1", facts.lane(), DRILL)
    assert lines(late) == [{**ROWS[AttemptLate], "event": "attempt_drilled_late", **by}]


SILENT = [
    (Verdict.UNREACHABLE, "no connection: [Errno 111] Connection refused"),
    (Verdict.LOST, "the connection ended before an answer: reset"),
    (Verdict.SILENT, "not finished within 420 s"),
]


@pytest.mark.parametrize(("verdict", "reason"), SILENT)
def test_an_attempt_without_an_answer_says_why_in_our_own_words(verdict: Verdict, reason: str) -> None:
    (row,) = lines(replace(attempt(), outcome=outcome(verdict, message=reason)))
    assert row["reason"] == reason


def test_a_call_with_reported_usage_says_the_tokens_that_were_billed() -> None:
    usage = Usage(prompt=10, total=1300)
    paid = {"group": "Default", "lane": "default", "usd": "0.055", "basis": "tokens"}
    tokens = {"input_tokens": 10, "output_tokens": 1290}
    assert lines(finished(charge(usage=usage))) == [{**CALL, **paid, **tokens}]


def test_a_refused_call_says_whose_it_was_and_nothing_secret() -> None:
    whose = {name: CALL[name] for name in ("call_id", "team", "key_id", "model", "size")}
    told = replace(REFUSED, call=call())
    assert lines(told) == [{**ROWS[CallRefused], **whose}]
    assert [word for word in (PROMPT, KEY_NAME, HINT) if word in text(told)] == []


def test_the_attempt_that_won_is_told_by_its_call() -> None:
    assert lines(attempt(Verdict.PICTURE, won=True)) == []


def test_neither_the_prompt_nor_the_upstreams_words_nor_the_key_are_in_it() -> None:
    told = text(*EVENTS.values())
    assert [word for word in (PROMPT, SAID, KEY_NAME, HINT) if word in told] == []


def test_a_line_is_out_as_soon_as_it_is_written() -> None:
    class Counting(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    out = Counting()
    Log(out, lambda: NOON)(EVENTS[StoreLost])
    assert out.flushed == 1


def test_a_line_stays_a_line_whatever_is_in_it() -> None:
    reason = "two\nlines\u2028and half a character \ud83c and \x00"
    (line,) = text(StoreLost("settle", reason)).splitlines()
    assert line.isascii()
    assert json.loads(line)["reason"] == reason


def test_an_output_that_takes_no_more_stops_nobody() -> None:
    with Path("/dev/full").open("w") as full:
        Log(full, lambda: NOON)(EVENTS[StoreLost])
        with suppress(OSError):
            full.close()
