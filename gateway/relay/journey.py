"""One call from its hold to its last settlement. Belongs to the supervisor and outlives its caller.

The race gives a winner or a failure; the winner's answer goes to the caller from its tape; then
the money: the winner is charged to the caller's key, every other attempt that was or may be billed
to the operator, and the hold ends, once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain

from gateway.core.books import Charge, Hold
from gateway.core.call import Call
from gateway.core.course import Course
from gateway.core.drill import Drill
from gateway.core.errors import BooksAway, GatewayError, InternalError, UpstreamCut
from gateway.core.events import (
    AttemptLate,
    CredentialRefused,
    FailoverDenied,
    StoreLost,
)
from gateway.core.keys import Mode
from gateway.core.outcome import Outcome, Verdict
from gateway.core.plan import Plan
from gateway.core.steps import Denied, Start
from gateway.core.truth import Shortfall, shortfall
from gateway.core.watch import Watch
from gateway.flag import Flag
from gateway.relay import telling
from gateway.relay.attempt import Attempt, billed_nanos, tried_of
from gateway.relay.fairness import within
from gateway.relay.race import Finish, Race
from gateway.relay.rooms import Rooms
from gateway.relay.settlement import Promised, Settlement
from gateway.relay.whole import WholeReply
from gateway.vault.tape import TapeLost


class Journey:
    """`head` is the attempt whose answer the caller gets; it fails with the error to tell when there is none.

    `promised` is what was promised of the request, should this process die; the hold is that of this `picture`.
    """

    def __init__(self, call: Call, plan: Plan, hold: Hold, rooms: Rooms, promised: Promised, picture: int) -> None:
        self.call = call
        self.hold = hold
        self.head: asyncio.Future[Attempt] = asyncio.get_running_loop().create_future()
        self.answering: Attempt | None = None  # whose answer the caller gets, once there is one
        self.settled = Flag()
        self.charge: Charge | None = None
        self.outcome: Outcome | None = None
        self._plan = plan
        self._rooms = rooms
        self._watch = Watch(
            rooms.board,
            rooms.stakes,
            call.ask,
            deadline_at=call.arrived_at + call.patience_s,
            rewritable=call.parsed.plain is not None,
            stays=call.mode is Mode.OFF,
        )
        self._settlement = Settlement(call, plan, hold, rooms, promised, picture)
        self._races: list[list[Attempt]] = []  # the attempts of each; a race itself knows who began it
        self._left = False
        self._had = False
        self._dropped = False
        self._reply: asyncio.Future[WholeReply] | None = None

    @property
    def drills(self) -> tuple[Drill, ...]:
        """Those that touch the call."""
        return tuple(obstacle.drill for obstacle in self._rooms.obstacles.values())

    @property
    def attempts(self) -> int:
        return sum(map(len, self._races))

    @property
    def left_s(self) -> float:
        """In how many seconds there is probably an answer, as such answers take at the median; 0: it is due."""
        rooms, ask, now = self._rooms, self.call.ask, self._rooms.now()
        running = [each for each in self._tried() if not each.ended.is_set()]
        due = [rooms.board.pace(each.lane.group, ask, now).quantile(0.5) - (now - each.began_at) for each in running]
        return max(0.0, min(due, default=0.0))

    @property
    def failure(self) -> GatewayError | None:
        """What the caller is told when there is no answer."""
        failed = self.head.exception() if self.head.done() else None
        return failed if isinstance(failed, GatewayError) else None

    @property
    def shortfall(self) -> Shortfall | None:
        """How the picture is not what was asked for; None too while it is not there yet."""
        reply = self.answering.reply if self.answering else None
        return shortfall(self.call.ask, reply.pixels) if reply else None

    @property
    def drawn(self) -> bool:
        """Whether the whole answer is there, or it is known that there will be none; the books may lack it."""
        return self.head.done() and (self.answering is None or self.answering.ended.is_set())

    def leave(self, *, had: bool) -> None:
        """Nobody reads the answer any more, which somebody `had`; the journey goes on to its end all the same."""
        self._left, self._had = True, had
        for attempt in self._tried():
            attempt.leave()

    def stay(self) -> None:
        """Somebody reads it again."""
        self._left = False
        for attempt in self._tried():
            attempt.stay()

    def drop(self) -> None:
        """Nobody will want the answer any more."""
        self._dropped = True
        for attempt in self._tried():
            attempt.tape.drop()

    async def settled_for_now(self) -> None:
        """Waits for the settlement, but not for ever: with the store away it is written later."""
        await self.settled.wait(self._rooms.settle_s)

    def collect(self) -> asyncio.Future[WholeReply]:
        """The reply, when it is complete and settled; fails with the error to tell."""
        if self._reply is None:
            self._reply = asyncio.get_running_loop().create_future()
            self._rooms.supervisor.start(self._collect(self._reply), name=f"reply {self.call.id}")
        return self._reply

    async def _collect(self, reply: asyncio.Future[WholeReply]) -> None:
        error: GatewayError = InternalError("The gateway failed while it read an answer.")
        whole = None
        try:
            attempt = await self.head
            attempt.tape.widen()
            seat = attempt.chunks()
            await attempt.ended.wait()
            error = UpstreamCut("The upstream's answer broke off; nothing is charged to your key.")
            if attempt.skeleton is not None and not attempt.cut:
                read = WholeReply(attempt.tape, seat, attempt.skeleton)
                await self._remember(read)
                whole = read
        except GatewayError as failure:
            error = failure
        except TapeLost:
            error = telling.of_gone(self.call.id)
        finally:
            await self.settled_for_now()
            if whole is None:
                reply.set_exception(error)
                reply.exception()  # a caller who left does not fetch it
            else:
                reply.set_result(whole)

    async def _remember(self, whole: WholeReply) -> None:
        """Keeps the signatures of an answer whose format loses them; without them the next turn only costs a try."""
        signatures = await whole.signatures()
        try:
            async with asyncio.timeout(self._rooms.settle_s):
                await self._rooms.signatures.remember(self.call.key.team, signatures)
        except (BooksAway, TimeoutError) as away:
            self._rooms.observe(StoreLost("remember", str(away)))

    async def run(self, moved: Callable[[], None], chargeable: Callable[[], Awaitable[None]]) -> None:
        """The whole journey; whatever happens, the head is decided and a caller is not left waiting.

        `moved` is called when it is drawn; `chargeable` is waited for before the books are written.
        """
        try:
            await self._run(moved, chargeable)
        finally:
            self.settled.set()
            if not self.head.done():
                self._tell(InternalError("The gateway failed; what the call may have cost is not charged to your key."))

    async def _run(self, moved: Callable[[], None], chargeable: Callable[[], Awaitable[None]]) -> None:
        finish = await self._raced()
        if finish.winner is not None and self.call.parsed.insists:
            finish = await self._insisted(finish, finish.winner)
        winner = finish.winner
        if winner is None:
            self.outcome = finish.failure
            self._tell(telling.of_failure(finish.failure, finish.denied))
            moved()
            await self._settlement.nothing(self._course(None))
            return
        self.answering = winner
        self.head.set_result(winner)
        await winner.ended.wait()
        moved()
        await chargeable()
        self.outcome = winner.outcome
        self.charge = await self._settlement.won(winner, self._course(winner))

    async def _raced(self) -> Finish:
        """Runs a race. Who loses it is read to the end and booked while the winner's answer is on its way."""
        race = Race(self._begin, self._late, self._rooms.now)
        self._races.append(race.attempts)
        finish = await race.run(self._plan, self._watch)
        losers = [attempt for attempt in race.attempts if attempt is not finish.winner]
        if losers:
            for attempt in losers:
                attempt.lose()
            self._rooms.supervisor.start(self._bury(losers), name=f"losers {self.call.id}")
        return finish

    async def _insisted(self, finish: Finish, winner: Attempt) -> Finish:
        """Another race, once, when the answer turns out fruitless; that one is on the operator's account."""
        await winner.ended.wait()
        if winner.outcome.verdict is not Verdict.FRUITLESS or self._left:
            return finish
        winner.tape.drop()
        await self._settlement.fruitless(winner)
        return await self._raced()

    def _tried(self) -> Iterator[Attempt]:
        return chain.from_iterable(self._races)

    def _course(self, winner: Attempt | None) -> Course:
        """What the call has gone through by now."""
        tried = [tried_of(attempt, won=attempt is winner) for attempt in self._tried()]
        ask = self.call.ask
        return Course(self.call.route, ask.model.id, ask.size, tuple(tried), left=self._left and not self._had)

    def _tell(self, error: GatewayError) -> None:
        self.head.set_exception(error)
        self.head.exception()  # a caller who left does not fetch it

    async def _begin(self, start: Start, news: Callable[[Attempt], None]) -> Attempt | Denied:
        attempt_id = self._attempt_id(self.attempts + 1)
        spent = await self._settlement.purse.draw(attempt_id, start.lane, start.beside)
        if spent is None:
            await self._settlement.begins(attempt_id, start.lane)
            return self._send(start, news)
        self._rooms.observe(FailoverDenied(self.call, start.lane, spent))
        return Denied(spent)

    def _attempt_id(self, number: int) -> str:
        return f"{self.call.id}-{number}"

    def _send(self, start: Start, news: Callable[[Attempt], None]) -> Attempt:
        parsed = self.call.parsed
        body = parsed.plain() if start.plain and parsed.plain else parsed.body
        rooms, ask = self._rooms, self.call.ask
        attempt = Attempt(self.call, start, self._attempt_id(self.attempts + 1), rooms)
        rooms.board.began(attempt, attempt.tried, rooms.now())
        if self._left:
            attempt.leave()
        if parsed.insists:
            attempt.tape.widen()
        if self._dropped:
            attempt.tape.drop()
        timeouts = rooms.timeouts
        total_s = timeouts.total_long_s if ask.long else timeouts.total_s
        told = self._telling(news)
        rooms.supervisor.start(
            attempt.run(rooms.client, body, total_s=total_s, news=told), name=f"attempt {attempt.id}"
        )
        return attempt

    def _telling(self, news: Callable[[Attempt], None]) -> Callable[[Attempt], None]:
        """Passes news on; what an end says of its lane and its group is known before anything is decided by it."""

        def tell(attempt: Attempt) -> None:
            if attempt.ended.is_set():
                self._learn(attempt)
            news(attempt)

        return tell

    def _learn(self, attempt: Attempt) -> None:
        rooms, outcome, now = self._rooms, attempt.outcome, self._rooms.now()
        if outcome.verdict is Verdict.UNREACHABLE and attempt.drill is None:
            rooms.client.lanes.state(attempt.lane).unreachable(now)
        if outcome.verdict is Verdict.CREDENTIAL:
            rooms.client.lanes.refused(attempt.lane, now)
            rooms.observe(CredentialRefused(attempt.lane, outcome.status))
        if outcome.verdict is Verdict.PICTURE and attempt.reply and attempt.reply.usage:
            rooms.board.consumption.used(self.call.ask, attempt.reply.usage.output)
        took_s = attempt.times.total_s
        rooms.board.ended(attempt, attempt.tried, outcome, took_s=took_s, was_late=attempt.late, now=now)

    def _late(self, attempt: Attempt) -> None:
        self._rooms.board.late(attempt.tried, self._rooms.now())
        self._rooms.observe(AttemptLate(self.call, attempt.id, attempt.lane, attempt.drill))

    async def _bury(self, losers: Sequence[Attempt]) -> None:
        """Waits for attempts whose answer nobody gets; they are evidence all the same, and cost what they cost."""
        await asyncio.gather(*(self._buried(loser) for loser in losers))
        await self._settlement.purse.close_races(sum(billed_nanos(loser) for loser in losers))

    async def _buried(self, loser: Attempt) -> None:
        line_s = self._rooms.board.suspect_s(loser.lane.group, self.call.ask, loser.began_at)
        left_s = max(0.0, loser.began_at + line_s - self._rooms.now())
        await within(left_s, loser.ended, self._rooms.now)
        if not (loser.late or loser.ended.is_set()):
            loser.late = True
            self._late(loser)
        loser.lose()
        await loser.ended.wait()
        await self._settlement.lost(loser)
