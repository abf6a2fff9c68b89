"""One try of one call on one lane. Once sent it is never cancelled: it may be billed all the same.

It reads the answer to its end whether or not anybody still wants it, and says what came of it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.board import Tried
from gateway.core.books import Charge
from gateway.core.call import Call
from gateway.core.course import Finished, Sent
from gateway.core.drill import Drill, lets_go
from gateway.core.groups import Lane
from gateway.core.outcome import Billed, Outcome, Reply, Verdict, of_reply, of_status, outcome
from gateway.core.prices import list_nanos, price_of
from gateway.core.skim import Skeleton, Skimmer
from gateway.core.steps import Start
from gateway.dialects.places import Place, place_of
from gateway.dialects.replies import read_reply
from gateway.flag import Flag
from gateway.relay.rooms import Rooms
from gateway.upstream.client import Answer, Client, SendFailure, Sending
from gateway.vault.tape import Reader, Tape, TapeLost


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds since the attempt was sent; None: no byte of an answer came."""

    first_byte_s: float | None
    total_s: float


class Attempt:
    """`news` is called when the answer begins and when the attempt ends; `ended` is set at the end.

    `skeleton` is that of the answer, once that is complete; None: there is none.

    An `obstacle` is what a drill has put before it: until it is passed, nothing is sent.
    """

    def __init__(self, call: Call, start: Start, attempt_id: str, rooms: Rooms) -> None:
        self.call = call
        self.lane = lane = start.lane
        epoch = rooms.board.of(lane.group, call.ask.model.id).epoch
        self.tried = Tried(lane.group, call.ask, epoch, rooms.now())
        self.id = attempt_id
        self.tape = Tape(rooms.spools, on_disk=call.key.limits.retain)
        self._seat: Reader | None = self.tape.read()  # for whoever waits, so that nothing is lost before they read
        self.ended = Flag()
        self.late = False
        self.answers = False
        self.length: int | None = None
        self.outcome = outcome(Verdict.LOST)
        self.reply: Reply | None = None
        self.body_bytes = 0
        self._refused_with: int | None = None  # the status that stands even if the page under it breaks off
        self._obstacle = rooms.obstacles.get(lane.group.name)
        self._decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._now = rooms.now
        self._times = Times(None, 0.0)
        self.skeleton: Skeleton | None = None
        self._charge: Charge | None = None

    async def run(self, client: Client, body: bytes, *, total_s: float, news: Callable[["Attempt"], None]) -> None:
        """Sends, reads to the end, and leaves the outcome behind. Raises nothing but a cancel."""
        try:
            if self._obstacle is not None and (unsent := await self._obstacle.pass_by(self._decided, total_s)):
                self.outcome = unsent
                return
            sending = Sending(self.id, self.call.ask.model.id, body, self.call.parsed.streams, self._left_s(total_s))
            async with client.send(self.lane, sending) as answer:
                self.outcome = await self._read(answer, news)
        except SendFailure as failure:
            refused = self._refused_with
            self.outcome = of_status(refused, "") if refused else outcome(failure.verdict, message=failure.reason)
        finally:
            self._times = Times(self._times.first_byte_s, self._now() - self.began_at)
            self.tape.close()
            self.ended.set()
            news(self)

    @property
    def began_at(self) -> float:
        return self.tried.began_at

    @property
    def drill(self) -> Drill | None:
        return self._obstacle.drill if self._obstacle else None

    def chunks(self) -> Reader:
        """The answer from its beginning, while it comes; raises `TapeLost` where that is gone."""
        seat, self._seat = self._seat, None
        return seat or self.tape.read()

    @property
    def place(self) -> Place | None:
        """Where its picture is in the answer; None: there is none, or not yet."""
        if self.skeleton is None or not self.reply or not self.reply.pictures:
            return None
        return place_of(self.skeleton, streams=self.call.parsed.streams)

    def leave(self) -> None:
        """Nobody waits for the answer. It is kept as long as there is room."""
        if self._seat is not None:
            self._seat.leave()
            self._seat = None

    def stay(self) -> None:
        """Somebody waits for it again."""
        if self._seat is None:
            with suppress(TapeLost):
                self._seat = self.tape.read()

    @property
    def cut(self) -> bool:
        return self.outcome.verdict is Verdict.CUT

    def lose(self) -> None:
        """Another attempt has won: nobody reads this one any more, and a drill may let go of it."""
        self._seat = None
        self.tape.drop()
        if self.drill is not None and lets_go(self.drill, late=self.late) and not self._decided.done():
            self._decided.set_result(None)

    @property
    def times(self) -> Times:
        return self._times

    @property
    def took_ms(self) -> int:
        return round(self._times.total_s * 1000)

    def charge(self) -> Charge:
        """What it costs, once it is over, by what it reported, or by estimate where it reported nothing."""
        if self._charge is None:
            self._charge = charge_of(self.call, self.lane, self.id, reply=self.reply, verdict=self.outcome.verdict)
        return self._charge

    def _left_s(self, total_s: float) -> float:
        return total_s if self._obstacle is None else total_s - (self._now() - self.began_at)

    async def _read(self, answer: Answer, news: Callable[["Attempt"], None]) -> Outcome:
        if answer.status != 200:
            self._refused_with = answer.status
            return of_status(answer.status, await answer.text(), retry_after_s=answer.retry_after_s)
        skimmer = Skimmer()
        async for chunk in answer.chunks():
            if not self.answers:
                if not _begins_an_answer(chunk):
                    # Somebody else's page. Whether the upstream saw the request nobody knows.
                    return Outcome(Verdict.FAILED, Billed.MAYBE, 200, "not an answer of the model")
                self._begin(answer, news)
            self.body_bytes += len(chunk)
            skimmer.feed(chunk)
            await self.tape.put(chunk)
        skeleton, streams = skimmer.skeleton, self.call.parsed.streams
        self.reply = read_reply(skeleton.text, streams=streams)
        self.skeleton = skeleton
        return of_reply(self.reply)

    def _begin(self, answer: Answer, news: Callable[["Attempt"], None]) -> None:
        self._times = Times(self._now() - self.began_at, 0.0)
        self.length = answer.length
        self.answers = True
        news(self)

    def __repr__(self) -> str:
        state = self.outcome.verdict if self.ended.is_set() else "running"
        return f"<Attempt {self.id} {self.lane.name} {state}>"


