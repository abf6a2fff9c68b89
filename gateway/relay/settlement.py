"""The money of one journey: what each attempt cost, and on whose account.

The winner is charged to the caller's key; every other attempt that was or may be billed to the
operator; and the hold ends, once. What a process owes when it dies is promised before anything is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.core.books import Charge, Hold
from gateway.core.call import Call
from gateway.core.course import Course
from gateway.core.events import AttemptFinished, OperatorCharged
from gateway.core.groups import Lane
from gateway.core.outcome import Billed, Verdict
from gateway.core.plan import Plan
from gateway.core.prices import saved
from gateway.ledger import writes
from gateway.ledger.frames import Write
from gateway.ledger.writes import UNSETTLED
from gateway.relay.attempt import Attempt, charge_of
from gateway.relay.purse import Purse
from gateway.relay.rooms import Rooms

# Under which the promise about the hold is remembered; those about attempts are under their ids.
_HOLD = ""


@dataclass(slots=True)
class Promised:
    """What is promised in case of one request, by the numbers of the journal, should this process die.

    `holds` end each its hold. `unsent` say for all of it that nothing was sent, so that it may be asked for again:
    they are over with whatever of it is sent first, or will never be, and then nobody may forget that it was.
    """

    holds: Sequence[int]
    unsent: tuple[int, ...] = ()

    def of(self, picture: int) -> tuple[int, ...]:
        """Without a journal there is none."""
        return tuple(self.holds[picture : picture + 1])

    def sent(self) -> tuple[int, ...]:
        """What is over now; only the first is told."""
        over, self.unsent = self.unsent, ()
        return over


class Settlement:
    """Each attempt of the journey is told here once, when it is over. The hold is that of this `picture`, from 0 on."""

    def __init__(self, call: Call, plan: Plan, hold: Hold, rooms: Rooms, promised: Promised, picture: int) -> None:
        self.purse = Purse(call, plan, hold, rooms.allowances, rooms.client.lanes.cheapest, rooms.outbox)
        self._call = call
        self._plan = plan
        self._hold = hold
        self._rooms = rooms
        self._outbox = rooms.outbox
        self._request = promised
        self._promised: dict[str, tuple[int, ...]] = {_HOLD: promised.of(picture)}
        self._began_ms: dict[str, int] = {}  # by attempt, on the wall clock

    async def begins(self, attempt_id: str, lane: Lane) -> None:
        """An attempt is about to be sent: should this process die, it is not forgotten."""
        self._began_ms[attempt_id] = round(self._rooms.books.today() * 1000)
        lost = charge_of(self._call, lane, attempt_id, reply=None, verdict=Verdict.LOST)
        unsent = self._request.sent()
        self._promised[attempt_id] = self._outbox.in_case(self._operated(lost, UNSETTLED), instead_of=unsent)
        if unsent or not self._hold.backed:
            await self._outbox.on_disk()

    async def nothing(self, course: Course) -> None:
        """No attempt gave an answer: the caller owes nothing."""
        await self._void("no answer", course)

    async def won(self, winner: Attempt, course: Course) -> Charge | None:
        """The caller has this attempt's answer; what its key is charged, None when that broke off."""
        self._note(winner, won=True)
        charge = self._charge(winner)
        cut = winner.outcome.verdict is Verdict.CUT
        if cut:
            # The caller got no picture, so the caller does not pay for it.
            await self._operator(winner, "truncated")
            await self._void("truncated", course)
        else:
            promised = (*self._past(winner.id), *self._past(_HOLD))
            await self._outbox.surely("settle", [writes.settle(self._hold, charge, course)], instead_of=promised)
        self._rooms.supervisor.start(self.purse.close(winner), name=f"purse {winner.id}")
        return None if cut else charge

    async def fruitless(self, attempt: Attempt) -> None:
        """An answer that is asked for once more: the operator pays for the first."""
        self._note(attempt, won=False)
        await self._operator(attempt, "fruitless")
        await self.purse.close(attempt)

    async def lost(self, loser: Attempt) -> None:
        """An attempt whose answer nobody got."""
        self._note(loser, won=False)
        match loser.outcome.billed:
            case Billed.YES:
                await self._operator(loser, "race_loss")
            case Billed.MAYBE:
                await self._operator(loser, UNSETTLED)
            case Billed.NO:
                self._outbox.past(self._past(loser.id))
        await self.purse.close(loser)

    def _charge(self, winner: Attempt) -> Charge:
        charge = winner.charge()
        less = saved(self._call.ask, winner.lane, charge.usage, [quoted.lane for quoted in self._plan.lanes])
        return replace(charge, saved_nanos=less) if less else charge

    async def _void(self, why: str, course: Course) -> None:
        over = (*self._past(_HOLD), *self._request.sent())
        await self._outbox.surely("void", [writes.void(self._hold, why, course)], instead_of=over)

    async def _operator(self, attempt: Attempt, why: str) -> None:
        charge = attempt.charge()
        self._rooms.observe(OperatorCharged(self._call, charge, why))
        owed = self._operated(charge, why, took_ms=attempt.took_ms)
        await self._outbox.surely(why, [owed], instead_of=self._past(attempt.id))

    def _operated(self, charge: Charge, why: str, *, took_ms: int | None = None) -> Write:
        call, began_ms = self._call, self._began_ms.get(charge.attempt_id)
        team = call.key.team
        return writes.operator(charge, call_id=call.id, team=team, why=why, began_ms=began_ms, took_ms=took_ms)

    def _past(self, whose: str) -> tuple[int, ...]:
        """What was promised in case of this, which is over now."""
        return self._promised.pop(whose, ())

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
