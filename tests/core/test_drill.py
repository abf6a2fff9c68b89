"""Which calls a drill touches, what comes of an attempt that it holds up, and which drills there may be."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.drill import (
    Ailment,
    Drill,
    DrillTerms,
    OneKey,
    OneTeam,
    Share,
    Whom,
    drill_of,
    held_s,
    lets_go,
    touching,
    unsent,
)
from gateway.core.errors import BadRequest
from gateway.core.outcome import Billed, Verdict
from tests import facts

GROUPS = (facts.DEFAULT, facts.ENTERPRISE)
CALL = facts.call()
WELL = {"Default": True, "NanoBananaEnterprise": True}
ILL = {"Default": True, "NanoBananaEnterprise": False}
ALONE = {"Default": True}


def drill(whom: Whom, *, group: str = "Default", ailment: Ailment = Ailment.DEAD, **more: Any) -> Drill:
    made = Drill(f"drill_{group}", group, ailment, whom, 5.0, begins_at=100.0, ends_at=700.0, note="")
    return replace(made, **more)


MINE, OURS, ALL = OneKey("key_1"), OneTeam("acme"), Share(1.0)
ELSEWHERE = "NanoBananaEnterprise"

# What is on, where the call may go, and the drills that touch it.
TOUCHED: list[tuple[list[Drill], dict[str, bool], list[int]]] = [
    ([], WELL, []),
    ([drill(MINE)], WELL, [0]),
    ([drill(OURS)], WELL, [0]),
    ([drill(ALL)], WELL, [0]),
    ([drill(OneKey("key_2"))], WELL, []),
    ([drill(OneTeam("umbra"))], WELL, []),
    # The particular before the general, the newer before the older.
    ([drill(ALL), drill(OURS), drill(MINE)], WELL, [2]),
    ([drill(MINE), drill(MINE, id="newer", begins_at=101.0)], WELL, [1]),
    # A group that the call may not go to is no group of its.
    ([drill(MINE, group=ELSEWHERE)], ALONE, []),
    # A key and a team may lose every group: that is theirs to try.
    ([drill(MINE), drill(OURS, group=ELSEWHERE)], WELL, [0, 1]),
    ([drill(MINE)], ALONE, [0]),
    ([drill(OURS)], ILL, [0]),
    # Whoever is touched by a share has somewhere well to go.
    ([drill(ALL)], ILL, []),
    ([drill(ALL)], ALONE, []),
    ([drill(ALL), drill(ALL, group=ELSEWHERE, begins_at=99.0)], WELL, [0]),
    ([drill(ALL), drill(MINE, group=ELSEWHERE)], WELL, [1]),
    ([drill(ALL, group=ELSEWHERE)], ILL, [0]),
]


@pytest.mark.parametrize(("drills", "ways", "touched"), TOUCHED)
def test_these_drills_touch_a_call(drills: list[Drill], ways: dict[str, bool], touched: list[int]) -> None:
    found = touching(drills, CALL, ways, 200.0)
    assert set(found) == {drills[each] for each in touched}
    assert len(found) == len(touched)


@pytest.mark.parametrize(("now", "on"), [(99.9, False), (100.0, True), (699.9, True), (700.0, False)])
def test_a_drill_is_on_from_its_beginning_until_before_its_end(now: float, on: bool) -> None:
    assert bool(touching([drill(MINE)], CALL, WELL, now)) is on


@given(st.lists(st.tuples(st.sampled_from(sorted(WELL)), st.floats(0.01, 1.0), st.floats(0, 199)), max_size=6))
def test_shares_leave_every_call_a_well_group(wanted: list[tuple[str, float, float]]) -> None:
    drills = [
        drill(Share(of_all), id=f"drill_{number}", group=group, begins_at=begins_at)
        for number, (group, of_all, begins_at) in enumerate(wanted)
    ]
    assert len(touching(drills, CALL, WELL, 200.0)) < len(WELL)


@given(st.floats(0.001, 1.0), st.floats(0.001, 1.0), st.text(max_size=40))
def test_a_larger_share_touches_whom_a_smaller_one_touches(one: float, other: float, call_id: str) -> None:
    call = replace(CALL, id=call_id)
    small, large = (drill(Share(of_all)).means(call) for of_all in sorted((one, other)))
    assert large or not small


@pytest.mark.parametrize("of_all", [0.01, 0.25, 0.9])
def test_a_share_is_that_share_of_the_calls(of_all: float) -> None:
    one = drill(Share(of_all))
    means = sum(one.means(replace(CALL, id=f"call_{number}")) for number in range(20_000))
    assert means == pytest.approx(20_000 * of_all, rel=0.15)


def test_two_drills_of_a_share_do_not_mean_the_same_calls() -> None:
    one, other = drill(Share(0.5), id="drill_a"), drill(Share(0.5), id="drill_b")
    calls = [replace(CALL, id=f"call_{number}") for number in range(1000)]
    assert 150 < sum(one.means(call) and other.means(call) for call in calls) < 350


HELD: list[tuple[Ailment, float, float, float]] = [
    (Ailment.DEAD, 420.0, 200.0, 0.0),
    (Ailment.HANG, 420.0, 200.0, 420.0),
    (Ailment.HANG, 420.0, 690.0, 10.0),
    (Ailment.SLOW, 420.0, 200.0, 5.0),
    (Ailment.SLOW, 420.0, 698.0, 2.0),
    (Ailment.SLOW, 4.0, 200.0, 4.0),
    (Ailment.SLOW, 420.0, 800.0, 0.0),
]


@pytest.mark.parametrize(("ailment", "total_s", "now", "held"), HELD)
def test_an_attempt_is_held_up_for_so_long(ailment: Ailment, total_s: float, now: float, held: float) -> None:
    assert held_s(drill(MINE, ailment=ailment), total_s, now) == held


LETS_GO: list[tuple[Ailment, bool, bool]] = [
    (Ailment.SLOW, False, True),
    (Ailment.HANG, False, False),
    (Ailment.HANG, True, True),
]


@pytest.mark.parametrize(("ailment", "late", "goes"), LETS_GO)
def test_what_has_lost_is_held_until_it_has_said_what_it_says(ailment: Ailment, late: bool, goes: bool) -> None:
    assert lets_go(drill(MINE, ailment=ailment), late=late) is goes


CAME: list[tuple[Ailment, str, Verdict | None]] = [
    (Ailment.DEAD, "", Verdict.BUSY),
    (Ailment.HANG, "", Verdict.UNREACHABLE),
    (Ailment.HANG, "late", Verdict.SILENT),
    (Ailment.HANG, "decided", Verdict.SILENT),
    (Ailment.SLOW, "", None),
    (Ailment.SLOW, "decided", Verdict.UNREACHABLE),
    (Ailment.SLOW, "late", Verdict.SILENT),
]


@pytest.mark.parametrize(("ailment", "how", "verdict"), CAME)
def test_what_was_held_up_is_sent_or_comes_to_this(ailment: Ailment, how: str, verdict: Verdict | None) -> None:
    came = unsent(drill(MINE, ailment=ailment), decided=how == "decided", late=how == "late")
    assert (came and came.verdict) == verdict


@given(st.sampled_from(Ailment), st.booleans(), st.booleans())
def test_nobody_bills_what_was_not_sent(ailment: Ailment, decided: bool, late: bool) -> None:
    came = unsent(drill(MINE, ailment=ailment), decided=decided, late=late)
    assert came is None or came.billed is Billed.NO


MEANT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"key": "key_1"}, {}),
    ({"team": "acme"}, {"whom": OneTeam("acme")}),
    ({"share": 0.05}, {"whom": Share(0.05)}),
    ({"share": 1}, {"whom": Share(1)}),
    ({"key": "key_1", "lasts_s": 3600}, {"ends_at": 3700.0}),
    ({"key": "key_1", "kind": "hang"}, {"ailment": Ailment.HANG}),
    ({"key": "key_1", "kind": "slow", "delay_s": 300}, {"ailment": Ailment.SLOW, "delay_s": 300}),
    ({"key": "key_1", "note": "friday"}, {"note": "friday"}),
]


def meant(words: dict[str, Any]) -> Drill:
    return drill_of(DrillTerms(**{"group": "Default", "kind": "dead", **words}), GROUPS, "drill_1", 100.0)


@pytest.mark.parametrize(("words", "facts"), MEANT)
def test_terms_mean_this_drill(words: dict[str, Any], facts: dict[str, Any]) -> None:
    usual = Drill("drill_1", "Default", Ailment.DEAD, MINE, 0.0, begins_at=100.0, ends_at=700.0, note="")
    assert meant(words) == replace(usual, **facts)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"key": "k", "group": "Cheap"}, "group", "known: Default, NanoBananaEnterprise"),
    ({"key": "k", "kind": "lazy"}, "kind", "dead, hang, slow"),
    ({}, "key", "name one key, one team, or a share"),
    ({"key": "k", "team": "t"}, "key", "key and team are given"),
    ({"key": "k", "share": 0.5}, "key", "key and share are given"),
    ({"share": 0}, "share", "above 0 and at most 1"),
    ({"share": 1.01}, "share", "above 0 and at most 1"),
    ({"share": float("nan")}, "share", "above 0 and at most 1"),
    ({"key": "k", "lasts_s": 0}, "lasts_s", "at most 3600"),
    ({"key": "k", "lasts_s": 3601}, "lasts_s", "at most 3600"),
    ({"key": "k", "kind": "slow"}, "delay_s", "held back"),
    ({"key": "k", "kind": "slow", "delay_s": 0}, "delay_s", "above 0"),
    ({"key": "k", "kind": "slow", "delay_s": 301}, "delay_s", "at most 300"),
    ({"key": "k", "kind": "hang", "delay_s": 5}, "delay_s", "only slow"),
    ({"key": "k", "note": "x" * 201}, "note", "200"),
]


@pytest.mark.parametrize(("words", "param", "says"), WRONG)
def test_what_no_drill_can_come_of_is_refused_by_its_field(words: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        meant(words)
    assert caught.value.param == param
