"""Counts how callers fare, and tells the store every few seconds. No call waits for it."""

from collections.abc import Callable

from gateway.core.errors import BooksAway
from gateway.core.events import CallFinished, Event
from gateway.core.served import Served
from gateway.ledger.served import ServedCounts

COUNT_EVERY_S = 5.0


class Counting:
    """An observer; its `turn` is to be taken every `COUNT_EVERY_S` seconds.

    What the store did not hear is told later.
    """

    def __init__(self, counts: ServedCounts, today: Callable[[], float]) -> None:
        self._served = Served()
        self._counts = counts
        self._today = today

    def __call__(self, event: Event) -> None:
        if isinstance(event, CallFinished) and not event.drills:
            ask = event.call.ask
            self._served.note(ask.model.id, ask.size, event.code, event.total_s)

    async def turn(self) -> None:
        if not (counts := self._served.take()):
            return
        try:
            await self._counts.add(counts, self._today())
        except BooksAway:  # others tell of that
            self._served.give_back(counts)
