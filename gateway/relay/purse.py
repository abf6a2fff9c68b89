"""What one call's attempts draw on allowances: before they are sent, and put right when their price is known.

What is drawn for which attempt is decided in `core.allowance`. That a cap holds is the store's to say: while
it is away, nothing is sent that has a cap to keep.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from gateway.core.allowance import Exhausted, Owner, Purpose, Window, extra_nanos, parted, wanted
from gateway.core.books import Hold
from gateway.core.call import Call
from gateway.core.errors import BooksAway
from gateway.core.groups import Lane
from gateway.core.plan import Plan
from gateway.ledger import writes
from gateway.ledger.allowances import Allowances
from gateway.ledger.outbox import Outbox
from gateway.relay.attempt import Attempt, billed_nanos

# How soon a store that is away may be asked again.
_AWAY_S = 5


@dataclass(slots=True)
class Purse:
    """`cheapest` is the least multiplier there is."""

    call: Call
    plan: Plan
    hold: Hold
    allowances: Allowances
    cheapest: Fraction
    outbox: Outbox
    _names: dict[str, str] = field(default_factory=dict)  # by attempt, under which it drew
    _races: dict[str, int] = field(default_factory=dict)  # by name, what it drew for its race
    _denied: int = 0
    _lost_nanos: int = 0

    async def draw(self, attempt_id: str, lane: Lane, beside: Iterable[Lane]) -> Exhausted | None:
        """Draws for an attempt that is about to be sent, `beside` others that run; what stands against it, if anything.

        Of several draws all are made or none. An attempt that was denied is never sent, and the next has its
        number: it draws under another name, since nothing is drawn twice under one.
        """
        name = f"{attempt_id}.{self._denied}" if self._denied else attempt_id
        draws = wanted(self._quoted(lane), lane.group, [self._quoted(each) for each in beside], self.cheapest)
        for place, (purpose, nanos) in enumerate(draws):
            if spent := await self._draw(purpose, name, nanos):
                self._denied += 1
                for before, _ in draws[:place]:
                    await self._correct(before, name, 0)
                return spent
        self._names[attempt_id] = name
        self._races.update((name, nanos) for purpose, nanos in draws if purpose is Purpose.RACES)
        return None

    async def close(self, attempt: Attempt) -> None:
        """Puts right what an attempt drew for its group, now that its price is known."""
        if attempt.lane.group.multiplier > self.cheapest:
            extra = extra_nanos(billed_nanos(attempt), attempt.lane.group, self.cheapest)
            await self._correct(Purpose.PREMIUM, self._names[attempt.id], extra)

    async def close_races(self, lost_nanos: int) -> None:
        """Puts right what was drawn for races, by what those cost together that lost, now and before."""
        self._lost_nanos += lost_nanos
        for name, nanos in zip(self._races, parted(self._lost_nanos, list(self._races.values())), strict=True):
            await self._correct(Purpose.RACES, name, nanos)

    def _quoted(self, lane: Lane) -> int:
        return next(each.nanos for each in self.plan.lanes if each.lane.name == lane.name)

    def _team(self, purpose: Purpose) -> str | None:
        return self.call.key.team if purpose is Purpose.PREMIUM else None  # races are on the operator

    async def _draw(self, purpose: Purpose, name: str, nanos: int) -> Exhausted | None:
        try:
            return await self.allowances.draw(purpose, self._team(purpose), name, nanos)
        except BooksAway:
            if self.allowances.capped(purpose) or (purpose is Purpose.PREMIUM and self.hold.capped):
                return Exhausted(purpose, Owner.UNKNOWN, Window.HOUR, _AWAY_S)
            return None

    async def _correct(self, purpose: Purpose, name: str, nanos: int) -> None:
        await self.outbox.surely("correct", writes.correct(purpose, self._team(purpose), name, nanos))
