"""Looks for calls that nobody ends, because their process is gone and its journal with it.

Whether such a call was billed nobody knows: it is `unsettled`, and holds its money for some days in case that
the journal is found after all, since that knows better. Then the operator pays, and the caller's money is free.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.books import Hold
from gateway.core.errors import BooksAway
from gateway.core.events import CallUnsettled, Observer
from gateway.ledger import layout, writes
from gateway.ledger.store import Store

# How often it is looked, by one of all gateways; and how many calls of a team at a time.
REAP_EVERY_S = 10.0
_AT_ONCE = 100

# For so long a call may be unsettled.
UNSETTLED_S = 72 * 3600.0


@dataclass(frozen=True, slots=True)
class Reaper:
    store: Store
    observe: Observer
    unsettled_s: float = UNSETTLED_S

    async def turn(self) -> None:
        """Looks after the calls of every team, unless another gateway just did; to be taken every `REAP_EVERY_S`."""
        with suppress(BooksAway):  # others tell of that
            if await self.store.first(layout.REAPER, within_s=REAP_EVERY_S / 2):
                for team in await self.store.record(layout.TEAMS):
                    await self.look(team)

    async def look(self, team: str) -> None:
        """Looks after the calls of a team. Raises `BooksAway`, and may be repeated."""
        while holds := list(await self._lapsed(team)):
            for hold in holds:
                await self._expire(hold)
            if len(holds) < _AT_ONCE:
                return

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
