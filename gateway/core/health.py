"""Whether a group is worth trying first for a model.

Everything that moves a health state is in this file. It knows nothing of HTTP, of Redis or of the
clock: times come in as numbers, and what became of attempts as good or bad evidence.

Two sums are kept, each a test that never ends (CUSUM). Suspicion asks "is this still the usual three
per cent?" and allows racing. The case asks "is more than half of it late?", from where on the dearer
group costs less than racing every call, and opens: others go first. So does a group that has stopped
(`stall`), before anything is late. What other replicas saw counts like what was seen here. From OPEN
the way back leads through single calls that ask (HALF) and a growing share of the traffic (RAMP). The
figures were found with `gateway rehearse`.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.asking import LEASE_S, Asking
from gateway.core.latency import Pace
from gateway.core.move import Move, Standing, Why
from gateway.core.stall import Stall
from gateway.core.tally import Heard, What


class Turn(StrEnum):
    """What a call may do with a group."""

    FIRST = "first"
    PROBE = "probe"  # first, as one of the few that ask: raced early, so that it costs its caller nothing
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a group stays behind: twice as long with each opening in a row, up to the most.

    `suspect_s`: the age at which an attempt counts as stuck; None: as the group's own answers have it.
    """

    suspect_s: float | None = None
    dwell_s: float = 45.0
    dwell_most_s: float = 75.0

    def line_s(self, pace: Pace) -> float:
        """The age past which an attempt of this pace is held to be stuck."""
        return pace.suspect_s if self.suspect_s is None else self.suspect_s


def _weights(usual: float, bad: float) -> tuple[float, float]:
    """What one good and one bad outcome add to a sum that tells these two rates of bad ones apart."""
    return math.log((1 - bad) / (1 - usual)), math.log(bad / usual)


# Suspicion: 3 % against 35 %. One bad outcome is forgiven by six good ones.
_GOOD, _BAD = _weights(0.03, 0.35)
_MOST = 15.0
_SUSPECT = 4.5
_CALM, _CALM_S = 1.0, 20.0
_HALVES_S = 600.0  # without any evidence

# Where outcomes come by the hundred, two bad ones in a row are chance. So a sum must grow further by the logarithm of
# how many there were in the last minute or so, beyond these: then false alarms are as rare as where few come.
_USUALLY_HEARD = 100.0

# The case: 30 % against 80 %. Between the two lies where leaving is cheaper than racing.
_CASE_GOOD, _CASE_BAD = _weights(0.30, 0.80)
_CASE_OPEN = 5.8

# A group is slow, and does not hang, when of what is late so much comes all the same.
_SLOW = 0.3

# Of what came lately it is counted how much there was: half of it is forgotten in so many seconds.
_LATELY_HALVES_S = 60.0

# Others turn away from a group that opens so much later, and what they begin meanwhile tells of no other time.
_LAGGING_S = 5.0

# So many that asked in a row must be good.
_PROBES_GOOD = 5

# Coming back: the share of the traffic, and how long a step lasts without a bad outcome.
_SHARES = (0.10, 0.25, 0.50)
_STEP_S = 15.0

# Of a group from which traffic has turned away twice in a quarter of an hour, more is asked; openings are
# forgiven step by step.
_OFTEN, _OFTEN_WITHIN_S, _PROBES_GOOD_OFTEN = 2, 900.0, 20
_FORGIVEN_S = 600.0

# Where nobody asks for moves, no more than the last ones are kept.
_MOVES_KEPT = 32


