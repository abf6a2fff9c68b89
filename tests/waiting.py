"""Waiting for what other processes and tasks do, without guessing how long it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 60.0


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    """Returns as soon as it is true; fails when it is not within a minute."""
    until = time.monotonic() + PATIENCE_S
    while not await true():
        assert time.monotonic() < until, "it did not come true"
        await asyncio.sleep(0.01)
