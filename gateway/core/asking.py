"""Which call asks whether a group that was left is well again: seldom, the smaller ones first, one for all replicas.

Among replicas a call needs a lease for it. Leases are given out by the store, ahead of the moment and to
whoever had calls lately, so that no call waits for one; how many there may be is decided here. Without
the others a replica asks on its own. Pure: moments come in as numbers.
"""

import math

# How long whoever may ask has for it.
LEASE_S = 5.0
_PROBES = 2
_PROBE_LASTS_S = 60.0  # then its place is free, whatever became of it

# A lease that finds no call in time is lost, so with each turn in which nobody asked twice as many are out.
# Where nobody has asked for a minute there are so few calls that whichever comes may.
_AHEAD_S = 2.0
_LATELY_S = 60.0
_LEASES_MOST = 1024


class Asking:
    """Of one group and model: who has asked, here and elsewhere, and who may be next."""

    def __init__(self) -> None:
        self._from = 0.0
        self._under_way: list[float] = []  # when those began that are not over
        self._asked_at = 0.0
        self.wanted_at = -math.inf  # when a call last wanted to go first
        self._lease_until: float | None = None  # None: nobody else asks
        self._answered = False
        self.asked = 0  # calls of this replica, ever

    def open(self, at: float) -> None:
        """The group was left; from this moment on it is asked."""
        self._from, self._asked_at = at, at - LEASE_S
        self._under_way, self._answered = [], False

    def wanted(self, now: float) -> None:
        """A call would go there."""
        self.wanted_at = now

    def may(self, now: float, rank: int) -> bool:
        """Larger ones ask only when no smaller one has come for a while."""
        if not self._room(now) or now < self._asked_at + LEASE_S * (1 + rank):
            return False
        return self._lease_until is None or now < self._lease_until or now >= self._asked_at + _LATELY_S

    def begin(self, now: float) -> None:
        """A call of this replica asks."""
        self.asked += 1
        self.heard(1, now)

    def heard(self, times: int, now: float) -> None:
        """So many calls have asked; a lease that was not used until then has come to nothing."""
        if times:
            self._under_way += [now] * times
            self._asked_at = max(self._asked_at, now)
            if self._lease_until is not None:
                self._lease_until = min(self._lease_until, now)

    def answered(self, *, well: bool) -> None:
        self._answered = well
        self._under_way = self._under_way[1:]

    def leases(self, now: float) -> int:
        """How many leases may be out among all replicas now; 0: this one needs none."""
        if now < self._from - _AHEAD_S or now - self.wanted_at > _LATELY_S or not self._room(now):
            return 0
        silent_s = max(now - self._asked_at - LEASE_S, 0.0)
        return min(int(2 ** (silent_s // LEASE_S)), _LEASES_MOST)

    def lease(self, now: float, *, given: bool) -> None:
        """There are others: the next call here may ask, or may not."""
        if given:
            self._lease_until = max(now, self._from) + LEASE_S
        elif self._lease_until is None:
            self._lease_until = now

    def alone(self) -> None:
        """Of the others nothing is known any more."""
        self._lease_until = None

    def _room(self, now: float) -> bool:
        self._under_way = [each for each in self._under_way if now - each < _PROBE_LASTS_S]
        most = _PROBES if self._answered else 1  # until the first answer there may be none at all
        return len(self._under_way) < most