class Health:
    """What is believed of one group for one model.

    Attempts carry the `epoch` they began in: what began before the group opened says nothing of how it
    is now.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._state = Standing.CLOSED
        self._since = -math.inf
        self._suspicion = 0.0
        self._case = 0.0
        self._heard_at = 0.0
        self._loud_at = 0.0  # when suspicion was last more than calm
        self._openings = 0
        self._opened: list[float] = []
        self._open_until = 0.0
        self._lates = self._finished = 0.0
        self._heard = 0.0  # how many outcomes, lately
        self._opened_at = -math.inf
        self._good_probes = 0
        self._step = 0
        self._credit = 0.0
        self._moves: deque[Move] = deque(maxlen=_MOVES_KEPT)
        self.epoch = 0
        self.stall = Stall()
        self.asking = Asking()

    def standing(self, now: float) -> Standing:
        """As it is at this moment; time alone moves OPEN to HALF, RAMP to CLOSED, and suspicion away."""
        match self._state:
            case Standing.CLOSED | Standing.SUSPECT:
                if self._openings or self._state is Standing.SUSPECT:
                    self._calm_down(now)
                if self.stall.stalled(now):
                    self._open(now, Why.STALLED)
            case Standing.OPEN if now >= self._open_until:
                self._enter(Standing.HALF, self._open_until, Why.RESTED)
                self._good_probes = 0
            case Standing.RAMP:
                self._climb(now)
        return self._state

    def moves(self) -> list[Move]:
        """The last moves since this was last asked."""
        moves = list(self._moves)
        self._moves.clear()
        return moves

    @property
    def since(self) -> float:
        """When it came to stand as it does; minus infinity where it never stood otherwise."""
        return self._since

    def left(self, now: float) -> bool:
        """Whether traffic has turned away from it; at most single calls ask whether it is well again."""
        return self.standing(now) in (Standing.OPEN, Standing.HALF)

    def again_s(self, now: float) -> float:
        """In how many seconds a group that was left is asked again, or may be."""
        return max(self._open_until - now, LEASE_S)

    def turn(self, now: float, rank: int) -> Turn:
        """What a call may do, and takes note that it does. `rank` grows with the size that it asks for."""
        self.asking.wanted(now)
        match self.standing(now):
            case Standing.CLOSED | Standing.SUSPECT:
                return Turn.FIRST
            case Standing.RAMP:
                return self._by_share(_SHARES[self._step])
            case Standing.HALF if self.asking.may(now, rank):
                self.asking.begin(now)
                return Turn.PROBE
            case _:
                return Turn.BEHIND

    @property
    def _away(self) -> bool:
        return self._state in (Standing.OPEN, Standing.HALF)

    def _by_share(self, share: float) -> Turn:
        """Every so many calls one goes first: without dice, and the same for whoever counts along."""
        self._credit += share
        if self._credit < 1 - 1e-9:
            return Turn.BEHIND
        self._credit -= 1
        return Turn.FIRST

    def good(self, now: float, epoch: int) -> None:
        """A picture came in time."""
        self._hear(now, epoch, _GOOD, _CASE_GOOD)
        if epoch == self.epoch and self._away and self.standing(now) is Standing.HALF:
            self._good_probes += 1
            self.asking.answered(well=True)
            if self._good_probes >= (_PROBES_GOOD if len(self._opened) < _OFTEN else _PROBES_GOOD_OFTEN):
                self._enter(Standing.RAMP, now, Why.ANSWERED)
                self._step, self._credit = 0, 0.0

    @property
    def slow(self) -> bool:
        """Whether what is late comes all the same: then racing it buys a few seconds, and pays twice for them."""
        return self._finished >= _SLOW * self._lates > 0

    def late(self, now: float, epoch: int) -> None:
        """An attempt has passed the line without an answer. Told once an attempt."""
        self.bad(now, epoch)
        self._fade(now)
        self._lates += 1

    def finished(self, now: float) -> None:
        """One that was late has brought its picture."""
        self._fade(now)
        self._finished += 1

    def bad(self, now: float, epoch: int) -> None:
        """An attempt failed in a way that speaks against the group, or has become late. Told once an attempt."""
        standing = self.standing(now)
        if epoch != self.epoch or standing is Standing.OPEN:
            return  # it is known already
        self._hear(now, epoch, _BAD, _CASE_BAD)
        if standing is Standing.HALF and self._good_probes:
            self._good_probes = 0  # one call hangs now and then anywhere: ask again, from the beginning
            self.asking.answered(well=False)
        elif standing is Standing.HALF:
            self._open(now, Why.NO_BETTER)
        elif standing is Standing.RAMP:
            if self._suspicion >= self._beyond_chance(_SUSPECT):
                self._open(now, Why.ILL_AGAIN)
            elif self._suspicion > self._beyond_chance(_CALM):
                self._since = now  # the step begins again
        elif self._case >= _CASE_OPEN:
            self._open(now, Why.FAILING)
        elif self._suspicion >= self._beyond_chance(_SUSPECT) and standing is Standing.CLOSED:
            self._enter(Standing.SUSPECT, now, Why.SUSPICIOUS)

    def heard(self, heard: Heard) -> None:
        """What others saw in a second. What began before this opened says nothing, nor does the rest once it opens."""
        now, epoch = heard.at, self.epoch
        for what in heard.since(self._opened_at + _LAGGING_S):
            (self.good if what is What.GOOD else self.bad)(now, epoch)
        self._fade(now)
        self._lates += heard.late
        self._finished += heard.finished
        if self.left(now):
            self.asking.heard(heard.probed, now)
        elif self.epoch == epoch and self._state is not Standing.RAMP:
            self.stall.heard(heard.due, heard.came, heard.under_way)
            self.standing(now)

    def leases(self, now: float) -> int:
        """How many leases to ask may be out among all replicas; 0: this one needs none."""
        return self.asking.leases(now) if self.left(now) else 0

    def _hear(self, now: float, epoch: int, suspicion: float, case: float) -> None:
        if epoch != self.epoch:
            return
        self._fade(now)
        self._suspicion = min(max(self._suspicion + suspicion, 0.0), _MOST)
        self._case = max(self._case + case, 0.0)
        self._heard += 1
        if self._suspicion > self._beyond_chance(_CALM):
            self._loud_at = now

    def _beyond_chance(self, bound: float) -> float:
        return bound + math.log(max(self._heard / _USUALLY_HEARD, 1.0))

    def _fade(self, now: float) -> None:
        """What was heard long ago counts less."""
        if now > self._heard_at:
            fading = 0.5 ** ((now - self._heard_at) / _HALVES_S)
            self._suspicion *= fading
            self._case *= fading
            fading = 0.5 ** ((now - self._heard_at) / _LATELY_HALVES_S)
            self._lates *= fading
            self._finished *= fading
            self._heard *= fading
            self._heard_at = now

    def _open(self, now: float, why: Why) -> None:
        turned = self._state is not Standing.HALF
        self._enter(Standing.OPEN, now, why)
        self._openings += 1
        if turned:  # traffic has turned round, which is what its callers notice
            self._opened = [*(each for each in self._opened if now - each < _OFTEN_WITHIN_S), now]
        self._open_until = now + min(self._patience.dwell_s * 2 ** (self._openings - 1), self._patience.dwell_most_s)
        self._suspicion = self._case = 0.0
        self._opened_at = now
        self.asking.open(self._open_until)
        self.stall.clear()
        self.epoch += 1

    def _climb(self, now: float) -> None:
        while now - self._since >= _STEP_S:
            self._since += _STEP_S
            self._step += 1
            if self._step == len(_SHARES):
                self._enter(Standing.CLOSED, self._since, Why.BACK)
                self._suspicion = self._case = 0.0
                return

    def _calm_down(self, now: float) -> None:
        if self._state is Standing.SUSPECT and now - self._loud_at >= _CALM_S:
            self._fade(now)
            if self._suspicion <= self._beyond_chance(_CALM):
                self._enter(Standing.CLOSED, now, Why.CALM)
        if self._openings and self._state is Standing.CLOSED and now - self._since >= _FORGIVEN_S:
            self._openings -= 1
            self._since = now

    def _enter(self, state: Standing, now: float, why: Why) -> None:
        sums = (self._suspicion, self._case, self._lates, self._finished)
        self._moves.append(Move(now, self._state, state, why, *sums))
        self._state, self._since = state, now

    def __repr__(self) -> str:
        return f"<Health {self._state} suspicion {self._suspicion:.1f} case {self._case:.1f} epoch {self.epoch}>"
