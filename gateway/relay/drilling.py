"""Which drills are on in this gateway, and in which rooms the calls go that they touch.

The store is looked at every two seconds, never on the path of a call. While it is away the drills that are
known go on until their end, and no longer. A drilled call is evidence for nobody else: it has a board and
stakes that are made for its drills and go with them.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from gateway.core.board import HealthBoard
from gateway.core.call import Call
from gateway.core.drill import touching
from gateway.core.errors import BooksAway
from gateway.core.events import DrillBegan, DrillEnded, Observer
from gateway.core.keys import Mode
from gateway.core.plan import ways
from gateway.core.stakes import Stakes
from gateway.ledger.drills import Drills, Seen
from gateway.relay.obstacle import Obstacle
from gateway.relay.rooms import Rooms

LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class _Apart:
    """What the calls of the same drills share among themselves, and with no other."""

    board: HealthBoard
    stakes: Stakes


class Drilling:
    """Leaving the block clears every obstacle, so that nobody waits for a drill while the gateway stops."""

    def __init__(self, drills: Drills, observe: Observer, now: Callable[[], float]) -> None:
        self._drills = drills
        self._observe = observe
        self._now = now
        self._ahead_s = 0.0  # the store's clock, from ours
        self._known: dict[str, Obstacle] = {}
        self._calls: Counter[str] = Counter()
        self._apart: dict[tuple[str, ...], _Apart] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._closed = True
        for obstacle in self._known.values():
            obstacle.clear()

    def rooms(self, call: Call, rooms: Rooms) -> Rooms:
        """The rooms that a call goes through: those given, unless drills touch it."""
        now, drills = self._today(), [obstacle.drill for obstacle in self._known.values()]
        if not any(drill.on(now) and drill.means(call) for drill in drills):
            return rooms
        views = rooms.client.lanes.views(rooms.now())
        found = ways(call.ask, call.key, views, rooms.board, rooms.now())
        if call.mode is Mode.OFF:  # there is no other group to go to
            found = dict.fromkeys(found, False)
        touched = touching(drills, call, found, now)
        if not touched:
            return rooms
        names = tuple(sorted(drill.id for drill in touched))
        self._calls.update(names)
        if names not in self._apart:
            self._apart[names] = _Apart(rooms.board.apart(), Stakes())
        apart = self._apart[names]
        obstacles = {drill.group: self._known[drill.id] for drill in touched}
        return replace(rooms, board=apart.board, stakes=apart.stakes, obstacles=obstacles)

    async def turn(self) -> None:
        """Learns of drills that began and ended; to be taken every `LOOK_S` seconds."""
        if self._closed:
            return
        with suppress(BooksAway):  # others tell of that
            self._heed(await self._drills.on())
        for drill_id, obstacle in list(self._known.items()):
            if not obstacle.stands:
                self._end(drill_id, stopped=False)

    def _today(self) -> float:
        return self._now() + self._ahead_s

    def _heed(self, seen: Seen) -> None:
        if self._closed:
            return
        self._ahead_s = seen.now - self._now()
        there = {drill.id: drill for drill in seen.drills}
        for drill_id, obstacle in list(self._known.items()):
            if drill_id not in there and obstacle.stands:
                self._end(drill_id, stopped=True)
        for drill_id, drill in there.items():
            if drill_id not in self._known:
                self._known[drill_id] = Obstacle(drill, self._today)
                self._observe(DrillBegan(drill))

    def _end(self, drill_id: str, *, stopped: bool) -> None:
        obstacle = self._known.pop(drill_id)
        obstacle.clear()
        self._apart = {names: apart for names, apart in self._apart.items() if drill_id not in names}
        self._observe(DrillEnded(obstacle.drill, stopped, self._calls.pop(drill_id, 0)))

    def __repr__(self) -> str:
        return f"<Drilling {len(self._known)} drills>"
