"""Waiting with a limit, on a clock that the test moves: a standstill is a jump that nothing was read in."""

import asyncio

import pytest

from gateway.relay.fairness import within


class Clock:
    """Says at each look how late it is; the last word stands."""

    def __init__(self, *moments: float) -> None:
        self._moments = list(moments)
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self._moments.pop(0) if len(self._moments) > 1 else self._moments[0]


async def test_what_comes_is_given() -> None:
    assert await within(None, lambda: asyncio.sleep(0, "news"), Clock(0.0)) == "news"


async def test_what_does_not_come_is_late() -> None:
    clock = Clock(0.0, 0.01)
    with pytest.raises(TimeoutError):
        await within(0.01, asyncio.Event().wait, clock)
    assert clock.looks == 2


async def test_what_came_during_a_standstill_is_read_before_it_is_late() -> None:
    come = asyncio.Event()

    async def read() -> str:
        await come.wait()
        return "news"

    def clock() -> float:
        """The second look finds that a minute has passed; what came in it is read from then on."""
        if looks:
            come.set()
        looks.append(None)
        return 60.0 * (len(looks) - 1)

    looks: list[None] = []
    assert await within(0.01, read, clock) == "news"


async def test_what_still_does_not_come_is_late_after_all() -> None:
    clock = Clock(0.0, 60.0, 60.0, 62.0)
    with pytest.raises(TimeoutError):
        await within(0.01, asyncio.Event().wait, clock)
    assert clock.looks == 4
