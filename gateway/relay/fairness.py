"""Waiting with a limit that a standstill of this process does not use up.

Whoever wakes much too late stood still: what came meanwhile lies unread, and must be read before
anything is held to be late.
"""

from collections.abc import Callable

from gateway.core.watch import READS_S, STOOD_STILL_S
from gateway.flag import Flag


async def within(for_s: float | None, flag: Flag, now: Callable[[], float]) -> bool:
    """Whether a flag is up within `for_s`, read out after a standstill; None: it is waited for as long as it takes."""
    while True:
        since = now()
        if await flag.wait(for_s):
            return True
        if for_s is None or now() - since <= for_s + STOOD_STILL_S:
            return False
        for_s = READS_S
