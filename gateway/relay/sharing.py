"""Once a second: what was seen here goes to the other replicas, and what they saw comes in.

No call waits for it. While the store is away it is told once, asked for every second, and everything
goes on without the others.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.board import HealthBoard
from gateway.core.errors import BooksAway
from gateway.core.events import EvidenceShared, GroupMoved, Observer, StoreLost
from gateway.core.pool import Pool, Push
from gateway.ledger.evidence import Evidence
from gateway.relay.fairness import STOOD_STILL_S

_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Sharing:
    board: HealthBoard
    pool: Pool
    evidence: Evidence
    observe: Observer
    now: Callable[[], float]

    async def run(self) -> None:
        """Never ends by itself."""
        stood_still = False
        while True:
            try:
                await self.turn(stood_still=stood_still)
            except Exception as error:  # noqa: BLE001  a bug; it must not cut this replica off for good
                loop = asyncio.get_running_loop()
                loop.call_exception_handler({"message": "evidence could not be shared", "exception": error})
            wakes_at = self.now() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            stood_still = self.now() - wakes_at > STOOD_STILL_S

    async def turn(self, *, stood_still: bool = False) -> None:
        """What there is to be said, and heard, now."""
        pool, was_away = self.pool, self.pool.away
        pool.turn(self.now(), stood_still=stood_still)
        for (group, model), move in self.board.moves():
            self.observe(GroupMoved(group, model, move))
        push: Push | None = None
        try:
            if idle := pool.looks(self.now()):
                pool.looked(await self.evidence.last(idle), self.now())
            for first in pool.pushes(self.now()):
                push = first
                while push is not None:
                    push = await self._exchange(push)
        except BooksAway as away:
            pool.lost(push)
            if not was_away:
                self.observe(StoreLost("share", str(away)))

    async def _exchange(self, push: Push) -> Push | None:
        began = self.now()
        answer = await self.evidence.exchange(push)
        took_s = self.now() - began
        self.observe(EvidenceShared(took_s))
        return self.pool.answered(push, answer, began + took_s / 2)
