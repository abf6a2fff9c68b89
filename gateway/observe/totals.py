"""The metrics of a whole gateway, whichever of its workers is asked: its own, and what the others say of theirs."""

from collections.abc import Callable

from gateway.observe.metrics import RULES, Metrics
from gateway.observe.siblings import Siblings
from gateway.observe.sums import Numbers, counted, dumped, loaded, together, written


class Totals:
    """`stand` sets the metrics to how things stand at the moment. `siblings` None: there is one process, and nobody
    is asked."""

    def __init__(self, metrics: Metrics, siblings: Siblings | None, stand: Callable[[], None]) -> None:
        self._metrics = metrics
        self._siblings = siblings
        self._stand = stand
        self._before = () if siblings is None else _left_of(siblings, siblings.worker.number)

    async def exposition(self) -> bytes:
        """All metrics in Prometheus' text format. What is counted does not go back when a worker dies."""
        if self._siblings is None:
            self._stand()
            return self._metrics.exposition()
        mine, said = self._told(self._siblings), await self._siblings.ask("numbers")
        others = [loaded(text) if text else _left_of(self._siblings, number) for number, text in said.items()]
        return written(together([mine, *others], RULES))

    async def answer(self) -> bytes:
        """What another worker has that asks for `numbers`."""
        assert self._siblings is not None
        return dumped(self._told(self._siblings))

    def _told(self, siblings: Siblings) -> Numbers:
        """This worker's, with what those counted that had its number before; from here on they outlive it."""
        self._stand()
        told = together([self._metrics.numbers(), self._before], RULES)
        siblings.keep(dumped(counted(told)))
        return told


def _left_of(siblings: Siblings, number: int) -> Numbers:
    """What the workers of this number have counted, as far as anybody was told."""
    kept = siblings.kept(number)
    return loaded(kept) if kept else ()
