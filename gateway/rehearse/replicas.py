"""The gateways of a rehearsal: each believes what it saw and heard, and they share it as in production.

In place of Redis there is a board on which counts are added up by the second, as the function `pool`
does it; what is said and heard, and when, is `core.pool` unchanged.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.board import HealthBoard
from gateway.core.health import Patience
from gateway.core.pool import Answer, Pool, Push
from gateway.core.stakes import Stakes
from gateway.core.tally import Pair

_REPLAYED_S = 1200
_LEASE_S = 5.0


@dataclass(slots=True)
class _Said:
    """What was said of one pair."""

    seconds: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    last: int = 0
    leases: int = 0
    leased_until: float = 0.0


class Commons:
    """What all replicas can read. `exchanges` counts how often one did."""

    def __init__(self) -> None:
        self.exchanges = 0
        self._said: defaultdict[Pair, _Said] = defaultdict(_Said)

    def last(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        return {pair: self._said[pair].last for pair in pairs if pair in self._said}

    def exchange(self, push: Push, now: float) -> Answer:
        self.exchanges += 1
        said, second = self._said[push.pair], int(now)
        if push.counts:
            said.seconds[second].update(push.counts)
            said.last = second
        heard_to = min(push.heard_to or 0, second)
        while said.seconds and (oldest := next(iter(said.seconds))) < second - _REPLAYED_S:
            del said.seconds[oldest]
        over = range(max(heard_to + 1, second - _REPLAYED_S), second)
        found = {each: said.seconds[each] for each in over if each in said.seconds}
        return Answer(now, self._leased(said, push.leases, now), max(heard_to, second - 1), found)

    def _leased(self, said: _Said, most: int, now: float) -> bool:
        if now >= said.leased_until:
            said.leases = 0
        if said.leases >= most:
            return False
        if not said.leases:
            said.leased_until = now + _LEASE_S
        said.leases += 1
        return True


class Replica:
    """One gateway, as far as it decides."""

    def __init__(self, number: int, patience: Patience, sold: Sequence[Pair]) -> None:
        self.number = number
        self.board = HealthBoard(patience)
        self.stakes = Stakes()
        self.pool = Pool(self.board, sold)

    def turn(self, commons: Commons | None, now: float, *, stood_still: bool) -> None:
        """Once a second. None: the store is away."""
        self.pool.turn(now, stood_still=stood_still)
        if commons is None:
            self.pool.lost(next(self.pool.pushes(now), None))
            return
        if idle := self.pool.looks(now):
            self.pool.looked(commons.last(idle), now)
        for push in self.pool.pushes(now):
            self.pool.answered(push, commons.exchange(push, now), now)
