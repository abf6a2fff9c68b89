"""How long a sighting is believed, and how many are kept."""

import pytest

from gateway.core.keys import Key, Limits
from gateway.ledger import known
from gateway.ledger.known import Known, Sighting

KEY = Key("key_1", "acme", "ci", "abcd", Limits(), 0.0)


@pytest.mark.parametrize(("age", "within"), [(0.0, True), (4.999, True), (5.0, False), (-0.001, False)])
def test_a_sighting_is_young_for_so_long_and_never_from_the_future(age: float, within: bool) -> None:
    assert Sighting(KEY, 100.0).within(5.0, 100.0 + age) is within


def test_the_latest_sighting_stands() -> None:
    seen = Known()
    seen.note("a", Sighting(None, 0.0), changes=0)
    seen.note("a", Sighting(KEY, 1.0), changes=0)
    assert seen.last("a") == Sighting(KEY, 1.0)
    seen.note("a", Sighting(None, 2.0), changes=0)
    assert seen.last("a") == Sighting(None, 2.0)
    assert repr(seen) == "<Known 0 keys, 1 strangers>"


def test_what_was_looked_up_before_a_change_is_not_noted_after_it() -> None:
    seen = Known()
    before = seen.changes
    seen.forget("key_1")
    seen.note("a", Sighting(KEY, 0.0), changes=before)
    assert seen.last("a") is None


def test_a_flood_of_strangers_is_bounded_and_pushes_out_no_key() -> None:
    seen = Known()
    seen.note("friend", Sighting(KEY, 0.0), changes=0)
    for n in range(known._MOST_STRANGERS + 1):
        seen.note(str(n), Sighting(None, 0.0), changes=0)
    assert seen.last("friend") is not None
    assert seen.last("0") is None
    assert repr(seen) == f"<Known 1 keys, {known._MOST_STRANGERS} strangers>"
