"""Waiting with a limit that a standstill of this process does not use up.

Whoever wakes much too late stood still: what came meanwhile lies unread, and must be read before
anything is held to be late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.core.watch import READS_S, STOOD_STILL_S

Wanted = TypeVar("Wanted")


async def within(for_s: float | None, wanted: Callable[[], Awaitable[Wanted]], now: Callable[[], float]) -> Wanted:
    """What is waited for; raises `TimeoutError` when it has not come within `for_s`, read out after a standstill."""
    if for_s is None:
        return await wanted()
    while True:
        since = now()
        try:
            async with asyncio.timeout(for_s):
                return await wanted()
        except TimeoutError:
            if now() - since <= for_s + STOOD_STILL_S:
                raise
            for_s = READS_S
