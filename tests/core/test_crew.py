"""The workers of a gateway: who is started when, and what ends them all."""

import pytest

from gateway.core.crew import Crew, Ended, Worker

KILLED = Ended(70, -9)


def whole(of: int) -> Crew:
    """A crew of which all have come up, at 0."""
    crew = Crew(of, 0.0)
    while due := crew.due(0.0):
        for worker in due:
            crew.began(worker.number, 0.0)
        for worker in due:
            crew.came_up(worker.number, 0.0)
    assert crew.whole
    return crew


def numbers(crew: Crew, now: float) -> list[int]:
    return [worker.number for worker in crew.due(now)]


def test_the_first_is_started_alone_and_the_others_when_it_is_up() -> None:
    crew = Crew(3, 5.0)
    assert crew.due(5.0) == [Worker(1, 3)]
    crew.began(1, 5.0)
    assert (crew.due(9.0), crew.rest_s(9.0)) == ([], None)
    crew.came_up(1, 9.0)
    assert numbers(crew, 9.0) == [2, 3]
    crew.began(2, 9.0)
    crew.began(3, 9.0)
    found = []
    for number in (3, 2):
        crew.came_up(number, 9.5)
        found.append(crew.whole)
    assert (found, crew.due(99.0)) == ([False, True], [])


@pytest.mark.parametrize(("code", "ends_with"), [(2, 2), (1, 1), (0, 1), (-9, 1)])
def test_one_that_does_not_come_up_ends_the_start(code: int, ends_with: int) -> None:
    crew = Crew(2, 0.0)
    crew.began(1, 0.0)
    assert crew.ended(1, Ended(70, code), 0.2) is None
    assert (crew.over, crew.code, crew.due(99.0)) == (True, ends_with, [])


def test_one_that_does_not_come_up_ends_those_that_have() -> None:
    crew = Crew(2, 0.0)
    crew.began(1, 0.0)
    crew.came_up(1, 0.1)
    crew.began(2, 0.1)
    assert crew.ended(2, Ended(70, 2), 0.2) is None
    assert (crew.stopping, crew.over) == (True, False)
    crew.ended(1, Ended(69, 0), 0.3)
    assert (crew.over, crew.code) == (True, 2)


def test_one_that_dies_is_replaced_and_the_next_knows_how() -> None:
    crew = whole(2)
    assert crew.ended(2, KILLED, 100.0) == 0.1
    assert crew.due(100.05) == []
    assert crew.rest_s(100.05) == pytest.approx(0.05)
    assert crew.due(100.1) == [Worker(2, 2, KILLED)]
    assert crew.whole


def test_those_that_end_young_are_waited_for_longer_and_longer() -> None:
    crew, now, waits = whole(2), 0.0, []
    for _ in range(8):
        wait = crew.ended(1, KILLED, now)
        assert wait is not None
        waits.append(wait)
        now += wait
        crew.began(1, now)
    assert waits == [0.1, 0.5, 2.0, 5.0, 15.0, 30.0, 30.0, 30.0]
    crew.came_up(1, now)
    assert crew.ended(1, KILLED, now + 60.0) == 0.1


def test_a_restart_that_fails_ends_nobody_else() -> None:
    crew = whole(2)
    crew.ended(1, KILLED, 1.0)
    crew.began(1, 1.1)
    assert crew.ended(1, Ended(71, 2), 1.2) == 0.5
    assert not crew.stopping


@pytest.mark.parametrize(
    ("codes", "ends_with"),
    [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((-15, 0), 0), ((0, -9), 1)],
)
def test_it_is_over_when_all_have_ended(codes: tuple[int, int], ends_with: int) -> None:
    crew = whole(2)
    crew.ended(2, KILLED, 1.0)
    crew.began(2, 2.0)
    crew.stop()
    for number, code in enumerate(codes, 1):
        assert not crew.over
        assert crew.ended(number, Ended(70 + number, code), 3.0) is None
    assert (crew.over, crew.code, crew.due(99.0)) == (True, ends_with, [])


def test_nobody_is_started_again_who_died_before_the_end() -> None:
    crew = whole(2)
    crew.ended(2, KILLED, 1.0)
    crew.stop()
    assert crew.rest_s(1.0) is None
    crew.ended(1, Ended(71, 0), 2.0)
    assert (crew.over, crew.code) == (True, 0)


@pytest.mark.parametrize(("whole_", "parts"), [(10, [4, 3, 3]), (2, [1, 1, 0]), (0, [0, 0, 0]), (9, [3, 3, 3])])
def test_shares_come_to_the_whole(whole_: int, parts: list[int]) -> None:
    assert [Worker(number, 3).share(whole_) for number in (1, 2, 3)] == parts


def test_how_one_ended_is_said() -> None:
    assert [str(KILLED), str(Ended(7, 2))] == ["was killed by signal 9", "ended with code 2"]
