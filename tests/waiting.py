"""Waiting for what other processes and tasks do, without guessing how long it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 60.0


def until(true: Callable[[], object]) -> None:
    """The same, where nothing else runs in this thread."""
    patience = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < patience, "it did not come true"
        time.sleep(0.05)


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    """Returns as soon as it is true; fails when it is not within a minute."""
    until = time.monotonic() + PATIENCE_S
    while not await true():
        assert time.monotonic() < until, "it did not come true"
        await asyncio.sleep(0.01)
