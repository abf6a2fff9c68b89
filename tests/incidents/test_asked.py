"""A scenario in the words of the wire: the seller's schedule, and the callers' requests."""

from collections import Counter
from dataclasses import replace

import pytest

from gateway.rehearse.scenarios import HANG, SCENARIOS, Scenario
from gateway.rehearse.world import LATE_S, Trouble
from gateway.sim.faults import FAULTS
from gateway.sim.latency import read_lognormal
from gateway.sim.script import Schedule, read_rules
from tests.facts import DEFAULT, ENTERPRISE, FLASH
from tests.incidents.asked import calls_of, latency_law, rules_of
from tests.incidents.compared import Compared

GROUPS = (DEFAULT.name, ENTERPRISE.name)
ROLLS = 10_000


def shares(scenario: Scenario, group: str, now: float, speed: float = 10.0) -> dict[str, float]:
    """How often each fault befalls a call of a group at a second of the incident."""
    schedule = Schedule(read_rules(rules_of(scenario, GROUPS, speed), tuple(FAULTS)), now=0.0)
    rolls = (roll / ROLLS for roll in range(ROLLS))
    counts = Counter(schedule.fault(group, "flash", now=now / speed, roll=roll) or "none" for roll in rolls)
    return {fault: count / ROLLS for fault, count in counts.items()}


def scenario(trouble: Trouble) -> Scenario:
    return Scenario("test", "", trouble, before_s=100.0, lasts_s=200.0)


STUCK = {"late": 0.0025, "hang": 0.0025}
WELL = {**STUCK, "none": 0.995}
CASES = [
    (HANG, {"late": 0.5, "hang": 0.5}),
    (Trouble(hangs=0.3), {"late": 0.15, "hang": 0.15, "none": 0.7}),
    (Trouble(slower=4.0), {**STUCK, "slow": 0.995}),
    (Trouble(refuses=1.0), {"unavailable": 1.0}),
]


@pytest.mark.parametrize(("trouble", "during"), CASES)
def test_the_seller_is_in_trouble_for_as_long_as_the_scenario_says(trouble: Trouble, during: dict[str, float]) -> None:
    for now, expected in ((99.0, WELL), (100.0, during), (299.0, during), (300.0, WELL), (9999.0, WELL)):
        assert shares(scenario(trouble), GROUPS[0], now) == pytest.approx(expected)


def test_the_other_group_is_well_unless_it_has_trouble_of_its_own() -> None:
    assert shares(scenario(HANG), GROUPS[1], 150.0) == pytest.approx(WELL)
    both = replace(scenario(HANG), second=Trouble(hangs=0.5))
    assert shares(both, GROUPS[1], 150.0) == pytest.approx({"late": 0.25, "hang": 0.25, "none": 0.5})


def test_trouble_comes_and_goes() -> None:
    flap = scenario(replace(HANG, on_s=60.0, off_s=30.0))
    stuck = [shares(flap, GROUPS[0], now).get("hang") for now in (150.0, 170.0, 200.0, 260.0, 285.0, 299.0)]
    assert stuck == pytest.approx([0.5, 0.0025, 0.5, 0.0025, 0.5, 0.5])


@pytest.mark.parametrize("name", ["full", "well"])
def test_what_the_simulator_cannot_play_is_said(name: str) -> None:
    (cannot,) = (each for each in SCENARIOS if each.name == name)
    with pytest.raises(ValueError, match="knows no crowd and no time of day"):
        rules_of(cannot, GROUPS, 1.0)


def test_the_simulator_is_late_as_the_world_is() -> None:
    assert FAULTS["late"].stuck_s == LATE_S
    assert read_lognormal(latency_law()).median_s["4K"] == 20.0


def test_half_of_the_callers_speak_googles_format_and_half_of_all_are_streamed() -> None:
    asks = list(replace(scenario(HANG), after_s=2000.0).arrivals(FLASH, None, seed=0))
    calls = calls_of(asks, ["http://one", "http://two"], seed=0)
    assert [call.at for call in calls] == [at for at, _ in asks]
    count = len(calls)
    for share in (
        sum("v1beta" in call.url for call in calls),
        sum(call.streamed for call in calls),
        sum(call.url.startswith("http://one/") for call in calls),
    ):
        assert share == pytest.approx(count / 2, rel=0.1)


def row(real: float | None, low: float | None, high: float | None, middle: float | None = 10.0) -> Compared:
    return Compared("p50_s", real, middle, low, high)


RULES = [
    (row(12.5, 9.0, 11.0), "25 %", True),
    (row(12.6, 9.0, 11.0), "25 %", False),
    (row(16.2, 9.0, 13.0), "range", True),
    (row(16.3, 9.0, 13.0), "range", False),
    (row(6.8, 9.0, 13.0), "range", True),
    (row(6.7, 9.0, 13.0), "range", False),
    (row(None, None, 13.0), "range", True),
    (row(None, 9.0, 13.0), "range", False),
    (row(1.0, None, None, None), "range", False),
    (row(None, None, None, None), "range", True),
]


@pytest.mark.parametrize(("compared", "rule", "agrees"), RULES)
def test_a_steady_figure_is_held_to_a_quarter_and_another_to_its_range(
    compared: Compared, rule: str, agrees: bool
) -> None:
    assert (compared.rule, compared.agrees) == (rule, agrees)
