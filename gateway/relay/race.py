"""Runs what `core.failover` decides: starts attempts, waits for news of them, finds the winner."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.core.allowance import Exhausted
from gateway.core.failover import failover
from gateway.core.outcome import Outcome
from gateway.core.plan import Plan
from gateway.core.steps import Answers, Began, Denied, Ended, Late, Mark, News, Start, Wait
from gateway.core.watch import Watch
from gateway.flag import Flag
from gateway.relay.attempt import Attempt
from gateway.relay.fairness import within


@dataclass(frozen=True, slots=True)
class Finish:
    """How a race ended: with a winner, or with the failure that the caller is told, and with what was denied."""

    winner: Attempt | None
    failure: Outcome | None
    denied: Exhausted | None = None


@dataclass(slots=True)
class Race:
    """`begin` starts an attempt, unless it is denied, and tells `news` when it answers and when it ends.

    `late` is told of each attempt that passes the line, once; `now` is the monotonic clock.
    """

    begin: Callable[[Start, Callable[[Attempt], None]], Awaitable[Attempt | Denied]]
    late: Callable[[Attempt], None]
    now: Callable[[], float]
    attempts: list[Attempt] = field(default_factory=list)
    _news: list[Attempt] = field(default_factory=list)
    _heard: Flag = field(default_factory=Flag)
    _begun: set[Attempt] = field(default_factory=set)

    async def run(self, plan: Plan, watch: Watch) -> Finish:
        steps = failover(plan, watch)
        news: News = None
        while True:
            try:
                step = steps.send(news)
            except StopIteration as stop:
                end = stop.value
                winner = None if end.winner is None else self.attempts[end.winner]
                return Finish(winner, end.failure, end.denied)
            match step:
                case Start():
                    news = await self._begin(step)
                case Mark(number):
                    self.attempts[number].late = True
                    self.late(self.attempts[number])
                    news = None
                case Wait(for_s):
                    news = await self._wait(for_s)

    async def _begin(self, start: Start) -> Began | Denied:
        begun = await self.begin(start, self._hear)
        if isinstance(begun, Denied):
            return begun
        self.attempts.append(begun)
        if len(self.attempts) > 1:
            self._look_at_whole()
        return Began(begun.began_at)

    def _look_at_whole(self) -> None:
        """Of several the first picture wins, so an answer is kept until it is known to hold one."""
        for attempt in self.attempts:
            attempt.tape.widen()

    def _hear(self, attempt: Attempt) -> None:
        self._news.append(attempt)
        self._heard.set()

    async def _wait(self, for_s: float | None) -> News:
        if not self._news:
            self._heard.clear()
            if not await within(for_s, self._heard, self.now):
                return Late(self.now())
        attempt = self._news.pop(0)
        number = self.attempts.index(attempt)
        if attempt.answers and attempt not in self._begun:
            self._begun.add(attempt)
            return Answers(number)
        return Ended(number, attempt.outcome)
