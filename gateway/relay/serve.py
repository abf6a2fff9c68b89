"""The journey of a call, on one page.

A plan of the lanes it may take; money set aside for the dearest of them; a journey that the
supervisor owns; and the answer, written as it comes. Whoever hangs up leaves all of it running.
"""

from gateway.core.call import Call
from gateway.core.errors import GatewayError, InternalError, NotAllowed
from gateway.core.events import CallFinished
from gateway.core.failover import Plan, claim_probe, make_plan
from gateway.core.health import suspect_s
from gateway.dialects.base import Dialect
from gateway.relay.journey import Journey, Rooms
from gateway.relay.stream import Pulse, Sink, deliver

# A hold outlives the longest attempt by this; what is then still open was lost with its process.
_LEASE_BEYOND_S = 60.0


class Relay:
    """Serves calls. Holds nothing of a call itself: that is the journey's."""

    def __init__(self, rooms: Rooms, pulse: Pulse) -> None:
        self._rooms = rooms
        self._pulse = pulse

    async def serve(self, call: Call, dialect: Dialect, sink: Sink) -> None:
        """Answers a call through the sink. Raises `GatewayError` while nothing has been sent yet."""
        rooms = self._rooms
        plan = self._plan(call)
        timeouts = rooms.timeouts
        hold = await rooms.books.reserve(
            call.id, call.key, plan.ceiling_nanos, lease_s=timeouts.total_long_s + _LEASE_BEYOND_S
        )
        journey = Journey(call, plan, hold, rooms)
        rooms.supervisor.start(journey.run(), name=f"journey {call.id}")
        status, code = 200, "ok"
        try:
            await deliver(journey, dialect.writer(call), sink, self._pulse)
        except GatewayError as error:
            status, code = dialect.error(error)[0], error.code
            raise
        except Exception:
            status, code = InternalError.status, InternalError.code
            raise
        finally:
            self._finished(journey, status, code, sink)

    def _plan(self, call: Call) -> Plan:
        rooms = self._rooms
        now = rooms.now()
        plan = make_plan(call.ask, call.key, rooms.client.lanes.views(now), rooms.board, now)
        if not plan.lanes:
            raise NotAllowed(f"This key may use no group that sells {call.ask.model.id}; ask whoever gave you the key.")
        if rooms.alone:
            plan = Plan(plan.lanes[:1])
        claim_probe(plan, call.ask, rooms.board, now, suspect_s(call.ask, rooms.patience))
        return plan

    def _finished(self, journey: Journey, status: int, code: str, sink: Sink) -> None:
        rooms = self._rooms
        rooms.observe(
            CallFinished(
                call=journey.call,
                status=status,
                code=code,
                outcome=journey.outcome,
                charge=journey.charge,
                attempts=journey.attempts,
                delivered=status == 200 and not sink.gone,
                total_s=rooms.now() - journey.call.arrived_at,
            )
        )
