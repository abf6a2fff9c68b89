"""Once a second: what was seen here goes to the other replicas, and what they saw comes in.

No call waits for it. While the store is away it is told once, asked for every second, and everything
goes on without the others.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.board import HealthBoard
from gateway.core.errors import BooksAway
from gateway.core.events import EvidenceShared, GroupMoved, Observer, StoreLost
from gateway.core.pool import Pool, Push
from gateway.core.watch import STOOD_STILL_S
from gateway.ledger.evidence import Evidence

SHARE_EVERY_S = 1.0


@dataclass(slots=True)
class Sharing:
    """`turn` is to be taken every `SHARE_EVERY_S` seconds."""

    board: HealthBoard
    pool: Pool
    evidence: Evidence
    observe: Observer
    now: Callable[[], float]
    _due_at: float = math.inf

    async def turn(self) -> None:
        """What there is to be said, and heard, now."""
        pool, was_away = self.pool, self.pool.away
        pool.turn(self.now(), stood_still=self.now() - self._due_at > STOOD_STILL_S)
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
        self._due_at = self.now() + SHARE_EVERY_S

    async def _exchange(self, push: Push) -> Push | None:
        began = self.now()
        answer = await self.evidence.exchange(push)
        took_s = self.now() - began
        self.observe(EvidenceShared(took_s))
        return self.pool.answered(push, answer, began + took_s / 2)
