"""What failover may cost is never overshot, in a hang that lasts longer than two of the hours it is counted in."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from gateway.core.allowance import Caps, Purpose, Window, extra_nanos
from gateway.core.money import NANOS_PER_USD
from gateway.core.prices import quote
from gateway.rehearse.engine import Rules, Run
from gateway.rehearse.policies import OURS, POLICIES
from gateway.rehearse.scenarios import Scenario
from tests.facts import DEFAULT, ENTERPRISE, FLASH
from tests.rehearse.test_incidents import BY_NAME, KEY, LANES, PATIENCE_S, PRICES

CHEAP, DEAR = LANES
HOUR = Window.HOUR.lasts_s
CAP = NANOS_PER_USD  # one dollar: 45 calls of 0.022 more


def hanging(hangs: float = 0.0) -> Scenario:
    """Two hours in which Default hangs; in the other group, and before and after, only so many calls do by chance."""
    return replace(BY_NAME["hang"], lasts_s=2.0 * HOUR, rate=0.1, hangs=hangs)


def played(scenario: Scenario, **caps: int) -> Run:
    rules = Rules(PATIENCE_S, caps={Purpose(name): Caps(hour_nanos=nanos) for name, nanos in caps.items()})
    run = Run(scenario.world([*PRICES], seed=1), LANES, KEY, POLICIES[OURS](), rules)
    run.play(scenario.arrivals(FLASH, None, seed=1))
    return run


def drawn(run: Run, purpose: Purpose) -> list[int]:
    """By the hour."""
    allowance = run.purse.allowances[purpose]
    return [allowance.drawn(Window.HOUR, hour * HOUR) for hour in range(int(run.now // HOUR) + 1)]


def extra(run: Run) -> Counter[int]:
    """What the bills say that dearer groups cost more, by the hour in which it was sent."""
    hours: Counter[int] = Counter()
    for bill in run.bills:
        if bill.group == ENTERPRISE.name:
            nanos = quote(run.told[0].ask, DEAR) or 0  # by the call: one price for all
            hours[int(bill.sent_at // HOUR)] += extra_nanos(nanos, ENTERPRISE, Fraction(1))
    return hours


def test_no_hour_ever_holds_more_than_its_cap_and_what_was_drawn_is_what_was_billed() -> None:
    run = played(hanging(), premium=CAP)
    hours = drawn(run, Purpose.PREMIUM)
    assert max(hours) <= CAP < sum(hours)
    assert {hour: nanos for hour, nanos in enumerate(hours) if nanos} == extra(run)
    assert sum(told.denied for told in run.told) > 100


def test_without_a_cap_the_same_hours_cost_more() -> None:
    assert max(drawn(played(hanging()), Purpose.PREMIUM)) > 2 * CAP


def test_a_call_that_finds_the_allowance_spent_is_told_at_once() -> None:
    run = played(hanging(), premium=CAP)
    denied = [told for told in run.told if told.denied and not told.attempts]
    assert len(denied) > 100
    assert all(told.ended_at == told.arrived_at and not told.billed for told in denied)
    assert not any(told.won_by == ENTERPRISE.name for told in run.told if told.denied)


@pytest.mark.parametrize("hangs", [0.0, 0.01])
def test_races_lose_no_more_in_an_hour_than_their_cap(hangs: float) -> None:
    run = played(hanging(hangs), races=CAP // 4)
    hours = drawn(run, Purpose.RACES)
    assert 0 < max(hours) <= CAP // 4
    assert any(told.attempts > 1 for told in run.told)
    assert any(told.denied for told in run.told)


def test_what_races_drew_is_what_was_billed_for_answers_that_nobody_got() -> None:
    scenario = replace(hanging(), trouble=replace(BY_NAME["slow"].trouble))
    run = played(scenario, races=1000 * CAP)
    twice = [told for told in run.told if len(told.billed) > 1]
    lost = Counter(group for told in twice for group in told.billed) - Counter(told.won_by for told in twice)
    price = {lane.group.name: quote(run.told[0].ask, lane) or 0 for lane in (CHEAP, DEAR)}
    assert set(lost) <= {DEFAULT.name, ENTERPRISE.name}
    assert sum(drawn(run, Purpose.RACES)) == sum(price[group] * times for group, times in lost.items()) > 0
