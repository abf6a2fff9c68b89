"""An answer that another process has drawn, or that is kept: waited for, and read from the vault."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from gateway.core.claims import Claimed, Standing, Stands
from gateway.core.errors import BooksAway, GatewayError, UpstreamFailed
from gateway.core.skim import Skimmer
from gateway.flag import Flag
from gateway.ledger.claims import Bid
from gateway.relay import telling
from gateway.relay.rooms import Rooms
from gateway.relay.whole import WholeReply
from gateway.vault.errors import NoSuchResult
from gateway.vault.records import Result
from gateway.vault.tape import Tape, TapeLost

# So often it is asked how an answer stands that another process has drawn.
_LOOK_S = 0.25

# A process that is gone may have told all but how its answer stands: what it says last is waited for, for so long.
_GRACE_S = 5.0


class KeptReply:
    """One reply out of the vault, as a journey's answer is read."""

    cut = False

    def __init__(self, result: Result, number: int, rooms: Rooms) -> None:
        self.length: int | None = result.sizes[number]
        self.ended = Flag()
        self.ended.set()
        self._result = result
        self._number = number
        self._rooms = rooms

    def chunks(self) -> AsyncGenerator[bytes]:
        return self._rooms.results.read(self._result, self._number)


class KeptPicture:
    """What a journey was, when its answer is kept; `number` None: it had none."""

    def __init__(self, result: Result, number: int | None, rooms: Rooms) -> None:
        self.head: asyncio.Future[KeptReply] = asyncio.get_running_loop().create_future()
        self._reply: asyncio.Future[WholeReply] | None = None
        self._rooms = rooms
        self._tape = Tape(rooms.spools)
        self._name = f"reply {result.call_id}"
        if number is None:
            self.head.set_exception(UpstreamFailed("This picture failed when it was drawn; it was not charged."))
            self.head.exception()  # not everybody fetches it
        else:
            self.head.set_result(KeptReply(result, number, rooms))

    def collect(self) -> asyncio.Future[WholeReply]:
        if self._reply is None:
            self._reply = asyncio.get_running_loop().create_future()
            self._rooms.supervisor.start(self._collect(self._reply), name=self._name)
        return self._reply

    async def settled_for_now(self) -> None:
        """It was settled long ago."""

    def drop(self) -> None:
        """Nobody reads it any more."""
        self._tape.drop()

    async def _collect(self, reply: asyncio.Future[WholeReply]) -> None:
        error: Exception = telling.of_gone(self._name.removeprefix("reply "))
        whole = None
        try:
            whole = await self._copied(await self.head)
        except (NoSuchResult, TapeLost):
            pass
        except GatewayError as failure:
            error = failure
        finally:
            if whole is None:
                reply.set_exception(error)
                reply.exception()
            else:
                reply.set_result(whole)

    async def _copied(self, kept: KeptReply) -> WholeReply:
        """Out of the vault once, whatever then is read of it how often."""
        tape, skimmer = self._tape, Skimmer()
        tape.widen()
        seat = tape.read()
        async with aclosing(kept.chunks()) as chunks:
            async for chunk in chunks:
                skimmer.feed(chunk)
                await tape.put(chunk)
        tape.close()
        return WholeReply(tape, seat, skimmer.skeleton)


@dataclass(slots=True)
class Absent:
    """An answer that is not being drawn here, and that somebody waits for."""

    claimed: Claimed
    bid: Bid
    first_hold: str
    rooms: Rooms
    _unwanted: Flag = field(default_factory=Flag)

    def coming(self) -> "asyncio.Future[Result | None]":
        """The answer when it is there; None: there will be none, and it may be asked for anew. Or the error to tell."""
        found: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        self.rooms.supervisor.start(self._come(found), name=f"waiting {self.claimed.call_id}")
        return found

    def give_up(self) -> None:
        """Nobody waits for it any more: it is for the next who asks."""
        self._unwanted.set()

    async def _come(self, found: "asyncio.Future[Result | None]") -> None:
        try:
            found.set_result(await self._waited())
        except GatewayError as error:
            found.set_exception(error)
            found.exception()  # whoever has left does not fetch it
        finally:
            if self._unwanted.is_set():
                with suppress(BooksAway):  # then it is for the next when its claim is over
                    await self.rooms.claims.note(self.bid, self.claimed.call_id, Stands.LEFT)

    async def _waited(self) -> Result | None:
        gone_at: float | None = None
        standing = Standing(self.claimed.stands, ended=False, settled=False)
        while not self._unwanted.is_set():
            match standing.stands:
                case Stands.KEPT | Stands.GIVEN:
                    return await self._kept_or(self._nothing)
                case Stands.UNSURE:
                    self._unsure()
                    return None
                case Stands.LOST:
                    raise telling.of_gone(self.claimed.call_id)
                case Stands.RUNNING:
                    if not standing.ended and await self._lives():
                        gone_at = None
                    elif gone_at is None:
                        gone_at = self.rooms.now()
                    elif self.rooms.now() - gone_at >= _GRACE_S:
                        return await self._kept_or(self._nothing if standing.settled else self._orphaned)
                case _:
                    return None
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._unwanted.wait()
                    return None
            standing = await self._standing(standing)
        return None

    async def _standing(self, before: Standing) -> Standing:
        try:
            return await self.rooms.claims.standing(self.bid, self.claimed.call_id, self.first_hold)
        except BooksAway:  # others tell of that, and it may come back before the caller's patience is over
            return before

    async def _lives(self) -> bool:
        try:
            return await self.rooms.claims.lives(self.claimed.owner)
        except BooksAway:
            return True

    async def _kept_or(self, otherwise: Callable[[], Awaitable[None]]) -> Result | None:
        """What is in the vault; where that has nothing, what is to be done then."""
        team, today = self.bid.key.team, self.rooms.books.today()
        result = None
        with suppress(OSError):
            result = await self.rooms.results.find(team, self.claimed.call_id, today)
        if result is None:
            await otherwise()
        return result

    async def _nothing(self) -> None:
        """It should be in the vault and is not."""
        if self.bid.claim.once is not None:
            raise telling.of_gone(self.claimed.call_id)
        await self.rooms.claims.note(self.bid, self.claimed.call_id, Stands.NOTHING)

    async def _orphaned(self) -> None:
        """Its process is gone, and nobody knows whether it was billed."""
        if self.bid.claim.once is not None:
            self._unsure()
        else:
            await self.rooms.claims.note(self.bid, self.claimed.call_id, Stands.NOTHING)

    def _unsure(self) -> None:
        if not self.bid.claim.resends:
            raise telling.of_unsure(self.claimed.call_id)


def pictures_of(result: Result, rooms: Rooms) -> Sequence[KeptPicture]:
    return [KeptPicture(result, number, rooms) for number in result.facts["replies"]]


def anew(bid: Bid, claimed: Claimed) -> Bid:
    """The same claim, to anything but this answer."""
    return replace(bid, anew=claimed.call_id)
