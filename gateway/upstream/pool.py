"""Connections that wait for their next request, by where they lead, and all that are open.

The one that came back last goes out first, so that those nobody needs grow old. Nothing here looks at more connections
than it hands out or closes.
"""

import asyncio
from collections import OrderedDict

from gateway.upstream.connection import Connection, Origin


class Pool:
    """One is idle for `idle_s` seconds at most, and at most `idle_most` are for one origin: the oldest goes."""

    def __init__(self, *, idle_s: float, idle_most: int) -> None:
        self._idle_s = idle_s
        self._idle_most = idle_most
        self._idle: dict[Origin, OrderedDict[Connection, float]] = {}  # since when, the oldest first
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    def take(self, origin: Origin) -> Connection | None:
        """One that stands, or None. Those found dead on the way are closed."""
        idle = self._idle.get(origin)
        while idle:
            connection, since = idle.popitem()
            if connection.quiet and _now() - since < self._idle_s:
                return connection
            connection.close()
        return None

    # What connections tell.

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def idle(self, connection: Connection) -> None:
        if self._emptied is not None:
            connection.close()
            return
        idle = self._idle.setdefault(connection.origin, OrderedDict())
        idle[connection] = _now()
        if len(idle) > self._idle_most:
            idle.popitem(last=False)[0].close()
        if self._sweep is None:
            self._sweep_at(_now() + self._idle_s)

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        if idle := self._idle.get(connection.origin):
            idle.pop(connection, None)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    async def aclose(self) -> None:
        """Closes all of them, and returns when they are closed."""
        if self._sweep is not None:
            self._sweep.cancel()
        self._idle.clear()
        self._emptied = asyncio.get_running_loop().create_future()
        for connection in self._open:
            connection.close()
        if self._open:
            await self._emptied

    def _sweep_at(self, moment: float) -> None:
        self._sweep = asyncio.get_running_loop().call_at(moment, self._close_old)

    def _close_old(self) -> None:
        """One timer for all: it comes when the oldest has had its time."""
        self._sweep = None
        now = _now()
        for origin, idle in list(self._idle.items()):
            while idle:
                oldest = next(iter(idle))
                if now - idle[oldest] < self._idle_s:
                    break
                del idle[oldest]
                oldest.close()
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._sweep_at(self._idle_s + min(idle[next(iter(idle))] for idle in self._idle.values()))

    @property
    def waiting(self) -> int:
        """How many are idle."""
        return sum(map(len, self._idle.values()))

    def __repr__(self) -> str:
        return f"<Pool {len(self._open)} open, {self.waiting} idle>"


def _now() -> float:
    return asyncio.get_running_loop().time()
