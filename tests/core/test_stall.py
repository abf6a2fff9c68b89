"""Answers that should have come and did not."""

import heapq
import random

from gateway.core.latency import Pace
from gateway.core.stall import Stall


def played(
    *, seconds: float, rate: float = 1.0, stops_at: float = 1e9, slower: float = 1.0, hang: float = 0.0, seed: int = 1
) -> float | None:
    """When a stall is seen, of calls that take 9 s; `hang` is the share that never ends."""
    dice, pace, stall = random.Random(seed), Pace(20.0, 0.0), Stall()
    ends: list[tuple[float, int]] = []
    now, number, next_call = 0.0, 0, 0.0
    while now < seconds:
        now = round(now + 0.25, 2)
        while now >= next_call:
            number, next_call = number + 1, next_call + dice.expovariate(rate)
            stall.began(number, pace, now)
            if now < stops_at and dice.random() >= hang:
                heapq.heappush(ends, (now + 8.9 * slower * dice.lognormvariate(0.0, 0.35), number))
        while ends and ends[0][0] <= now:
            stall.ended(heapq.heappop(ends)[1], now, came=True)
        if stall.stalled(now):
            return now
    return None


def test_a_group_that_stops_is_seen_before_most_attempts_are_late() -> None:
    for seed in range(10):
        seen = played(seconds=400.0, stops_at=300.0, seed=seed)
        assert seen is not None
        assert 300.0 < seen < 345.0


def test_a_group_that_is_well_is_left_in_peace() -> None:
    assert [played(seconds=3600.0, seed=seed) for seed in range(5)] == [None] * 5


def test_an_hour_in_which_all_takes_a_third_longer_is_no_stall() -> None:
    assert [played(seconds=3600.0, slower=1.33, seed=seed) for seed in range(5)] == [None] * 5


def test_a_group_that_is_well_is_left_in_peace_where_hundreds_of_calls_come_a_second() -> None:
    assert played(seconds=120.0, rate=300.0) is None


def test_three_of_ten_that_hang_are_no_stall() -> None:
    assert [played(seconds=600.0, hang=0.3, seed=seed) for seed in range(5)] == [None] * 5


def test_whoever_was_away_begins_anew() -> None:
    """A process that was stopped for a minute has not seen what came meanwhile."""
    pace, stall = Pace(20.0, 0.0), Stall()
    for number in range(100):
        stall.began(number, pace, 0.0)
    assert not stall.stalled(1.0)
    assert not stall.stalled(61.0)
    assert not stall.stalled(61.6)


def test_what_was_cleared_is_not_held_against_anybody() -> None:
    pace, stall = Pace(20.0, 0.0), Stall()
    for number in range(100):
        stall.began(number, pace, 0.0)
    stall.clear()
    for tenth in range(600):
        assert not stall.stalled(tenth / 10)
    stall.ended(5, 60.0, came=True)
