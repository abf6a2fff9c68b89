"""What one caller is served: an answer that is being drawn, for the first or as one more, or one that is kept.

A serving is written as the call it answers would have been: by its id and its date, whoever asked.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from gateway.core.call import Call
from gateway.core.claims import Stands
from gateway.core.errors import BooksAway
from gateway.core.events import StoreLost
from gateway.core.headers import CALL_ID, COST_USD, HOLD_USD, IDEMPOTENT_REPLAYED, LEFT_USD, REPLAYED
from gateway.core.links import LASTS_S
from gateway.ledger.claims import Bid
from gateway.relay.absent import pictures_of
from gateway.relay.heads import head_of
from gateway.relay.order import Order
from gateway.relay.rooms import Rooms
from gateway.relay.stream import Source
from gateway.vault.records import Rank, Result


class Serving(Protocol):
    """`call` is the one that it answers."""

    @property
    def call(self) -> Call: ...

    @property
    def sources(self) -> Sequence[Source]: ...

    @property
    def kept(self) -> "asyncio.Future[bool]":
        """Whether it is in the vault for as long as its addresses are good, once that is known."""

    def head(self, failed: int = 0) -> dict[str, str]:
        """What the head of the answer says, which lacks so many of the pictures."""

    def again_s(self) -> int:
        """In how many seconds it is probably there, for a caller who waits no longer now."""

    async def deferred(self) -> None:
        """Its caller waits no longer, and is to be told so: from then on it is there for whoever asks the same."""

    def over(self, *, delivered: bool) -> None:
        """Its caller reads no more; `delivered`: everything there is has been told."""


class Drawn:
    """An order, for the caller who made it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._over = False

    @property
    def call(self) -> Call:
        return self.order.call

    @property
    def sources(self) -> Sequence[Source]:
        return self.order.journeys

    @property
    def kept(self) -> "asyncio.Future[bool]":
        return self.order.kept

    def head(self, failed: int = 0) -> dict[str, str]:
        return head_of(self.order.journeys, failed=failed)

    def again_s(self) -> int:
        return self.order.again_s()

    async def deferred(self) -> None:
        self.over(delivered=False)
        await self.order.tell()

    def over(self, *, delivered: bool) -> None:
        if not self._over:
            self._over = True
            self.order.leave(delivered=delivered)


class Joined(Drawn):
    """An order, for one who came back for it and has joined it: it costs nothing."""

    def __init__(self, order: Order, bid: Bid) -> None:
        super().__init__(order)
        self._bid = bid

    def head(self, failed: int = 0) -> dict[str, str]:
        return _replayed(super().head(failed), self.order.call.id, self._bid)


class Kept:
    """An answer out of the vault: it costs nothing."""

    def __init__(self, result: Result, asked: Call, bid: Bid, rooms: Rooms) -> None:
        self.call = replace(asked, id=result.call_id, made_at=result.facts["made_at"])
        self._pictures = pictures_of(result, rooms)
        self.kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.kept.set_result(rooms.books.today() < self.call.made_at + LASTS_S)
        self._result = result
        self._bid = bid
        self._rooms = rooms

    @property
    def sources(self) -> Sequence[Source]:
        return self._pictures

    def head(self, failed: int = 0) -> dict[str, str]:
        return _replayed(self._result.facts["head"], self._result.call_id, self._bid)

    def again_s(self) -> int:
        return 1

    async def deferred(self) -> None:
        """It is kept already."""

    def over(self, *, delivered: bool) -> None:
        for picture in self._pictures:
            picture.drop()
        self._rooms.supervisor.start(self._note(delivered=delivered), name=f"kept {self._result.call_id}")

    async def _note(self, *, delivered: bool) -> None:
        rooms, result = self._rooms, self._result
        had = [each.id for each in self.call.each()] if delivered else []
        try:
            await rooms.claims.note(self._bid, result.call_id, Stands.GIVEN if delivered else Stands.LEFT, had)
        except BooksAway as away:
            rooms.observe(StoreLost("claims", str(away)))
        if delivered and result.rank is Rank.WANTED:
            with suppress(OSError):
                await rooms.results.rerank(result, Rank.GIVEN, rooms.books.today())


def _replayed(head: dict[str, str], call_id: str, bid: Bid) -> dict[str, str]:
    shown = {name: value for name, value in head.items() if name not in (HOLD_USD, LEFT_USD)}
    once = {IDEMPOTENT_REPLAYED: "true"} if bid.claim.once is not None else {}
    return {**shown, CALL_ID: call_id, COST_USD: "0", REPLAYED: "true", **once}
