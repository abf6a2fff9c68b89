"""A group that hangs, with real processes: the callers' figures are those of the simulation, and the books are exact.

Shorter than the incident of a rehearsal, and a little slower than the command plays it, since a machine that is busy
for a tenth of a second is away for so many times as long here. What it adds to an answer is measured, and taken from
what callers waited. A figure only has to be one that the simulation could have had: `python -m tests.incidents`
judges more strictly.
"""

from dataclasses import fields, replace

import pytest

from gateway.core.move import Standing
from gateway.rehearse.report import Figures
from gateway.rehearse.scenarios import SCENARIOS
from tests.incidents.compared import Compared, compared, figures_of, settings_at, simulated
from tests.incidents.rig import Result, Rig, play

SEED = 0
DICE = 20
RIG = Rig(replicas=2, speed=15.0)
MOST_ADDED_S = 1.5  # of the incident's seconds
LEAST_SPEED = 3.0
WAITED = ("p50_s", "p99_s")

(HANG,) = (replace(each, before_s=180.0, lasts_s=240.0, after_s=160.0) for each in SCENARIOS if each.name == "hang")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Played more slowly, as often as it takes, where the machine has so much else to do that it plays along."""
    home, rig = tmp_path_factory.mktemp("hang"), RIG
    while True:
        found = play(HANG, rig, SEED, home / f"at-{rig.speed:g}")
        print(f"at {rig.speed:g} times the speed the machine added {found.machine_s:.2f} s to half of the answers")
        if found.machine_s <= MOST_ADDED_S or rig.speed <= LEAST_SPEED:
            return found
        rig = replace(rig, speed=rig.speed / 2)


@pytest.fixture(scope="module")
def rows(result: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compared]:
    settings = settings_at(tmp_path_factory.mktemp("simulated"))
    runs = [simulated(HANG, settings, SEED, dice) for dice in range(DICE)]
    real = figures_of(result.played, HANG, settings)
    real = replace(real, **{name: getattr(real, name) - result.machine_s for name in WAITED})
    found = compared(real, [figures_of(run, HANG, settings) for run in runs])
    return {row.name: row for row in found}


@pytest.mark.parametrize("name", [each.name for each in fields(Figures)])
def test_a_figure_is_one_that_the_simulation_could_have_had(rows: dict[str, Compared], name: str) -> None:
    assert rows[name].in_range, rows[name]


def test_the_sellers_bill_is_the_ledger_and_no_caller_pays_twice(result: Result) -> None:
    assert not result.audit.faults
    assert result.audit.balanced
    assert result.audit.keys_spent > 0
    assert result.audit.unsettled.attempts > 0


def test_the_head_of_an_answer_says_what_the_log_says(result: Result) -> None:
    assert not result.disagreements


def test_only_what_the_seller_left_off_in_the_middle_was_not_delivered(result: Result) -> None:
    assert len(result.unserved) <= len(result.played.told) // 100, result.unserved


def test_the_group_is_left_asked_and_taken_back(result: Result) -> None:
    stood = [shift.standing for shift in result.played.shifts]
    assert stood[-1] is Standing.CLOSED or stood[-1] is Standing.RAMP
    assert {Standing.OPEN, Standing.HALF, Standing.RAMP} <= {*stood}
