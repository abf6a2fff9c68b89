"""What several gateways promise that share what they see: as much as one does, and no more probes."""

import pytest

from gateway.core.move import Standing
from gateway.rehearse.engine import Rules, Run
from gateway.rehearse.policies import OURS, POLICIES
from gateway.rehearse.report import Figures, averaged, figures
from tests.facts import DEFAULT, FLASH
from tests.rehearse.test_incidents import BY_NAME, KEY, LANES, PATIENCE_S, PRICES

PAIR = (DEFAULT.name, FLASH.id)
SEEN_S = 90.0  # after the begin of an incident; whoever has not seen it by then is late anyway


def played(name: str, replicas: int, seed: int = 0, *, rate: float = 1.0, for_s: float | None = None) -> Run:
    """An incident; `for_s`: as far as the calls go that come in its first seconds. 2000 calls are enough to learn."""
    scenario = BY_NAME[name]
    run = Run(scenario.world([*PRICES], seed, replicas), LANES, KEY, POLICIES[OURS](), Rules(PATIENCE_S))
    until = scenario.over_s if for_s is None else scenario.begins_s + for_s
    since = scenario.begins_s - 2000.0 / rate
    run.play(each for each in scenario.arrivals(FLASH, rate, seed) if since <= each[0] < until)
    return run


def told(name: str, replicas: int, *, seeds: int = 2) -> Figures:
    runs = [played(name, replicas, seed) for seed in range(seeds)]
    return averaged([figures(run, BY_NAME[name], PRICES, PATIENCE_S) for run in runs])


def opened(run: Run, name: str) -> dict[int, float]:
    """When each replica first turned away from the first group, in seconds from the begin."""
    found: dict[int, float] = {}
    for shift in run.shifts:
        if shift.group == DEFAULT.name and shift.standing is Standing.OPEN:
            found.setdefault(shift.replica, shift.now - BY_NAME[name].begins_s)
    return found


def probes(run: Run) -> int:
    return sum(replica.board.health(PAIR).asking.asked for replica in run.replicas)


@pytest.mark.parametrize(("replicas", "rate", "seeds"), [(4, 1.0, 10), (64, 10.0, 1)])
def test_a_group_that_hangs_is_left_by_all_within_forty_seconds(replicas: int, rate: float, seeds: int) -> None:
    latest: list[float] = []
    for seed in range(seeds):
        found = opened(played("hang", replicas, seed, rate=rate, for_s=SEEN_S), "hang")
        assert len(found) == replicas
        latest.append(max(found.values()))
    assert sorted(latest)[round(0.9 * (seeds - 1))] <= 40.0


def test_four_are_as_good_as_one() -> None:
    ours = told("hang", 4)
    assert ours.delivered >= 0.995
    assert ours.p99_s <= 80.0
    assert ours.twice <= 0.04
    assert ours.back_s is not None
    assert ours.back_s <= 200.0


def test_probes_do_not_grow_with_the_number_of_replicas() -> None:
    one, several = (sum(probes(played("hang", many, seed)) for seed in range(2)) for many in (1, 8))
    assert several <= 1.3 * one


@pytest.mark.parametrize("replicas", [2, 4])
def test_a_gateway_without_a_network_condemns_no_group_for_the_others(replicas: int) -> None:
    for seed in range(2):
        assert set(opened(played("cut-off", replicas, seed, for_s=600.0), "cut-off")) <= {0}


def test_nor_where_so_few_calls_come_that_the_others_are_seldom_answered() -> None:
    for seed in range(4):
        assert set(opened(played("cut-off", 2, seed, rate=0.2), "cut-off")) <= {0}


def test_with_the_store_away_each_leaves_by_itself_and_all_come_back() -> None:
    run = played("store", 4)
    assert len(opened(run, "store")) == 4
    assert {replica.board.health(PAIR).standing(run.now) for replica in run.replicas} == {Standing.CLOSED}
    ours = figures(run, BY_NAME["store"], PRICES, PATIENCE_S)
    assert ours.delivered >= 0.995
    assert ours.back_s is not None
    assert ours.back_s <= 240.0


def test_a_day_without_trouble_has_none_for_four_either() -> None:
    assert opened(played("well", 4, rate=0.2, for_s=21_600.0), "well") == {}, "while it becomes slower and slower"


def test_each_exchanges_at_most_once_a_second_and_pair() -> None:
    run = played("hang", 4, for_s=SEEN_S)
    assert run.commons.exchanges <= run.now * len(run.replicas) * len(LANES)
