"""The books as they are meant, in a page of Python: what the function library is held against."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.budgets import Budget, Period


class State(StrEnum):
    OPEN = "open"
    UNSETTLED = "unsettled"
    SETTLED = "settled"
    VOIDED = "voided"


HOLDING = (State.OPEN, State.UNSETTLED)


@dataclass
class Call:
    key: str
    held: int
    state: State
    spent: int = 0

    @property
    def holds(self) -> int:
        return self.held if self.state in HOLDING else 0


@dataclass
class Limit:
    """What an account may spend and have running."""

    budget: Budget = Budget()
    concurrency: int | None = None


@dataclass
class Reference:
    """All in one day: its budgets differ from those in all by their amount alone. None stands for the team."""

    limits: dict[str | None, Limit]
    calls: dict[str, Call] = field(default_factory=dict)

    def reserve(self, ids: Iterable[str], key: str, nanos: int) -> str:
        """`open`, or why not: `ended`, `over`, `fast`."""
        wanted = list(ids)
        known = [self.calls[each] for each in wanted if each in self.calls]
        if any(each.state is not State.OPEN for each in known):
            return "ended"
        fresh = [each for each in wanted if each not in self.calls]
        for whose in (key, None):
            if fresh and (why := self._refusal(whose, nanos * len(fresh), len(fresh))):
                return why
        self.calls |= {each: Call(key, nanos, State.OPEN) for each in fresh}
        return "open"

    def settle(self, call_id: str, key: str, held: int, nanos: int) -> None:
        call = self.calls.setdefault(call_id, Call(key, held, State.OPEN))
        if call.state is not State.SETTLED:
            call.state, call.spent = State.SETTLED, nanos

    def void(self, call_id: str, key: str) -> None:
        call = self.calls.setdefault(call_id, Call(key, 0, State.VOIDED))
        if call.state is not State.SETTLED:
            call.state = State.VOIDED

    def expire(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.state is State.OPEN:
            call.state = State.UNSETTLED

    def sums(self, whose: str | None) -> tuple[int, int, int]:
        """Spent, held, and how many run."""
        calls = list(self._of(whose))
        running = sum(each.state is State.OPEN for each in calls)
        return sum(each.spent for each in calls), sum(each.holds for each in calls), running

    def _of(self, whose: str | None) -> Iterator[Call]:
        return (each for each in self.calls.values() if whose in (None, each.key))

    def _refusal(self, whose: str | None, needed: int, count: int) -> str:
        limit, (spent, held, running) = self.limits[whose], self.sums(whose)
        budgets = [limit.budget.of(period) for period in Period]
        if not limit.budget.soft and any(most is not None and spent + held + needed > most for most in budgets):
            return "over"
        return "fast" if limit.concurrency is not None and running + count > limit.concurrency else ""
