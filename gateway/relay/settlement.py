"""The money of one journey: what each attempt cost, and on whose account.

The winner is charged to the caller's key; every other attempt that was or may be billed to the
operator; and the hold ends, once. Every write counts once, and is repeated until it is made.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.core.books import Charge, Hold
from gateway.core.call import Call
from gateway.core.errors import BooksAway
from gateway.core.events import AttemptFinished, OperatorCharged, StoreLost
from gateway.core.outcome import Billed, Verdict
from gateway.core.plan import Plan
from gateway.core.prices import saved
from gateway.ledger.budget import UNSETTLED
from gateway.relay.attempt import Attempt
from gateway.relay.purse import Purse
from gateway.relay.rooms import Rooms

# Between two tries to tell the books, in seconds; the last one goes on.
_AGAIN_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)


class Settlement:
    """Each attempt of the journey is told here once, when it is over."""

    def __init__(self, call: Call, plan: Plan, hold: Hold, rooms: Rooms) -> None:
        self.purse = Purse(call, plan, hold, rooms.allowances, rooms.client.lanes.cheapest, self._surely)
        self._call = call
        self._plan = plan
        self._hold = hold
        self._rooms = rooms

    async def nothing(self) -> None:
        """No attempt gave an answer: the caller owes nothing."""
        await self._surely("void", lambda: self._rooms.books.void(self._hold, "no answer"))

    async def won(self, winner: Attempt) -> Charge | None:
        """The caller has this attempt's answer; what its key is charged, None when that broke off."""
        self._note(winner, won=True)
        charge, books = self._charge(winner), self._rooms.books
        cut = winner.outcome.verdict is Verdict.CUT
        if cut:
            # The caller got no picture, so the caller does not pay for it.
            await self._operator(charge, "truncated")
            await self._surely("void", lambda: books.void(self._hold, "truncated"))
        else:
            await self._surely("settle", lambda: books.settle(self._hold, charge))
        self._rooms.supervisor.start(self.purse.close(winner), name=f"purse {winner.id}")
        return None if cut else charge

    async def fruitless(self, attempt: Attempt) -> None:
        """An answer that is asked for once more: the operator pays for the first."""
        self._note(attempt, won=False)
        await self._operator(attempt.charge(), "fruitless")
        await self.purse.close(attempt)

    async def lost(self, loser: Attempt) -> None:
        """An attempt whose answer nobody got."""
        self._note(loser, won=False)
        match loser.outcome.billed:
            case Billed.YES:
                await self._operator(loser.charge(), "race_loss")
            case Billed.MAYBE:
                await self._operator(loser.charge(), UNSETTLED)
            case Billed.NO:
                pass
        await self.purse.close(loser)

    def _charge(self, winner: Attempt) -> Charge:
        charge = winner.charge()
        lanes = (quoted.lane for quoted in self._plan.lanes)
        return replace(charge, saved_nanos=saved(self._call.ask, winner.lane, charge.usage, lanes))

    async def _operator(self, charge: Charge, why: str) -> None:
        call = self._call
        self._rooms.observe(OperatorCharged(call, charge, why))
        await self._surely(
            why, lambda: self._rooms.books.operator(charge, call_id=call.id, team=call.key.team, why=why)
        )

    async def _surely(self, doing: str, write: Callable[[], Awaitable[None]]) -> None:
        """Writes to the books, again and again while they are away: every write there counts once."""
        tries = 0
        while True:
            try:
                await write()
            except BooksAway as away:
                self._rooms.observe(StoreLost(doing, str(away)))
                await asyncio.sleep(_AGAIN_S[min(tries, len(_AGAIN_S) - 1)])
                tries += 1
            else:
                return

    def _note(self, attempt: Attempt, *, won: bool) -> None:
        self._rooms.observe(
            AttemptFinished(
                call=self._call,
                attempt_id=attempt.id,
                lane=attempt.lane,
                outcome=attempt.outcome,
                won=won,
                late=attempt.late,
                first_byte_s=attempt.times.first_byte_s,
                total_s=attempt.times.total_s,
                body_bytes=attempt.body_bytes,
                drill=attempt.drill,
            )
        )
