"""Whose calls go on while the store is away, and for how much."""

from itertools import count

import pytest

from gateway.core.books import Hold
from gateway.core.outage import SLICE_NANOS, Outage, Slices

USD = 1_000_000_000
CENT = USD // 100


CALLS = count()


def hold(nanos: int = 5 * CENT, *, left: int | None = None, key: str = "key_1", capped: bool = False) -> Hold:
    return Hold(f"call_{next(CALLS)}", "acme", key, nanos, capped, left_nanos=left)


ALONE = [
    ("without a budget", Outage.SLICE, [hold(left=None)], 5 * CENT, True),
    ("within a slice", Outage.SLICE, [hold(left=100 * USD)], SLICE_NANOS, True),
    ("beyond a slice", Outage.SLICE, [hold(left=100 * USD)], SLICE_NANOS + 1, False),
    ("a twentieth of what was left", Outage.SLICE, [hold(left=USD)], USD // 20, True),
    ("more than that", Outage.SLICE, [hold(left=USD)], USD // 20 + 1, False),
    ("nothing was left", Outage.SLICE, [hold(left=0)], 1, False),
    ("never seen", Outage.SLICE, [], 1, False),
    ("open", Outage.OPEN, [hold(left=0)], 5 * CENT, True),
    ("open, never seen", Outage.OPEN, [], 5 * CENT, True),
    ("closed", Outage.CLOSED, [hold(left=None)], 5 * CENT, False),
]


@pytest.mark.parametrize(("policy", "heard", "nanos", "goes_on"), [row[1:] for row in ALONE], ids=[r[0] for r in ALONE])
def test_one_call(policy: Outage, heard: list[Hold], nanos: int, goes_on: bool) -> None:
    slices = Slices(policy)
    for each in heard:
        slices.heard(each, now=100.0)
    assert (slices.unbacked([hold(nanos)], now=101.0) is not None) is goes_on


@pytest.mark.parametrize(("left", "most"), [(100 * USD, SLICE_NANOS // 2), (USD, USD // 40)])
def test_a_worker_has_its_part_of_a_slice(left: int, most: int) -> None:
    slices = Slices(Outage.SLICE, workers=2)
    slices.heard(hold(left=left), now=100.0)
    assert slices.unbacked([hold(most + 1)], now=101.0) is None
    assert slices.unbacked([hold(most)], now=101.0)


def test_all_calls_of_a_team_have_one_slice_until_what_they_cost_is_in_the_books() -> None:
    slices = Slices(Outage.SLICE)
    for key in ("key_1", "key_2"):
        slices.heard(hold(left=100 * USD, key=key), now=100.0)
    first = hold(30 * CENT)
    assert slices.unbacked([first], now=101.0)
    assert slices.unbacked([hold(15 * CENT, key="key_2")], now=102.0)
    assert slices.unbacked([hold(3 * CENT), hold(3 * CENT)], now=103.0) is None, "both or none"
    assert slices.unbacked([hold(5 * CENT)], now=104.0)
    slices.heard(hold(left=100 * USD), now=105.0)
    assert slices.unbacked([hold(1)], now=106.0) is None, "the store has not heard of these calls yet"
    slices.over(first)
    assert slices.unbacked([hold(30 * CENT)], now=107.0)
    slices.over(hold(key="key_9"))


def test_answers_come_in_any_order_and_the_least_that_is_left_counts() -> None:
    slices = Slices(Outage.SLICE)
    for left in (10 * USD, 20 * CENT, 9 * USD, None):
        slices.heard(hold(left=left), now=100.0)
    assert slices.unbacked([hold(2 * CENT)], now=101.0) is None
    slices.heard(hold(left=10 * USD), now=111.0)
    assert slices.unbacked([hold(2 * CENT)], now=111.0)


def test_a_key_that_was_refused_has_no_slice() -> None:
    slices = Slices(Outage.SLICE)
    slices.heard(hold(left=100 * USD), now=100.0)
    slices.refused("key_1", now=101.0)
    slices.heard(hold(left=99 * USD), now=101.1)
    assert slices.unbacked([hold(1)], now=102.0) is None
    slices.refused("key_2", now=103.0)
    assert slices.unbacked([hold(1, key="key_2")], now=104.0) is None


def test_what_was_left_is_believed_for_five_minutes() -> None:
    slices = Slices(Outage.SLICE)
    slices.heard(hold(left=None), now=100.0)
    assert slices.unbacked([hold()], now=400.0)
    assert slices.unbacked([hold()], now=400.1) is None


@pytest.mark.parametrize(("heard", "capped"), [([hold(capped=True)], True), ([hold()], False), ([], True)])
def test_whether_a_team_has_caps_is_believed_too_and_taken_for_granted_where_nobody_knows(
    heard: list[Hold], capped: bool
) -> None:
    slices = Slices(Outage.OPEN)
    for each in heard:
        slices.heard(each, now=100.0)
    unbacked = slices.unbacked([hold()], now=101.0)
    assert unbacked is not None
    assert [each.capped for each in unbacked] == [capped]


def test_ten_thousand_keys_are_remembered() -> None:
    slices = Slices(Outage.SLICE)
    for number in range(10_001):
        slices.heard(hold(key=f"key_{number}"), now=100.0)
    assert slices.unbacked([hold(key="key_0")], now=101.0) is None
    assert slices.unbacked([hold(key="key_1")], now=101.0)
