"""One request as it is drawn: for the caller who made it, and for whoever comes back for it.

An order is over when all its pictures have come or failed, the books are written, and nobody reads it any
more. What came is kept in the vault as soon as it is drawn, and before it is charged if it was promised or left:
should this process die, what somebody has paid for is there. The store is told how it stands, if anybody may
ask: when its callers have left it before, at once, so that the next who asks the same finds it.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress

from gateway.core.call import Call
from gateway.core.claims import Stands
from gateway.core.errors import BooksAway
from gateway.core.events import AnswerDropped, StoreLost
from gateway.flag import Flag
from gateway.ledger.claims import Bid
from gateway.relay.heads import head_of
from gateway.relay.journey import Journey
from gateway.relay.rooms import Rooms
from gateway.vault.records import Label, Rank

# A caller who has the last piece needs no longer to be gone: then it is known, when the answer is kept, that it came.
_GONE_WITHIN_S = 1.0

# A vault that hangs keeps the books waiting no longer.
_SAFE_WITHIN_S = 30.0

# The SDKs believe in no Retry-After that is longer.
_MOST_AGAIN_S = 60


class Order:
    """`journeys` draw a picture each. Begins with one who reads it, its caller; `bid` None: nobody can claim it.

    `kept` says whether its answer is in the vault, once that is known; of one that is linked, before its caller is told
    its addresses.
    """

    def __init__(self, call: Call, journeys: Sequence[Journey], bid: Bid | None, rooms: Rooms) -> None:
        self.call = call
        self.journeys = journeys
        self._bid = bid
        self._rooms = rooms
        self._readers = 1
        self._delivered = False
        self._noted: Stands | None = None  # since it was last claimed
        self._heard_of = False
        self._forgotten = False
        self.kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._moved = Flag()
        self._safe = Flag()  # as far as it can be, for whoever asks again
        self._turn = asyncio.Lock()

    @property
    def left(self) -> bool:
        """Whether nobody waits for an answer that nobody had."""
        return not self._readers and not self._delivered

    @property
    def untold(self) -> bool:
        """Whether somebody has all of its answer, and the store has not been told."""
        return self._delivered and self._noted is None

    async def noted(self) -> None:
        """Returns when the store has been told that somebody has it, or it is not kept."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._rooms.settle_s):
                await asyncio.wait([self.kept])
                await self.tell()

    def forget(self) -> None:
        """It goes on to its end and is settled, but its answer is not kept, and nobody can claim it."""
        self._forgotten = True
        self._moved.set()
        for journey in self.journeys:
            journey.drop()

    @property
    def ended(self) -> bool:
        return all(journey.settled.is_set() for journey in self.journeys)

    def join(self) -> None:
        """Somebody reads it too, who has claimed it."""
        self._readers += 1
        self._noted, self._heard_of = None, True
        for journey in self.journeys:
            journey.stay()

    def leave(self, *, delivered: bool) -> None:
        """One who read it does not any more; `delivered`: with all that there is to tell, an error perhaps."""
        self._readers -= 1
        self._delivered = self._delivered or delivered
        if not self._readers:
            for journey in self.journeys:
                journey.leave(had=self._delivered)
        self._moved.set()

    def again_s(self) -> int:
        """In how many seconds all of it is probably there."""
        left_s = max(journey.left_s for journey in self.journeys)
        return min(_MOST_AGAIN_S, max(1, math.ceil(left_s)))

    async def draw(self, journey: Journey) -> None:
        try:
            await journey.run(self._moved.set, self._chargeable)
        finally:
            self._moved.set()

    async def run(self) -> None:
        """To its end. Whoever may ask for it finds it from then on in the vault."""
        try:
            await self._until(lambda: self._drawn)
            hung = asyncio.get_running_loop().call_later(_SAFE_WITHIN_S, self._safe.set)
            if not self._promised:
                await self._until(lambda: not self._readers, within_s=_GONE_WITHIN_S)
            kept_as = await self._keep()
            hung.cancel()
            self._safe.set()
            await self._until(lambda: self.ended and not self._readers)
            if kept_as is Rank.WANTED and self._delivered:
                await self._regive()
            await self._until(lambda: not self._readers)  # somebody may have come meanwhile
        finally:
            self._safe.set()
            if not self.kept.done():
                self.kept.set_result(False)
            for journey in self.journeys:
                journey.drop()

    async def tell(self) -> None:
        """Tells the store how it stands, where that has changed for whoever may ask."""
        bid = self._bid
        if bid is None or not self._to_tell(bid):
            return
        async with self._turn:
            stands = self._to_tell(bid)
            if stands is None:
                return
            try:
                async with asyncio.timeout(self._rooms.settle_s):
                    await self._rooms.claims.note(bid, self.call.id, stands, self._delivered_calls)
                self._noted, self._heard_of = stands, True
            except (BooksAway, TimeoutError) as away:
                self._rooms.observe(StoreLost("claims", str(away)))

    @property
    def _delivered_calls(self) -> list[str]:
        """The calls that somebody has the answers of."""
        return [journey.call.id for journey in self.journeys] if self._delivered else []

    @property
    def _once(self) -> bool:
        """Whether it is found by its Idempotency-Key."""
        return self._bid is not None and self._bid.claim.once is not None

    @property
    def _linked(self) -> bool:
        return self.call.parsed.linked

    @property
    def _promised(self) -> bool:
        return self._once or self._linked

    @property
    def _drawn(self) -> bool:
        return all(journey.drawn for journey in self.journeys)

    async def _chargeable(self) -> None:
        """Returns when a picture that has come may be charged: where nobody waits for that alone, when all are safe."""
        if self._promised or not self._readers:
            await self._safe.wait()

    async def _until(self, there: Callable[[], bool], *, within_s: float | None = None) -> None:
        """Returns when it is so, or the time is over; tells of every move until then."""
        late = False

        def over() -> None:
            nonlocal late
            late = True
            self._moved.set()

        timer = None if within_s is None else asyncio.get_running_loop().call_later(within_s, over)
        while not (await self._told(there) or late):
            await self._moved.wait()
        if timer is not None:
            timer.cancel()

    async def _told(self, there: Callable[[], bool]) -> bool:
        self._moved.clear()
        if self._bid is not None and self._to_tell(self._bid):
            await self.tell()
        return there()

    async def _keep(self) -> Rank | None:
        """For what it is kept; None: it is not."""
        answers = [journey.answering for journey in self.journeys]
        whole = [answer for answer in answers if answer is not None and not answer.cut]
        rank = Rank.KEYED if self._promised else Rank.GIVEN if self._delivered else Rank.WANTED
        tapes, rooms, today = [answer.tape for answer in whole], self._rooms, self._rooms.books.today()
        if not whole or not self.call.key.limits.retain:
            self.kept.set_result(False)
            return None
        if rank is Rank.GIVEN and not rooms.results.has_time(tapes, today):
            self.kept.set_result(False)
            return None
        numbers = iter(range(len(whole)))
        facts = {
            "route": self.call.route,
            "made_at": self.call.made_at,
            "head": head_of(self.journeys, failed=len(answers) - len(whole)),
            "replies": [next(numbers) if answer in whole else None for answer in answers],
            "streams": self.call.parsed.streams,
            "pictures": [(place := answer.place) and place.fact() for answer in whole],
        }
        key = self.call.key
        label = Label(key.team, self.call.id, key.id, rank, facts)
        lack = await rooms.results.keep(label, tapes, today)
        self.kept.set_result(lack is None)
        if lack is not None and not self._delivered and not (self._linked and self._readers):
            rooms.observe(AnswerDropped(self.call, lack, sum(answer.tape.size for answer in whole)))
        return rank if lack is None else None

    async def _regive(self) -> None:
        """It was kept for whoever would come back, and then it was delivered all the same."""
        rooms, today = self._rooms, self._rooms.books.today()
        with suppress(OSError):
            result = await rooms.results.find(self.call.key.team, self.call.id, today)
            if result is not None:
                await rooms.results.rerank(result, Rank.GIVEN, today)

    def _to_tell(self, bid: Bid) -> Stands | None:
        """How it stands, if the store has not been told that already; None: there is nothing to tell."""
        stands = self._stands(bid)
        return None if stands is self._noted else stands

    def _stands(self, bid: Bid) -> Stands | None:
        """None: there is nothing to tell."""
        if not self.ended:
            if self._forgotten:
                return Stands.NOTHING if self._heard_of else None
            return Stands.RUNNING if self.left and not self._once else None
        if not self.kept.done() and any(journey.charge is not None for journey in self.journeys):
            return None  # it is just being kept
        found = self._came_to()
        if self._once:
            return found
        if self._readers:
            return None
        if not self._heard_of and found is not Stands.KEPT and not bid.claim.marks:
            return None  # nobody will ask
        return found

    def _came_to(self) -> Stands:
        if self.kept.done() and self.kept.result():
            return Stands.GIVEN if self._delivered else Stands.KEPT
        if any(journey.charge is not None for journey in self.journeys):
            return Stands.LOST if self._once else Stands.NOTHING
        failures = [journey.failure for journey in self.journeys]
        if self._once and any(failure is not None and failure.billed == "unknown" for failure in failures):
            return Stands.UNSURE
        return Stands.FAILED if self._delivered else Stands.NOTHING

    def __repr__(self) -> str:
        state = "over" if self.ended else "running"
        return f"<Order {self.call.id} {state}, {self._readers} readers>"
