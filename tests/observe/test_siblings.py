"""Workers that ask one another over real sockets, and what of one is left when it is gone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.core.crew import Worker
from gateway.core.events import CallFinished
from gateway.observe.metrics import Metrics
from gateway.observe.siblings import Siblings
from gateway.observe.totals import Totals
from tests.observe.events import EVENTS
from tests.waiting import PATIENCE_S


@pytest.fixture
def directory() -> Iterator[Path]:
    """Of a short name, as a socket needs one."""
    with TemporaryDirectory() as made:
        yield Path(made)


def sibling(directory: Path, number: int, of: int = 2, answer_s: float = PATIENCE_S) -> Siblings:
    return Siblings(Worker(number, of), directory, lambda: False, answer_s)


class Counter:
    """One worker, as far as it counts."""

    def __init__(self, directory: Path, number: int, of: int = 2) -> None:
        self.siblings = sibling(directory, number, of)
        self.metrics = Metrics("1", workers=of)
        self.totals = Totals(self.metrics, self.siblings, lambda: self.metrics.stand({}, {}, {}, number))
        self.answers = {"numbers": self.totals.answer}

    def count(self, calls: int) -> None:
        for _ in range(calls):
            self.metrics(EVENTS[CallFinished])

    async def says(self, name: str) -> float:
        lines = (await self.totals.exposition()).decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


CALLS, ANSWERED, LEFT = "gateway_calls_total", "gateway_workers_answered", "gateway_left_calls"


async def test_each_is_answered_what_it_asks(directory: Path) -> None:
    async def name() -> bytes:
        return b"two"

    one, two = sibling(directory, 1), sibling(directory, 2)
    async with two.answered({"name": name}):
        assert await one.ask("name") == {2: b"two"}
        assert await one.ask("something else") == {2: None}
    assert await one.ask("name") == {2: None}


async def test_one_that_stands_still_is_left_out_in_time(directory: Path) -> None:
    async def name() -> bytes:
        await asyncio.Event().wait()
        return b""

    async with sibling(directory, 2).answered({"name": name}):
        assert await sibling(directory, 1, answer_s=0.5).ask("name") == {2: None}


async def test_whichever_is_asked_says_the_same_of_all(directory: Path) -> None:
    one, two, three = (Counter(directory, number, of=3) for number in (1, 2, 3))
    one.count(2)
    two.count(3)
    three.count(5)
    async with (
        one.siblings.answered(one.answers),
        two.siblings.answered(two.answers),
        three.siblings.answered(three.answers),
    ):
        for each in (one, two, three):
            assert [await each.says(name) for name in (CALLS, ANSWERED, LEFT)] == [10, 3, 6]


async def test_what_was_counted_outlives_who_has_counted_it(directory: Path) -> None:
    one, two = Counter(directory, 1), Counter(directory, 2)
    one.count(2)
    two.count(3)
    async with two.siblings.answered(two.answers):
        assert await one.says(CALLS) == 5
    two.count(7)  # nobody was told of these
    assert [await one.says(name) for name in (CALLS, ANSWERED, LEFT)] == [5, 1, 1]

    next_one = Counter(directory, 2)
    next_one.count(1)
    async with next_one.siblings.answered(next_one.answers), one.siblings.answered(one.answers):
        assert [await one.says(name) for name in (CALLS, ANSWERED, LEFT)] == [6, 2, 3]
        assert await next_one.says(CALLS) == 6
    one_more = Counter(directory, 2)
    assert await one_more.says(CALLS) == 6


async def test_what_one_has_told_itself_outlives_it_too(directory: Path) -> None:
    one, two = Counter(directory, 1), Counter(directory, 2)
    one.count(2)
    assert await one.says(CALLS) == 2
    assert await two.says(CALLS) == 2


async def test_who_is_alone_asks_nobody() -> None:
    metrics = Metrics("1")
    metrics(EVENTS[CallFinished])
    totals = Totals(metrics, None, lambda: metrics.stand({}, {}, {}, 0))
    assert b"gateway_workers_answered 1.0" in await totals.exposition()


async def test_the_directory_goes_with_the_last_who_have_nobody_over_them(directory: Path) -> None:
    below = directory / "below"
    below.mkdir()
    async with Siblings(Worker(1, 2), below, lambda: True).answered({}):
        assert below.exists()
    assert not below.exists()
