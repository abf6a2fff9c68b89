"""What a drill puts before the attempts on its group: each is held up, and then sent or not."""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import Callable

from gateway.core.drill import Drill, held_s, unsent
from gateway.core.outcome import Outcome


class Obstacle:
    """One drill as it stands before attempts. `today` is the clock of the store, which a drill's times are on."""

    def __init__(self, drill: Drill, today: Callable[[], float]) -> None:
        self.drill = drill
        self._today = today
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def stands(self) -> bool:
        return not self._over.done() and self.drill.on(self._today())

    def clear(self) -> None:
        """The drill is over: whoever is held up goes on at once."""
        if not self._over.done():
            self._over.set_result(None)

    async def pass_by(self, decided: asyncio.Future[None], total_s: float) -> Outcome | None:
        """Holds an attempt up for as long as the drill has it; what came of it, or None: it is to be sent.

        `decided` is done when another attempt has won, and nothing is to be learned from this one any more.
        """
        if not self.stands:
            return None
        for_s = held_s(self.drill, total_s, self._today())
        woken: set[asyncio.Future[None]] = set()
        if for_s > 0:
            woken, _ = await asyncio.wait((self._over, decided), timeout=for_s, return_when=FIRST_COMPLETED)
        late = not woken and for_s >= total_s
        return unsent(self.drill, decided=decided in woken, late=late)

    def __repr__(self) -> str:
        return f"<Obstacle {self.drill.id} {'stands' if self.stands else 'cleared'}>"
