"""Waiting with a limit, on a clock that the test moves: a standstill is a jump that nothing was read in."""

import asyncio

from gateway.flag import Flag
from gateway.relay.fairness import within


class Clock:
    """Says at each look how late it is; the last word stands."""

    def __init__(self, *moments: float) -> None:
        self._moments = list(moments)
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self._moments.pop(0) if len(self._moments) > 1 else self._moments[0]


async def test_what_comes_is_there() -> None:
    flag = Flag()
    flag.set()
    assert await within(None, flag, Clock(0.0))


async def test_what_does_not_come_is_late() -> None:
    clock = Clock(0.0, 0.01)
    assert not await within(0.01, Flag(), clock)
    assert clock.looks == 2


async def test_what_came_during_a_standstill_is_read_before_it_is_late() -> None:
    flag = Flag()

    def clock() -> float:
        """The second look finds that a minute has passed; what came in it is read from then on."""
        if looks:
            asyncio.get_running_loop().call_soon(flag.set)
        looks.append(None)
        return 60.0 * (len(looks) - 1)

    looks: list[None] = []
    assert await within(0.01, flag, clock)


async def test_what_still_does_not_come_is_late_after_all() -> None:
    clock = Clock(0.0, 60.0, 60.0, 62.0)
    assert not await within(0.01, Flag(), clock)
    assert clock.looks == 4
