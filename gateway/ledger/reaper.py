"""Looks for calls that nobody ends, because their process is gone and its journal with it.

Whether such a call was billed nobody knows: it is `unsettled`, and holds its money for some days in case that
the journal is found after all, since that knows better. Then the operator pays, and the caller's money is free.
An attempt on the operator's account of which nobody has known for as long counts as billed too.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.books import Hold
from gateway.core.errors import BooksAway, NotFound
from gateway.core.events import AttemptPresumed, CallUnsettled, Observer
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger import layout, writes
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UNSETTLED_S, UnsettledBooks

# How often it is looked, by one of all gateways; and how many calls of a team at a time.
REAP_EVERY_S = 10.0
_AT_ONCE = 100

# After so many turns, about a day, it is looked again for what gateways of an earlier release have noted: some may
# have gone on beside this one.
_ADOPT_EVERY = 8640


@dataclass(slots=True)
class Reaper:
    store: Store
    observe: Observer
    unsettled_s: float = UNSETTLED_S
    _turns: int = 0

    async def turn(self) -> None:
        """Looks after the calls of every team, unless another gateway just did; to be taken every `REAP_EVERY_S`."""
        with suppress(BooksAway):  # others tell of that
            if await self.store.first(layout.REAPER, within_s=REAP_EVERY_S / 2):
                for team in await self.store.record(layout.TEAMS):
                    await self.look(team)
                await self.presume()

    async def look(self, team: str) -> None:
        """Looks after the calls of a team. Raises `BooksAway`, and may be repeated."""
        while holds := list(await self._lapsed(team)):
            for hold in holds:
                await self._expire(hold)
            if len(holds) < _AT_ONCE:
                return

    async def presume(self) -> None:
        """Attempts of which nobody has known for too long were billed. Raises `BooksAway`, and may be repeated."""
        books = UnsettledBooks(self.store)
        if self._turns % _ADOPT_EVERY == 0:
            await books.adopt()
        self._turns += 1
        for each in [each async for each in books.attempts(older_s=self.unsettled_s)]:
            with suppress(NotFound):  # it is older than the index that it was just found in
                made = await books.resolve(each.attempt_id, Resolved.BILLED, Reason.PRESUMED)
                if made.why == Reason.PRESUMED:
                    self.observe(AttemptPresumed(each))

    async def _lapsed(self, team: str) -> Iterator[Hold]:
        keys = [layout.open_calls(team), layout.call_stem(team)]
        words = await self.store.call("lapsed", keys, [str(_AT_ONCE)])
        rows = zip(words[::3], words[1::3], words[2::3], strict=True)
        return (Hold(call_id, team, key_id, int(held)) for call_id, key_id, held in rows)

    async def _expire(self, hold: Hold) -> None:
        args = [hold.call_id, hold.key_id, str(round(self.unsettled_s * 1000))]
        state, *_ = await self.store.call("expire", writes.call_keys(hold), args)
        if state == "over":  # first who pays, then that nobody else does
            await self.store.make(writes.given_up(hold))
            await self.store.make(writes.void(hold, "unsettled for too long"))
        if state in ("unsettled", "over"):
            self.observe(CallUnsettled(hold, given_up=state == "over"))
