"""Which call asks whether a group is well again, alone and among replicas."""

from gateway.core.asking import Asking


def open_until(at: float) -> Asking:
    """A group that was left, with calls that would go there."""
    asking = Asking()
    asking.open(at)
    asking.wanted(at)
    return asking


def test_alone_one_asks_at_once_and_the_next_after_five_seconds() -> None:
    asking = open_until(100.0)
    assert asking.may(100.0, 0)
    asking.begin(100.0)
    assert not asking.may(104.0, 0)
    asking.answered(well=True)
    assert not asking.may(104.9, 0)
    assert asking.may(105.0, 0)


def test_until_the_first_answer_there_is_one_and_then_there_may_be_two() -> None:
    asking = open_until(100.0)
    asking.begin(100.0)
    assert not asking.may(110.0, 0)
    assert asking.may(160.0, 0), "it will not come any more"
    asking.answered(well=True)
    asking.begin(160.0)
    assert asking.may(165.0, 0)
    asking.begin(165.0)
    assert not asking.may(170.0, 0)


def test_larger_ones_wait_whether_a_smaller_one_comes() -> None:
    asking = open_until(100.0)
    assert [asking.may(104.9, rank) for rank in (0, 1, 2)] == [True, False, False]
    assert [asking.may(110.0, rank) for rank in (0, 1, 2)] == [True, True, True]


def test_among_others_it_takes_a_lease_which_is_good_for_one_call() -> None:
    asking = open_until(100.0)
    asking.lease(98.0, given=False)
    assert not asking.may(100.0, 0)
    asking.lease(98.0, given=True)
    assert not asking.may(105.1, 0), "it has lasted for five seconds"
    assert asking.may(104.0, 0), "of which none was lost before there was anything to ask"
    asking.begin(104.0)
    asking.answered(well=True)
    assert not asking.may(110.0, 0)
    asking.lease(110.0, given=True)
    assert asking.may(110.0, 0)


def test_what_others_asked_counts_as_if_it_were_asked_here() -> None:
    asking = open_until(100.0)
    asking.lease(100.0, given=True)
    asking.heard(1, 101.0)
    assert not asking.may(107.0, 0), "one is under way"
    assert asking.leases(107.0) == 0
    asking.answered(well=True)
    assert not asking.may(107.0, 0), "and the lease from before is void"
    assert asking.leases(107.0) == 1
    assert asking.asked == 0


def test_with_the_others_out_of_reach_it_asks_alone() -> None:
    asking = open_until(100.0)
    asking.lease(100.0, given=False)
    assert not asking.may(100.0, 0)
    asking.alone()
    assert asking.may(100.0, 0)


def test_a_lease_is_wanted_ahead_of_the_moment_and_where_there_are_calls() -> None:
    asking = open_until(100.0)
    assert [asking.leases(at) for at in (97.9, 98.0, 100.0)] == [0, 1, 1]
    assert asking.leases(160.1) == 0, "no call has come for a minute"


def test_with_each_turn_in_which_nobody_asked_twice_as_many_may() -> None:
    asking = open_until(100.0)
    asking.wanted(159.0)
    assert [asking.leases(at) for at in (104.9, 105.0, 110.0, 115.0, 120.0)] == [1, 2, 4, 8, 16]
    asking.heard(1, 121.0)
    asking.answered(well=True)
    assert asking.leases(126.0) == 1


def test_where_nobody_has_asked_for_a_minute_whichever_comes_may() -> None:
    asking = open_until(100.0)
    asking.lease(100.0, given=False)
    assert not asking.may(154.0, 0)
    assert asking.may(155.0, 0)
