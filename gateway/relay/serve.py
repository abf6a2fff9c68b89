"""The journey of a call, on one page.

A plan of the lanes it may take; money set aside for the dearest of them, unless an answer that was asked for
before is there for it; an order that the supervisor owns; and the answer, written as it comes. Whoever hangs
up leaves all of it running, and finds it when asking again.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from gateway.core.books import Hold
from gateway.core.budgets import Alert
from gateway.core.call import Call, came_ms
from gateway.core.claims import Claimed
from gateway.core.drill import named
from gateway.core.errors import BooksAway, CallerLeft, GatewayError, NotAllowed, OverBudget
from gateway.core.events import BudgetPassed, CallFinished, CallRefused, CallReplayed, CallUnbacked
from gateway.core.keys import Key
from gateway.core.plan import Bounds, Plan, bounds, make_plan
from gateway.dialects.base import Dialect
from gateway.ledger import claims, writes
from gateway.ledger.claims import Bid
from gateway.relay import telling
from gateway.relay.absent import Absent, anew
from gateway.relay.drilling import Drilling
from gateway.relay.journey import Journey
from gateway.relay.order import Order
from gateway.relay.orders import Orders
from gateway.relay.rooms import Rooms
from gateway.relay.servings import Drawn, Joined, Kept, Serving
from gateway.relay.settlement import Promised
from gateway.relay.vigil import Pulse, Sink
from gateway.relay.visit import End, Visit

# A line that is cut is noticed by the server, told to whoever watches, and by them to whoever serves: in so many
# turns of the loop.
_TURNS = 12

# A hold outlives the longest attempt by this; what is then still open was lost with its process.
_LEASE_BEYOND_S = 60.0


class Relay:
    """Serves calls. Holds nothing of a call itself: that is the journey's.

    `orders` are those that it has drawn; of calls whose callers have left, the answers of at most `most_left` at a time
    are kept.
    """

    def __init__(self, rooms: Rooms, drilling: Drilling, pulse: Pulse, most_left: int) -> None:
        self._rooms = rooms
        self._drilling = drilling
        self._pulse = pulse
        self.orders = Orders(most_left)

    async def serve(self, call: Call, dialect: Dialect, sink: Sink) -> GatewayError | None:
        """Answers a call through the sink; returns the error that was told behind the answer's beginning, if one was.

        Raises `GatewayError` while nothing has been sent yet, and `CallerLeft`.
        """
        visit = Visit(call, dialect, sink, self._pulse, self._rooms.now)
        bid = self._rooms.claims.bid(call.claim, call.key, call.id) if call.claim else None
        if self.orders.has(call):
            await self._noticed(call)
        serving = await self._admit(call, dialect, bid)
        while isinstance(serving, Absent):
            came = await self._came(serving, visit)
            serving = await self._admit(call, dialect, anew(serving.bid, serving.claimed)) if came is None else came
        if type(serving) is Drawn:
            await self._serve_first(serving, visit)
        else:
            await self._serve_again(serving, visit)
        return visit.end.error

    def quote(self, call: Call) -> list[Bounds]:
        """What each picture of a call costs in the groups it may go to; nothing is sent or set aside. At least one."""
        rooms = self._rooms
        found = bounds(call.ask, call.key, rooms.client.lanes.views(rooms.now()), rooms.board)
        if not found:
            raise _no_group(call)
        return found

    async def _serve_first(self, serving: Drawn, visit: Visit) -> None:
        """For the caller whose order it is."""
        journeys = serving.order.journeys
        try:
            await visit.serve(serving)
        except GatewayError as error:
            error.drill = named(journeys[0].drills) or None
            raise
        finally:
            self.orders.leave(serving.order)
            total_s = self._rooms.now() - visit.call.arrived_at
            for journey in journeys:
                if journey.settled.is_set():
                    self._report(journey, visit.end, total_s)
                else:
                    later = self._report_later(journey, visit.end, total_s)
                    self._rooms.supervisor.start(later, name=f"report {journey.call.id}")

    async def _serve_again(self, serving: Serving, visit: Visit) -> None:
        """For one who came back for it."""
        try:
            await visit.serve(serving)
        except GatewayError as error:
            error.call_id = serving.call.id
            raise
        finally:
            if isinstance(serving, Drawn):
                self.orders.leave(serving.order)
            self._tell_replayed(visit, serving.call.id, joined=isinstance(serving, Joined))

    async def _came(self, absent: Absent, visit: Visit) -> Kept | None:
        """The answer that another process has drawn, when it is there; None: there will be none."""
        rooms, claimed = self._rooms, absent.claimed
        made_at = (came_ms(claimed.call_id) or 0) / 1000
        answers = replace(visit.call, id=claimed.call_id, made_at=made_at)
        came = None
        try:
            came = await visit.wait(absent.coming(), answers)
        except (GatewayError, CallerLeft) as error:
            if isinstance(error, GatewayError):
                error.call_id = claimed.call_id
            self._tell_replayed(visit, claimed.call_id, joined=False)
            raise
        finally:
            if came is None:
                absent.give_up()
        return None if came is None else Kept(came, visit.call, absent.bid, rooms)

    def _tell_replayed(self, visit: Visit, answers: str, *, joined: bool) -> None:
        end, total_s = visit.end, self._rooms.now() - visit.call.arrived_at
        self._rooms.observe(CallReplayed(visit.call, answers, joined, end.status, end.code, end.delivered, total_s))

    async def _noticed(self, call: Call) -> None:
        """Whoever hung up just before asking again is known to have left by then: both came with the same turn."""
        for _ in range(_TURNS):
            if not self.orders.waited_for(call):
                break
            await asyncio.sleep(0)
        for order in self.orders.alone(call):
            await order.tell()
        if call.claim is not None and call.claim.given_s and (had := self.orders.last_had(call)):
            await had.noted()

    async def _admit(self, call: Call, dialect: Dialect, bid: Bid | None) -> Serving | Absent:
        """What the call is served: an order of its own, or what it may have that was ordered before."""
        rooms = self._drilling.rooms(call, self._rooms)
        try:
            plan, admitted = await _planned(call, rooms, bid)
        except GatewayError as error:
            error.drill = named(each.drill for each in rooms.obstacles.values()) or None
            status, waited_s = dialect.error(error)[0], rooms.now() - call.arrived_at
            rooms.observe(
                CallRefused(call.request_id, call.dialect, call.operation, status, error.code, waited_s, call)
            )
            raise
        if isinstance(admitted, Claimed):
            assert bid is not None
            order = self.orders.of_call(admitted.call_id)
            if order is not None:
                self.orders.join(order)
                return Joined(order, bid)
            return Absent(admitted, bid, replace(call, id=admitted.call_id).each()[0].id, self._rooms)
        assert plan is not None
        promised, holds = admitted
        every = enumerate(zip(call.each(), holds, strict=True))
        journeys = [Journey(each, plan, hold, rooms, promised, picture) for picture, (each, hold) in every]
        return Drawn(self._begin(Order(call, journeys, bid, rooms)))

    def _begin(self, order: Order) -> Order:
        rooms = self._rooms
        self.orders.add(order)
        for journey in order.journeys:
            rooms.stakes.call(rooms.now())
            rooms.supervisor.start(order.draw(journey), name=f"journey {journey.call.id}")
        rooms.supervisor.start(self._through(order), name=f"order {order.call.id}")
        return order

    async def _through(self, order: Order) -> None:
        try:
            await order.run()
        finally:
            self.orders.remove(order)

    async def _report_later(self, journey: Journey, end: End, total_s: float) -> None:
        """When its money is settled, which may be long after its caller has left."""
        await journey.settled.wait()
        self._report(journey, end, total_s)

    def _report(self, journey: Journey, end: End, total_s: float) -> None:
        """Tells of a call that is settled; `total_s` is how long its caller was there."""
        rooms = self._rooms
        code = journey.failure.code if journey.failure and end.status == 200 else end.code
        rooms.slices.over(journey.hold)
        rooms.observe(
            CallFinished(
                call=journey.call,
                status=end.status,
                code=code,
                outcome=journey.outcome,
                charge=journey.charge,
                attempts=journey.attempts,
                delivered=end.delivered and code == "ok",
                shortfall=journey.shortfall,
                total_s=total_s,
                drills=journey.drills,
            )
        )


async def _planned(
    call: Call, rooms: Rooms, bid: Bid | None
) -> tuple[Plan | None, tuple[Promised, list[Hold]] | Claimed]:
    """How it is to go, with the money for it; or what it may have without. Nowhere to go does not keep it from that."""
    try:
        plan = _plan(call, rooms)
    except GatewayError:
        with suppress(BooksAway):
            found = await rooms.books.admit([], call.key, 0, lease_s=0.0, bid=bid) if bid else None
            if isinstance(found, Claimed):
                return None, found
        raise
    return plan, await _set_aside(call, plan, rooms, bid)


async def _set_aside(call: Call, plan: Plan, rooms: Rooms, bid: Bid | None) -> tuple[Promised, list[Hold]] | Claimed:
    """The money for each picture, and what is promised in case that this process dies before that is at an end.

    Or what the call may have without any.
    """
    if rooms.outbox.failure is not None:
        raise telling.of_journal()
    rounds = 2 if call.parsed.insists else 1
    lease_s = rounds * rooms.timeouts.total_long_s + _LEASE_BEYOND_S
    ids, key = [each.id for each in call.each()], call.key
    wanted = [Hold(each, key.team, key.id, plan.ceiling_nanos) for each in ids]
    unsent = [claims.unsent(bid)] if bid and bid.claim.once is not None else []
    promised = rooms.outbox.in_case(*(writes.void(hold, "lost with its process") for hold in wanted), *unsent)
    try:
        holds = await rooms.books.admit(ids, key, plan.ceiling_nanos, lease_s=lease_s, bid=bid)
        if isinstance(holds, Claimed):
            rooms.outbox.forget(promised)
            return holds
        rooms.slices.heard(holds[0], rooms.now())
        _tell_passed(holds[0].alerts, key, rooms)
    except BooksAway:  # it may have been set aside all the same
        wanted = [replace(hold, since=rooms.books.since_without(key.team), backed=False) for hold in wanted]
        unbacked = rooms.slices.unbacked(wanted, rooms.now())
        if unbacked is None:
            never = [writes.void(hold, "never begun") for hold in wanted]
            await rooms.outbox.later([*never, *unsent], instead_of=promised)
            raise
        rooms.observe(CallUnbacked(call))
        holds = unbacked
    except GatewayError as refused:
        rooms.outbox.forget(promised)
        if isinstance(refused, OverBudget):
            rooms.slices.refused(key.id, rooms.now())
            _tell_passed(refused.alerts, key, rooms)
        raise
    return Promised(promised[: len(ids)], promised[len(ids) :]), holds


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
