"""The journey of a call, on one page.

A plan of the lanes it may take; money set aside for the dearest of them; a journey that the
supervisor owns; and the answer, written as it comes. Whoever hangs up leaves all of it running.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.core.books import Hold
from gateway.core.budgets import Alert
from gateway.core.call import Call
from gateway.core.drill import named
from gateway.core.errors import BooksAway, CallerLeft, GatewayError, InternalError, NotAllowed, OverBudget
from gateway.core.events import BudgetPassed, CallFinished, CallRefused, CallUnbacked
from gateway.core.keys import Key
from gateway.core.plan import Bounds, Plan, bounds, make_plan
from gateway.dialects.base import Dialect
from gateway.ledger import writes
from gateway.relay import telling
from gateway.relay.drilling import Drilling
from gateway.relay.heads import head_of
from gateway.relay.journey import Journey
from gateway.relay.rooms import Rooms
from gateway.relay.stream import deliver
from gateway.relay.vigil import Pulse, Sink, Vigil

# A hold outlives the longest attempt by this; what is then still open was lost with its process.
_LEASE_BEYOND_S = 60.0


class Relay:
    """Serves calls. Holds nothing of a call itself: that is the journey's."""

    def __init__(self, rooms: Rooms, drilling: Drilling, pulse: Pulse) -> None:
        self._rooms = rooms
        self._drilling = drilling
        self._pulse = pulse

    async def serve(self, call: Call, dialect: Dialect, sink: Sink) -> None:
        """Answers a call through the sink. Raises `GatewayError` while nothing has been sent yet."""
        journeys = await self._admit(call, dialect)
        writer = dialect.writer(call)
        vigil = Vigil(call, writer, sink, self._pulse, now=self._rooms.now, head=lambda: head_of(journeys))
        status, code = 200, "ok"
        try:
            told = await deliver(journeys, writer, sink, vigil, lambda failed: head_of(journeys, failed=failed))
            code = told.code if told else code
        except CallerLeft:
            status, code = 499, "caller_left"
        except GatewayError as error:
            status, code = dialect.error(error)[0], error.code
            error.drill = named(journeys[0].drills) or None
            raise
        except BaseException:
            status, code = InternalError.status, InternalError.code
            raise
        finally:
            for journey in journeys:
                journey.leave()
                self._rooms.supervisor.start(self._report(journey, status, code, sink), name=f"report {call.id}")

    def quote(self, call: Call) -> list[Bounds]:
        """What each picture of a call costs in the groups it may go to; nothing is sent or set aside. At least one."""
        rooms = self._rooms
        found = bounds(call.ask, call.key, rooms.client.lanes.views(rooms.now()), rooms.board)
        if not found:
            raise _no_group(call)
        return found

    async def _admit(self, call: Call, dialect: Dialect) -> list[Journey]:
        """Plans the call, sets its money aside and sends it on its way, once for each picture wanted."""
        rooms = self._drilling.rooms(call, self._rooms)
        try:
            plan = _plan(call, rooms)
            promised, holds = await _set_aside(call, plan, rooms)
        except GatewayError as error:
            error.drill = named(each.drill for each in rooms.obstacles.values()) or None
            status, waited_s = dialect.error(error)[0], rooms.now() - call.arrived_at
            rooms.observe(
                CallRefused(call.request_id, call.dialect, call.operation, status, error.code, waited_s, call)
            )
            raise
        every = zip(call.each(), holds, promised, strict=True)
        journeys = [Journey(each, plan, hold, rooms, number) for each, hold, number in every]
        for journey in journeys:
            rooms.stakes.call(rooms.now())
            rooms.supervisor.start(journey.run(), name=f"journey {journey.call.id}")
        return journeys

    async def _report(self, journey: Journey, status: int, code: str, sink: Sink) -> None:
        """Tells of the call when its money is settled, which may be long after its caller has left."""
        rooms = self._rooms
        total_s = rooms.now() - journey.call.arrived_at
        code = journey.failure.code if journey.failure and status == 200 else code
        delivered = status == 200 and code == "ok" and not sink.gone.done()
        await journey.settled.wait()
        journey.drop()
        rooms.slices.over(journey.hold)
        rooms.observe(
            CallFinished(
                call=journey.call,
                status=status,
                code=code,
                outcome=journey.outcome,
                charge=journey.charge,
                attempts=journey.attempts,
                delivered=delivered,
                shortfall=journey.shortfall,
                total_s=total_s,
                drills=journey.drills,
            )
        )


async def _set_aside(call: Call, plan: Plan, rooms: Rooms) -> tuple[Sequence[int | None], list[Hold]]:
    """The money for each picture, and what is promised in case that this process dies before that is at an end."""
    if rooms.outbox.failure is not None:
        raise telling.of_journal()
    rounds = 2 if call.parsed.insists else 1
    lease_s = rounds * rooms.timeouts.total_long_s + _LEASE_BEYOND_S
    ids, key = [each.id for each in call.each()], call.key
    wanted = [Hold(each, key.team, key.id, plan.ceiling_nanos) for each in ids]
    promised = await rooms.outbox.in_case(*(writes.void(hold, "lost with its process") for hold in wanted))
    try:
        holds = await rooms.books.reserve(ids, key, plan.ceiling_nanos, lease_s=lease_s)
        rooms.slices.heard(holds[0], rooms.now())
        _tell_passed(holds[0].alerts, key, rooms)
    except BooksAway:  # it may have been set aside all the same
        wanted = [replace(hold, since=rooms.books.since_without(key.team)) for hold in wanted]
        unbacked = rooms.slices.unbacked(wanted, rooms.now())
        if unbacked is None:
            await rooms.outbox.later([writes.void(hold, "never begun") for hold in wanted], instead_of=promised)
            raise
        rooms.observe(CallUnbacked(call))
        holds = unbacked
    except GatewayError as refused:
        rooms.outbox.forget(promised)
        if isinstance(refused, OverBudget):
            rooms.slices.refused(key.id, rooms.now())
            _tell_passed(refused.alerts, key, rooms)
        raise
    return promised or [None] * len(holds), holds


def _tell_passed(alerts: Iterable[Alert], key: Key, rooms: Rooms) -> None:
    for alert in alerts:
        rooms.observe(BudgetPassed(key.team, key.id, alert))


def _plan(call: Call, rooms: Rooms) -> Plan:
    now = rooms.now()
    plan = make_plan(call.ask, call.key, rooms.client.lanes.views(now), rooms.board, now)
    if plan.again_s is not None:
        raise telling.of_stopped(plan.again_s)
    if not plan.lanes:
        raise _no_group(call)
    return plan


def _no_group(call: Call) -> NotAllowed:
    return NotAllowed(
        f"No group that sells {call.ask.model.id} is among those that this key and this request allow; "
        "ask whoever gave you the key."
    )
