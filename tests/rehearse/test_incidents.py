"""What the failover policy promises, in incidents that are played with seeded dice, beside what others do."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.core.groups import Billing, Lane
from gateway.core.keys import Key, Limits
from gateway.core.move import Standing
from gateway.rehearse.engine import Rules, Run
from gateway.rehearse.policies import OURS, POLICIES
from gateway.rehearse.report import Figures, averaged, figures
from gateway.rehearse.scenarios import SCENARIOS, Scenario
from gateway.rehearse.world import World
from tests.facts import DEFAULT, ENTERPRISE, FLASH, ask

RETRY = "retry after 120 s"
PATIENCE_S = 360.0
SEEDS = 5

BY_NAME: Mapping[str, Scenario] = {each.name: each for each in SCENARIOS}
LANES = [Lane(group.name, group, "http://127.0.0.1:9", Billing.PAY_PER_REQUEST) for group in (DEFAULT, ENTERPRISE)]
KEY = Key("key_1", "acme", "", "", Limits(), created_at=0.0)
PRICES = {group.name: float(group.multiplier) for group in (DEFAULT, ENTERPRISE)}


def played(name: str, policy: str = OURS, seed: int = 0, **more: float) -> Run:
    return played_in(BY_NAME[name], policy, seed, **more)


def played_in(scenario: Scenario, policy: str, seed: int, **more: float) -> Run:
    run = Run(scenario.world([*PRICES], seed), LANES, KEY, POLICIES[policy](), Rules(PATIENCE_S))
    run.play(scenario.arrivals(FLASH, more.get("rate"), seed))
    return run


def told(name: str, policy: str = OURS, *, seeds: int = SEEDS, **more: float) -> Figures:
    runs = [played(name, policy, seed, **more) for seed in range(seeds)]
    return averaged([figures(run, BY_NAME[name], PRICES, PATIENCE_S) for run in runs])


def test_a_group_that_hangs_is_hardly_felt() -> None:
    ours, naive = told("hang", seeds=20), told("hang", RETRY)
    assert ours.moved_s is not None
    assert ours.moved_s <= 40.0
    assert ours.delivered >= 0.995
    assert ours.p99_s <= 80.0 < naive.p99_s
    assert ours.twice <= 0.04 < naive.twice
    assert ours.cost <= 1.42 < naive.cost
    assert ours.back_s is not None
    assert ours.back_s <= 200.0


def test_a_hundred_calls_a_second_are_served_as_well_as_one() -> None:
    short = replace(BY_NAME["hang-2"], before_s=320.0, after_s=240.0)
    run = played_in(short, OURS, 0, rate=100.0)
    assert {shift.standing for shift in run.shifts if shift.now < short.begins_s} == {Standing.CLOSED}
    ours = figures(run, short, PRICES, PATIENCE_S)
    assert ours.delivered >= 0.998
    assert ours.moved_s is not None
    assert ours.moved_s <= 20.0
    assert ours.turned == 1
    assert ours.twice <= 0.08
    assert ours.back_s is not None
    assert ours.back_s <= 200.0


@pytest.mark.parametrize("lasts_s", [420.0, 480.0, 540.0, 660.0, 720.0])
def test_it_is_asked_soon_wherever_in_a_dwell_it_comes_to_be_well(lasts_s: float) -> None:
    hang = replace(BY_NAME["hang"], lasts_s=lasts_s)
    runs = [played_in(hang, OURS, seed) for seed in range(3)]
    back_s = averaged([figures(run, hang, PRICES, PATIENCE_S) for run in runs]).back_s
    assert back_s is not None
    assert back_s <= 200.0


def test_a_part_that_hangs_costs_no_more_raced_than_retried_and_half_the_time() -> None:
    """Of 40 seeds 1.31 against 1.33; of five the dice say more than the policies do."""
    ours, naive = told("part"), told("part", RETRY)
    assert ours.in_the_end < 1.02 * naive.in_the_end
    assert ours.p99_s < 0.7 * naive.p99_s
    assert ours.delivered >= 0.99


def test_a_group_that_is_slow_is_left_as_one_that_hangs() -> None:
    ours = told("slow")
    assert ours.moved_s is not None
    assert ours.moved_s <= 60.0
    assert ours.p50_s < 15.0 < told("slow", "wait").p50_s
    assert ours.twice <= 0.07


def test_a_group_that_refuses_costs_its_callers_nothing() -> None:
    ours = told("busy")
    assert ours.delivered >= 0.998
    assert ours.twice <= 0.005
    assert ours.p99_s < 60.0


def test_a_group_that_comes_and_goes_turns_traffic_round_at_most_twice_in_a_quarter_of_an_hour() -> None:
    assert told("flap").turned <= 2


@pytest.mark.parametrize("name", ["hang-2", "both", "full", "quiet"])
def test_whatever_happens_more_is_delivered_than_by_waiting(name: str) -> None:
    assert told(name, seeds=3).delivered > told(name, "wait", seeds=3).delivered


def test_a_group_that_is_slow_after_it_hung_keeps_its_callers_waiting_no_longer() -> None:
    ours = told("recovering", seeds=3)
    assert ours.delivered >= 0.995
    assert ours.p99_s <= 80.0
    assert ours.turned <= 3
    assert ours.back_s is not None
    assert ours.back_s <= 900.0


def test_a_gateway_that_stands_still_now_and_then_leaves_a_group_that_hangs_as_early() -> None:
    ours = told("still-hang", seeds=3)
    assert ours.moved_s is not None
    assert ours.moved_s <= 45.0
    assert ours.delivered >= 0.995


def test_a_gateway_that_stands_still_now_and_then_leaves_no_group_that_is_well() -> None:
    ours = figures(played("still", rate=0.1), BY_NAME["still"], PRICES, PATIENCE_S)
    assert (ours.moved_s, ours.turned) == (None, 0)


def test_what_came_while_a_gateway_stood_still_is_read_before_anything_is_held_to_be_late() -> None:
    came_s = 29.5  # half a second before the line, when it stands still
    world = World([], random.Random(1), hangs=0.0, still_every_s=60.0, observed={("1K", False): [came_s]})
    run = Run(world, LANES, KEY, POLICIES[OURS](), Rules(PATIENCE_S))
    run.play((31.0 + number / 100, ask()) for number in range(5))
    assert {call.done_at for call in run.told} == {65.0}
    assert {shift.standing for shift in run.shifts} == {Standing.CLOSED}


def test_asking_for_larger_pictures_is_no_incident() -> None:
    ours = told("larger")
    assert (ours.moved_s, ours.turned) == (None, 0)


def test_a_day_without_trouble_has_none() -> None:
    ours = figures(played("well", rate=0.3), BY_NAME["well"], PRICES, PATIENCE_S)
    assert (ours.moved_s, ours.turned) == (None, 0)
    assert ours.cost < 1.01


def test_the_same_dice_fall_the_same_way() -> None:
    assert figures(played("hang"), BY_NAME["hang"], PRICES, PATIENCE_S) == figures(
        played("hang"), BY_NAME["hang"], PRICES, PATIENCE_S
    )


def test_every_call_is_billed_as_often_as_the_world_says() -> None:
    run = played("hang")
    assert sum(len(call.billed) for call in run.told) == len(run.bills)
    assert all(call.billed for call in run.told if call.done_at is not None)
