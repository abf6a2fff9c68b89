"""Allowances in the store: what each team, and the whole installation, may pay for failover by the hour and the day.

Decides nothing: what is drawn and what is left is one function of the library. A draw that the store
did not answer may count all the same; it is put right with the call, or is gone with its day.
"""

from collections.abc import Mapping

from gateway.core.allowance import Caps, Drawn, Exhausted, Owner, Purpose, Window
from gateway.ledger import layout, writes
from gateway.ledger.records import caps_of
from gateway.ledger.store import Store


class Allowances:
    """`installation` has the caps of all calls together, by what is paid for; those of a team are in its record."""

    def __init__(self, store: Store, installation: Mapping[Purpose, Caps]) -> None:
        self._store = store
        self._installation = installation

    async def draw(self, purpose: Purpose, team: str | None, name: str, nanos: int) -> Exhausted | None:
        """Draws on the installation's allowance, and on a team's if one is named: on both or on none.

        Asked again under the same name it draws nothing more. Raises `BooksAway`.
        """
        if team is not None:
            keys = [layout.allowance(purpose, team), layout.account(team)]
            if spent := await self._draw(purpose, Owner.TEAM, keys, [name, str(nanos), "", ""]):
                return spent
        caps = self._installation.get(purpose, Caps())
        args = [name, str(nanos), *(_text(caps.of(window)) for window in Window)]
        spent = await self._draw(purpose, Owner.INSTALLATION, [layout.allowance(purpose, None)], args)
        if spent and team is not None:
            for write in writes.correct(purpose, team, name, 0):
                await self._store.make(write)
        return spent

    def capped(self, purpose: Purpose) -> bool:
        """Whether all calls together have a cap."""
        return self._installation.get(purpose, Caps()) != Caps()

    async def of_team(self, team: str) -> Drawn:
        """What a team has paid for dearer groups in this hour and day."""
        caps = caps_of(await self._store.record(layout.account(team)))
        return await self._drawn(layout.allowance(Purpose.PREMIUM, team), caps)

    async def of_installation(self, purpose: Purpose) -> Drawn:
        return await self._drawn(layout.allowance(purpose, None), self._installation.get(purpose, Caps()))

    async def _draw(self, purpose: Purpose, owner: Owner, keys: list[str], args: list[str]) -> Exhausted | None:
        state, *rest = await self._store.call("draw", keys, args)
        if state == "drawn":
            return None
        window, anew_s = rest
        return Exhausted(purpose, owner, Window(window), int(anew_s))

    async def _drawn(self, stem: str, caps: Caps) -> Drawn:
        hour, day = await self._store.call("drawn", [stem])
        return Drawn(caps, int(hour), int(day))


def _text(nanos: int | None) -> str:
    return "" if nanos is None else str(nanos)
