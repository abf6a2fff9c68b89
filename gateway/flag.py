"""What some wait for until it is so.

Does what `asyncio.Event` does in a tenth of its memory: of the flags of a call that waits for its answer, most are
waited for by nobody, and the others by one.
"""

import asyncio


class Flag:
    """Down at first. For one event loop."""

    __slots__ = ("_up", "_waiters")

    def __init__(self) -> None:
        self._up = False
        self._waiters: tuple[asyncio.Future[bool], ...] = ()

    def is_set(self) -> bool:
        return self._up

    def set(self) -> None:
        """Whoever waits goes on, also when it is taken down again before they do."""
        self._up = True
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(True)

    def clear(self) -> None:
        self._up = False

    async def wait(self, for_s: float | None = None) -> bool:
        """Returns when it goes up, or after so long; whether it did."""
        if self._up:
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = None if for_s is None else loop.call_later(for_s, _give_up, waiter)
        self._waiters = (*self._waiters, waiter)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if waiter in self._waiters:  # it did not go up
                self._waiters = tuple(each for each in self._waiters if each is not waiter)

    def __repr__(self) -> str:
        return f"<Flag {'up' if self._up else 'down'}, {len(self._waiters)} wait>"


def _give_up(waiter: "asyncio.Future[bool]") -> None:
    if not waiter.done():
        waiter.set_result(False)