def charge_of(call: Call, lane: Lane, attempt_id: str, *, reply: Reply | None, verdict: Verdict) -> Charge:
    """What an attempt costs by what it reported, or by estimate where it reported nothing."""
    ask = call.ask
    usage = reply.usage if reply else None
    owed = price_of(ask, lane, usage)
    pictures = reply.pictures if reply else 0
    return Charge(
        attempt_id=attempt_id,
        nanos=owed.nanos,
        basis=owed.basis,
        usage=usage,
        model=ask.model.id,
        size=ask.size,
        group=lane.group.name,
        lane=lane.name,
        pictures=pictures,
        verdict=verdict,
        route=call.route,
        list_nanos=list_nanos(ask, usage, pictures),
    )


def billed_nanos(attempt: Attempt) -> int:
    """What an attempt cost that is over, or may have cost."""
    return 0 if attempt.outcome.billed is Billed.NO else attempt.charge().nanos


def tried_of(attempt: Attempt, *, won: bool) -> Finished | Sent:
    """An attempt as the books are told of it."""
    group, lane = attempt.lane.group.name, attempt.lane.name
    if not attempt.ended.is_set():
        return Sent(group, lane)
    came_to, took_ms = attempt.outcome, attempt.took_ms
    return Finished(group, lane, came_to.verdict, came_to.status, took_ms, billed_nanos(attempt), came_to.billed, won)


def _begins_an_answer(chunk: bytes) -> bool:
    """JSON or events, whatever the upstream calls them; not a page."""
    head = chunk.lstrip()[:6]
    return not head or head.startswith((b"{", b"[", b"data:", b":", b"event:"))
