"""The seller in a rehearsal: how long a group takes for a call, and what becomes of it, at a virtual moment.

Figures are assumptions about the seller, written down here and nowhere else, unless latencies were observed;
everything random comes from one seeded generator.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.call import Ask
from gateway.core.groups import Group

# Lognormal latencies of these models: median seconds by size, and sigma.
MEDIAN_S = {"512": 6.0, "1K": 7.0, "2K": 12.0, "4K": 20.0}
THINKING_MEDIAN_S = 14.0
SIGMA = 0.33

# Even a seller that is well never answers some calls in time.
_HANGS = 0.005

# Of calls that hang, half finish after all, late, and are billed; nobody knows which.
FINISH_LATE = 0.5
LATE_S = (200.0, 600.0)


# A process that stands still, as for garbage or a machine that is moved, does so for so many seconds.
STANDS_STILL_S = 5.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """From one second to another a group hangs on a share of its calls, is slower, or refuses them.

    `replica`: what is wrong is the way there of this one gateway alone, on which nothing comes back either.
    """

    group: str = ""
    from_s: float = 0.0
    until_s: float = 0.0
    hangs: float = 0.0
    slower: float = 1.0
    refuses: float = 0.0
    on_s: float | None = None  # with `off_s`: on and off by turns
    off_s: float = 0.0
    replica: int | None = None

    def holds(self, now: float, replica: int) -> bool:
        if not self.from_s <= now < self.until_s or self.replica not in (None, replica):
            return False
        return self.on_s is None or (now - self.from_s) % (self.on_s + self.off_s) < self.on_s


class Fate(NamedTuple):
    """What becomes of an attempt: after `takes_s` it ends, with a picture or with a 503; None: never."""

    takes_s: float | None
    picture: bool
    billed: bool


@dataclass(slots=True)
class World:
    """`crowded` slows a group down by what is in flight beyond that many; `drift` is how slow a day may be.

    So many `replicas` of the gateway are in it, whose store is `away` from one second to another. `observed` are
    the seconds that answers took, by size and thinking, in place of what is assumed of them. `still_every_s` is
    how often each gateway stands still.
    """

    troubles: Sequence[Trouble]
    dice: random.Random
    hangs: float = _HANGS
    drift: float = 0.0
    crowded: dict[str, int] | None = None
    replicas: int = 1
    away: tuple[float, float] = (0.0, 0.0)
    observed: Mapping[tuple[str, bool], Sequence[float]] = field(default_factory=dict)
    still_every_s: float | None = None

    def store_away(self, now: float) -> bool:
        return self.away[0] <= now < self.away[1]

    def awake_at(self, replica: int, now: float) -> float:
        """When a gateway takes notice of what happens now; they stand still one after the other."""
        if self.still_every_s is None:
            return now
        into = (now - replica * STANDS_STILL_S) % self.still_every_s
        return now + STANDS_STILL_S - into if into < STANDS_STILL_S else now

    def fate(self, group: Group, ask: Ask, now: float, *, in_flight: int, replica: int) -> Fate:
        hangs, slower, refuses = self.hangs, self._day(now), 0.0
        for trouble in self.troubles:
            if trouble.group == group.name and trouble.holds(now, replica):
                if trouble.replica is not None:
                    return Fate(None, picture=False, billed=False)
                hangs, slower = max(hangs, trouble.hangs), slower * trouble.slower
                refuses = max(refuses, trouble.refuses)
        dice = self.dice
        if refuses and dice.random() < refuses:
            return Fate(0.3, picture=False, billed=False)
        if dice.random() < hangs:
            if dice.random() < FINISH_LATE:
                return Fate(dice.uniform(*LATE_S), picture=True, billed=True)
            return Fate(None, picture=False, billed=False)
        room = (self.crowded or {}).get(group.name)
        if room and in_flight > room:
            slower *= in_flight / room
        return Fate(self._takes_s(ask) * slower, picture=True, billed=True)

    def _takes_s(self, ask: Ask) -> float:
        if self.observed and (observed := self.observed.get((ask.size, ask.thinks_hard))):
            return self.dice.choice(observed)
        usual = MEDIAN_S[ask.size] + (THINKING_MEDIAN_S if ask.thinks_hard else 0.0)
        return usual * self.dice.lognormvariate(0.0, SIGMA)

    def _day(self, now: float) -> float:
        """A slow wave over the day, down to 1 - drift and up to 1 + drift."""
        if not self.drift:
            return 1.0
        phase = (now % 86_400) / 86_400
        return 1.0 + self.drift * (4 * phase - 1 if phase < 0.5 else 3 - 4 * phase)
