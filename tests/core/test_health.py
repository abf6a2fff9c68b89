"""A group's health walked through its life, with numbers for time."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.board import HealthBoard, Tried
from gateway.core.health import Health, Patience, Turn
from gateway.core.move import Standing
from gateway.core.outcome import Outcome, Reply, Verdict, of_reply, of_status, outcome
from tests.facts import DEFAULT, ask

PATIENCE = Patience(dwell_s=30.0, dwell_most_s=100.0)
PICTURE = of_reply(Reply(usage=None, pictures=1))
CLOSED, SUSPECT, OPEN, HALF, RAMP = (
    Standing.CLOSED,
    Standing.SUSPECT,
    Standing.OPEN,
    Standing.HALF,
    Standing.RAMP,
)


# So many bad outcomes in a row, and no good one among them.
OPENS = 6


def bad(health: Health, now: float, times: int = 1) -> Health:
    for _ in range(times):
        health.bad(now, health.epoch)
    return health


def good(health: Health, now: float, times: int = 1) -> Health:
    for _ in range(times):
        health.good(now, health.epoch)
    return health


def asked(health: Health, now: float) -> float:
    """Has five probes go well, one after the other; gives when the last of them was good."""
    for _ in range(5):
        while health.turn(now, 0) is not Turn.PROBE:
            now += 1.0
            assert now < 10_000.0, health
        good(health, now)
    return now


def test_a_life() -> None:
    health = Health(PATIENCE)
    assert health.turn(0.0, 0) is Turn.FIRST
    assert bad(health, 10.0).standing(10.0) is CLOSED
    assert bad(health, 11.0).standing(11.0) is SUSPECT
    assert health.turn(11.0, 0) is Turn.FIRST, "what is late is raced, and traffic flows"
    assert bad(health, 12.0, OPENS - 2).standing(12.0) is OPEN
    assert health.turn(41.9, 0) is Turn.BEHIND
    assert health.standing(42.0) is HALF
    assert health.turn(42.0, 0) is Turn.PROBE
    assert health.turn(43.0, 0) is Turn.BEHIND
    assert bad(health, 50.0).standing(50.0) is OPEN, "the first that asked found it ill"
    assert health.standing(109.9) is OPEN, "for twice as long"
    now = asked(health, 110.0)
    assert health.standing(now) is RAMP
    assert health.standing(now + 44.9) is RAMP
    assert health.standing(now + 45.0) is CLOSED


def test_six_good_ones_make_up_for_a_bad_one() -> None:
    health = Health(PATIENCE)
    for turn in range(20):
        good(bad(health, 7.0 * turn), 7.0 * turn, times=7)
    assert health.standing(140.0) is CLOSED


def test_a_third_that_is_late_is_raced_and_not_left() -> None:
    """Racing three of ten costs less than asking the dearer group for all of them."""
    health = Health(PATIENCE)
    for turn in range(60):
        good(bad(health, 10.0 * turn), 10.0 * turn, times=2)
    assert health.standing(600.0) is SUSPECT


def test_suspicion_goes_when_all_is_quiet_for_a_while() -> None:
    health = bad(Health(PATIENCE), 0.0, times=2)
    good(health, 10.0, times=12)
    assert health.standing(29.0) is SUSPECT
    assert health.standing(31.0) is CLOSED


def test_suspicion_goes_without_any_traffic_too() -> None:
    health = bad(Health(PATIENCE), 0.0, times=2)
    assert health.standing(600.0) is SUSPECT
    assert health.standing(3600.0) is CLOSED


def test_what_began_before_it_opened_says_nothing_of_how_it_is() -> None:
    health = bad(Health(PATIENCE), 0.0, times=OPENS)
    assert health.standing(31.0) is HALF
    health.bad(31.0, epoch=0)
    health.good(31.0, epoch=0)
    assert health.standing(31.0) is HALF


def test_what_goes_wrong_while_it_is_open_does_not_keep_it_open() -> None:
    health = bad(Health(PATIENCE), 0.0, times=OPENS)
    bad(health, 20.0, times=20)
    assert health.standing(30.0) is HALF


def test_one_bad_probe_after_a_good_one_begins_the_asking_anew() -> None:
    health = bad(Health(PATIENCE), 0.0, times=OPENS)
    assert health.turn(30.0, 0) is Turn.PROBE
    good(health, 35.0)
    assert bad(health, 40.0).standing(40.0) is HALF
    assert bad(health, 45.0).standing(45.0) is OPEN


def test_two_bad_ones_on_the_way_back_open_again() -> None:
    health = bad(Health(PATIENCE), 0.0, times=OPENS)
    now = asked(health, 30.0)
    assert bad(health, now + 14.0).standing(now + 14.0) is RAMP
    assert health.standing(now + 46.0) is RAMP, "the step began again"
    assert bad(health, now + 47.0).standing(now + 47.0) is OPEN


RATE, USUALLY_BAD = 300, 0.01


def many(health: Health, now: float, seconds: float, bad_share: float) -> tuple[float, list[Standing]]:
    """Hundreds of outcomes a second, so many of them bad by chance; when it is over, and how it stood meanwhile."""
    dice, stood = random.Random(1), []
    for _ in range(int(seconds * RATE)):
        now += 1 / RATE
        if health.turn(now, 0) in (Turn.FIRST, Turn.PROBE):
            (health.bad if dice.random() < bad_share else health.good)(now, health.epoch)
        stood.append(health.standing(now))
    return now, stood


def test_where_hundreds_of_calls_come_a_second_the_usual_bad_ones_are_no_news() -> None:
    _, stood = many(Health(PATIENCE), 0.0, 300.0, USUALLY_BAD)
    assert stood.count(CLOSED) > 0.99 * len(stood)
    assert OPEN not in stood


def test_where_hundreds_of_calls_come_a_second_a_suspicion_passes_and_traffic_comes_back() -> None:
    health = Health(PATIENCE)
    now, _ = many(health, 0.0, 60.0, USUALLY_BAD)
    now, stood = many(health, now, 1.0, 0.25)
    assert SUSPECT in stood
    now, _ = many(health, now, 60.0, USUALLY_BAD)
    assert health.standing(now) is CLOSED
    now, stood = many(health, now, 1.0, 1.0)
    assert stood[-1] is OPEN
    now, stood = many(health, now, 150.0, USUALLY_BAD)
    assert stood[-1] is CLOSED
    assert stood.count(OPEN) <= 30.0 * RATE + 1, "it opened once"


def test_of_a_group_that_turned_round_twice_more_is_asked() -> None:
    health = bad(Health(PATIENCE), 0.0, times=OPENS)
    now = asked(health, 30.0) + 45.0
    assert health.standing(now) is CLOSED
    bad(health, now, times=OPENS)
    now = asked(health, now + 60.0)
    assert health.standing(now) is HALF, "five are not enough any more"
    for _ in range(3):
        now = asked(health, now)
    assert health.standing(now) is RAMP


def test_openings_are_forgiven() -> None:
    health = Health(PATIENCE)
    bad(health, 0.0, times=OPENS)
    closed_at = asked(health, 30.0) + 45.0
    assert health.standing(closed_at) is CLOSED
    assert health.standing(closed_at + 601.0) is CLOSED
    now = closed_at + 602.0
    assert bad(health, now, times=OPENS).standing(now + 30.0) is HALF, "as if for the first time"


def tried(board: HealthBoard) -> Tried:
    return Tried(DEFAULT, ask(), board.of(DEFAULT, "flash").epoch, began_at=0.0)


NEUTRAL = [of_status(400, "bad"), of_status(401, "key"), of_reply(Reply(usage=None, pictures=0, finish="SAFETY"))]
AGAINST = [of_status(500, ""), of_status(503, ""), of_status(429, ""), outcome(Verdict.LOST), outcome(Verdict.CUT)]


@pytest.mark.parametrize("what", NEUTRAL, ids=lambda what: what.verdict)
def test_what_is_not_the_groups_fault_moves_nothing(what: Outcome) -> None:
    board = HealthBoard(PATIENCE)
    for _ in range(20):
        board.ended(object(), tried(board), what, took_s=1.0, was_late=False, now=0.0)
    assert board.of(DEFAULT, "flash").standing(0.0) is CLOSED


@pytest.mark.parametrize("what", [*AGAINST, outcome(Verdict.UNREACHABLE)], ids=lambda what: what.verdict)
def test_what_is_the_groups_fault_opens_it(what: Outcome) -> None:
    board = HealthBoard(PATIENCE)
    for _ in range(OPENS):
        board.ended(object(), tried(board), what, took_s=1.0, was_late=False, now=0.0)
    assert board.standings(0.0) == {("Default", "flash"): OPEN}


def test_a_stuck_attempt_is_told_once() -> None:
    board = HealthBoard(PATIENCE)
    board.late(tried(board), now=0.0)
    board.ended(object(), tried(board), of_status(504, ""), took_s=100.0, was_late=True, now=1.0)
    assert board.of(DEFAULT, "flash").standing(1.0) is CLOSED


def test_a_group_is_slow_when_what_is_late_comes_all_the_same() -> None:
    board = HealthBoard(PATIENCE)
    health = board.of(DEFAULT, "flash")
    for _ in range(4):
        board.late(tried(board), now=0.0)
    assert not health.slow
    for _ in range(2):
        board.ended(object(), tried(board), PICTURE, took_s=40.0, was_late=True, now=10.0)
    assert health.slow


def test_what_is_late_counts_whole_however_long_nothing_was_heard() -> None:
    health = bad(Health(PATIENCE), 0.0, times=OPENS)
    for _ in range(4):
        health.late(600.0, epoch=0)
    health.finished(600.0)
    assert not health.slow, "one of four"


def test_a_group_that_stops_is_left_before_anything_is_late() -> None:
    board = HealthBoard(PATIENCE)
    now = 0.0
    for number in range(100):
        now += 1.0
        board.began(number, tried(board), now)
        if number >= 12 and now < 60.0:
            board.ended(number - 12, tried(board), PICTURE, took_s=12.0, was_late=False, now=now)
        if board.of(DEFAULT, "flash").standing(now) is OPEN:
            break
    assert 60.0 < now < 60.0 + board.suspect_s(DEFAULT, ask(), now)


def test_models_are_judged_apart() -> None:
    board = HealthBoard(PATIENCE)
    bad(board.of(DEFAULT, "flash"), 0.0, times=OPENS)
    assert board.of(DEFAULT, "pro").standing(0.0) is CLOSED


def test_an_incident_is_not_learned_as_usual() -> None:
    board = HealthBoard(PATIENCE)
    bad(board.of(DEFAULT, "flash"), 0.0, times=2)
    before = board.suspect_s(DEFAULT, ask(), 0.0)
    for _ in range(500):
        board.ended(object(), tried(board), PICTURE, took_s=100.0, was_late=True, now=1.0)
    assert board.suspect_s(DEFAULT, ask(), 1.0) == before


def test_a_board_apart_knows_the_paces_and_nothing_that_is_wrong() -> None:
    board = HealthBoard(PATIENCE)
    for second in range(500):
        board.ended(object(), tried(board), PICTURE, took_s=9.0, was_late=False, now=float(second))
    bad(board.of(DEFAULT, "flash"), 500.0, times=OPENS)
    apart = board.apart()
    assert apart.patience == board.patience
    assert apart.suspect_s(DEFAULT, ask(), 500.0) == board.suspect_s(DEFAULT, ask(), 500.0) < 20.0
    assert apart.of(DEFAULT, "flash").standing(500.0) is CLOSED


def test_a_board_apart_keeps_nothing_to_be_told() -> None:
    apart = HealthBoard(PATIENCE).apart()
    for _ in range(50):
        apart.late(tried(apart), 1.0)
        apart.ended(object(), tried(apart), PICTURE, took_s=9.0, was_late=True, now=2.0)
        apart.ended(object(), tried(apart), PICTURE, took_s=9.0, was_late=False, now=2.0)
    told = apart.tally(("Default", "flash"), 3.0).spelled(0.0)
    assert not {name for name in told if name.startswith(("good", "bad", "late", "finished", "took"))}


def test_what_a_board_apart_hears_the_other_does_not() -> None:
    board = HealthBoard(PATIENCE)
    apart = board.apart()
    bad(apart.of(DEFAULT, "flash"), 0.0, times=OPENS)
    for _ in range(500):
        apart.ended(object(), tried(board), PICTURE, took_s=170.0, was_late=False, now=700.0)
    assert board.standings(0.0).get(("Default", "flash"), CLOSED) is CLOSED
    assert board.pace(DEFAULT, ask(), 0.0).quantile(0.5) < 100.0


def test_a_line_that_is_set_is_not_learned() -> None:
    board = HealthBoard(Patience(suspect_s=2.5))
    assert board.suspect_s(DEFAULT, ask(), 0.0) == 2.5


# Anything that may happen to a group: how much later, and what.
EVENTS = st.lists(st.tuples(st.floats(0.0, 60.0), st.sampled_from(["good", "bad", "old", "turn"])), max_size=200)


@given(EVENTS)
def test_there_is_a_way_out_of_every_state(events: list[tuple[float, str]]) -> None:
    """Whatever came before: from here on all is well, and within five minutes all traffic is back."""
    health, now = played(events)
    until = now + 300.0
    while health.standing(now) is not CLOSED and now < until:
        now += 1.0
        if health.turn(now, 0) in (Turn.FIRST, Turn.PROBE):
            good(health, now)
    assert health.standing(now) is CLOSED


@given(EVENTS)
def test_an_open_group_gets_nothing_but_probes(events: list[tuple[float, str]]) -> None:
    health, now = played(events)
    for _ in range(200):
        standing = health.standing(now)
        turn = health.turn(now, 0)
        if standing is OPEN:
            assert turn is Turn.BEHIND
        if standing is HALF:
            assert turn in (Turn.BEHIND, Turn.PROBE)
        now += 0.5


@given(EVENTS)
def test_no_more_than_one_call_asks_in_five_seconds(events: list[tuple[float, str]]) -> None:
    health, now = played(events)
    asked_at: list[float] = []
    for _ in range(400):
        if health.turn(now, 0) is Turn.PROBE:
            asked_at.append(now)
            good(health, now)
        now += 0.5
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(asked_at))


@given(EVENTS)
def test_traffic_turns_round_seldom(events: list[tuple[float, str]]) -> None:
    """At most three times in a quarter of an hour, whatever happens: the third time it stays away for longer."""
    health, now, turned = Health(PATIENCE), 0.0, []
    for after, what in events:
        now += after
        before = health.standing(now)
        happen(health, now, what)
        if before in (CLOSED, SUSPECT, RAMP) and health.standing(now) is OPEN:
            turned.append(now)
    assert all(later - first > 300.0 for first, later in zip(turned, turned[3:], strict=False))


def played(events: list[tuple[float, str]]) -> tuple[Health, float]:
    health, now = Health(PATIENCE), 0.0
    for after, what in events:
        now += after
        happen(health, now, what)
    return health, now


def happen(health: Health, now: float, what: str) -> None:
    match what:
        case "good":
            health.good(now, health.epoch)
        case "bad":
            health.bad(now, health.epoch)
        case "old":
            health.bad(now, health.epoch - 1)
        case _:
            health.turn(now, 0)
