"""Runs what `core.failover` decides: starts attempts, waits for news of them, finds the winner."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.core.failover import Answers, Ended, Late, News, Plan, Start, Wait, failover
from gateway.core.outcome import Outcome
from gateway.relay.attempt import Attempt


@dataclass(frozen=True, slots=True)
class Finish:
    """How a race ended: with a winner, or with the failure that the caller is told."""

    winner: Attempt | None
    failure: Outcome | None


@dataclass(slots=True)
class Race:
    """`begin` starts an attempt and tells `news` when it answers and when it ends.

    `late` is told of each attempt that passes the suspect line, once.
    """

    begin: Callable[[Start, Callable[[Attempt], None]], Attempt]
    late: Callable[[Attempt], None]
    attempts: list[Attempt] = field(default_factory=list)
    _news: "asyncio.Queue[Attempt]" = field(default_factory=asyncio.Queue)

    async def run(self, plan: Plan, patience_s: float, *, rewritable: bool) -> Finish:
        steps = failover(plan, patience_s, rewritable=rewritable)
        news: News = None
        winner: Attempt | None = None
        while True:
            try:
                step = steps.send(news)
            except StopIteration as end:
                return Finish(winner, end.value)
            match step:
                case Start():
                    self.attempts.append(self.begin(step, self._news.put_nowait))
                    news = None
                case Wait(patience):
                    winner, news = await self._wait(patience)

    async def _wait(self, patience_s: float | None) -> tuple[Attempt | None, News]:
        try:
            async with asyncio.timeout(patience_s):
                attempt = await self._news.get()
        except TimeoutError:
            self._mark_late()
            return None, Late()
        if attempt.answers:
            return attempt, Answers()
        return None, Ended(attempt.lane, attempt.outcome)

    def _mark_late(self) -> None:
        for attempt in self.attempts:
            if not attempt.late and not attempt.ended.is_set():
                attempt.late = True
                self.late(attempt)
