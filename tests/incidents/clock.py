"""An event loop whose time runs so many times as fast: whatever is waited for on it is over so much sooner.

`time()` is multiplied and what the selector waits for is divided, so that a sleep, a time limit or a timer
means what it says in the loop's own seconds. What reads the machine's clock by itself does not follow: of
what a gateway is made of that is only for how long an idle connection to the upstream is kept.
"""

import asyncio
import selectors
from collections.abc import Callable
from selectors import SelectorKey


class _Selector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self._speed)


class FastLoop(asyncio.SelectorEventLoop):
    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_Selector(speed))

    def time(self) -> float:
        return super().time() * self._speed


def fast(speed: float) -> Callable[[], FastLoop]:
    """What an `asyncio.Runner` makes its loop with."""
    return lambda: FastLoop(speed)
