"""What the disk has time for."""

import pytest

from gateway.vault.pace import Pace

MB = 1_000_000


@pytest.mark.parametrize(
    ("size", "admitted"),
    [(0, 200), (600, 200), (MB, 100), (9_990_000, 10), (99 * MB, 1), (101 * MB, 0)],
)
def test_after_a_while_of_nothing_a_burst_is_admitted(size: int, admitted: int) -> None:
    pace = Pace(100, 50 * MB, 2.0)
    assert sum(pace.admits(size, 1000.0) for _ in range(1000)) == admitted


def test_then_as_much_as_comes_in_the_time() -> None:
    pace = Pace(100, 50 * MB, 2.0)
    while pace.admits(MB, 1000.0):
        pass
    every_tenth = [sum(pace.admits(MB, 1000.0 + tenth / 10) for _ in range(100)) for tenth in range(1, 51)]
    assert sum(every_tenth) == pytest.approx(250, abs=1)
    assert max(every_tenth) <= 6


def test_a_clock_that_is_set_back_admits_again_when_it_comes_there() -> None:
    pace = Pace(100, 50 * MB, 2.0)
    assert pace.admits(0, 1000.0)
    assert not pace.admits(0, 900.0)
    assert pace.admits(0, 1000.1)
