"""What replicas tell each other: counts that survive being added up, and what is read out of them again."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.latency import Kind
from gateway.core.tally import CAME, DUE, FINISHED, LATE, PROBED, WAY, Heard, Tally, What, read

PAIR = ("Default", "flash")
KIND = Kind(*PAIR, "4K", thinks=True, crowd=2)
GOOD, BAD = What.GOOD, What.BAD


def full() -> Tally:
    """Something of everything."""
    tally = Tally()
    for what, began_at in ((GOOD, 100.0), (GOOD, 101.0), (BAD, 100.0), (BAD, 42.0)):
        tally.attempt(what, began_at)
    for name in (LATE, FINISHED, PROBED):
        tally.count(name)
    tally.took(KIND, 30)
    tally.stalled(0.25, 3, 7)
    return tally


def heard(tally: Tally, *, ahead_s: float = 0.0) -> Heard:
    return read(PAIR, tally.spelled(ahead_s), at=200.0, ahead_s=ahead_s)


def test_what_is_spelled_is_read_again() -> None:
    told = heard(full(), ahead_s=1_790_000_000.0)
    assert sorted(told.attempts) == [(BAD, 40.0, 1), (BAD, 100.0, 1), (GOOD, 100.0, 2)]
    assert (told.late, told.finished, told.probed) == (1, 1, 1)
    assert (told.due, told.came, told.under_way) == (0.25, 3, 7)
    assert told.took == ((KIND, 30, 1),)
    assert told.good


def test_a_name_has_few_letters_and_there_are_few_of_them() -> None:
    assert full().spelled(1_790_000_000.0) == {
        "good:358000020": 2,
        "bad:358000020": 1,
        "bad:358000008": 1,
        LATE: 1,
        FINISHED: 1,
        PROBED: 1,
        "took:4K:1:2:30": 1,
        DUE: 250,
        CAME: 3,
        WAY: 7,
    }


@given(st.floats(0.0, 1e6), st.floats(0.0, 2e9))
def test_no_attempt_is_read_as_younger_than_it_was(began_at: float, ahead_s: float) -> None:
    tally = Tally()
    tally.attempt(BAD, began_at)
    ((_, read_as, _),) = heard(tally, ahead_s=ahead_s).attempts
    assert began_at - 5.001 <= read_as <= began_at + 0.001


def test_whoever_forgives_tells_nothing_against_the_group() -> None:
    tally = full()
    tally.forgive()
    told = heard(tally)
    assert [what for what, _, _ in told.attempts] == [GOOD]
    assert (told.late, told.due) == (0, 0.0)
    assert (told.came, told.finished, told.probed) == (3, 1, 1)


def test_nothing_seen_is_nothing_told() -> None:
    tally = Tally()
    assert not tally
    tally.stalled(0.0, 0, 0)
    tally.count(PROBED, 0)
    assert not tally
    assert tally.spelled(0.0) == {}


def test_names_of_another_release_are_passed_over() -> None:
    assert read(PAIR, {"colour": 3, "good": 1, "took:4K": 1, LATE: 2}, at=1.0, ahead_s=0.0) == Heard(1.0, late=2)


@given(st.integers(0, 40), st.integers(0, 40))
def test_good_and_bad_are_evenly_mixed(good: int, bad: int) -> None:
    """Wherever the order is cut, each part has its share of the bad ones, give or take one."""
    mixed = list(Heard(0.0, ((GOOD, 10.0, good), (BAD, 10.0, bad))).since(0.0))
    assert Counter(mixed) == +Counter({GOOD: good, BAD: bad})
    for cut in range(len(mixed) + 1):
        assert abs(mixed[:cut].count(BAD) - cut * bad / max(1, len(mixed))) <= 1.0


def test_what_began_before_a_moment_is_left_out() -> None:
    told = Heard(100.0, ((BAD, 40.0, 3), (BAD, 60.0, 1), (GOOD, 80.0, 1)))
    assert Counter(told.since(50.0)) == {BAD: 1, GOOD: 1}
    assert list(told.since(80.0)) == []
