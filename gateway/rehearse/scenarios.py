"""What is rehearsed: incidents of the seller, and days without any.

Each has some time before it, in which the pace of the groups is learned, and some after it, in which
the traffic comes back. What goes wrong is said as `Trouble` of the first group unless it says otherwise.
A wall clock that jumps is no incident: nothing is decided by it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from gateway.core.call import Ask
from gateway.core.catalog import Model
from gateway.rehearse.world import Trouble, World

# Of a hundred calls: the sizes that are asked for, and thinking.
_MIX = {"1K": 50.0, "2K": 30.0, "4K": 15.0}
_THINKING = 5.0

_RECOVERS_S = 600.0

NOTHING = Trouble()


@dataclass(frozen=True, slots=True)
class Scenario:
    """After `before_s` comes `trouble`, for `lasts_s`.

    `second` befalls the second group; `crowd` is when that one slows down. `shift`: in its course 4K takes
    the place of 1K in what is asked for. `replicas` serve it unless others are asked for; their store is
    `away` from one second after its begin to another. `recovering` befalls the first group for ten minutes after
    it; `still_every_s`: so often each gateway stands still.
    """

    name: str
    what: str
    trouble: Trouble = NOTHING
    second: Trouble | None = None
    before_s: float = 900.0
    lasts_s: float = 600.0
    after_s: float = 900.0
    rate: float = 1.0
    hangs: float = 0.005
    drift: float = 0.0
    crowd: int | None = None
    shift: bool = False
    replicas: int = 1
    away: tuple[float, float] = (0.0, 0.0)
    recovering: Trouble | None = None
    still_every_s: float | None = None

    @property
    def begins_s(self) -> float:
        return self.before_s

    @property
    def ends_s(self) -> float:
        return self.before_s + self.lasts_s

    @property
    def over_s(self) -> float:
        return self.ends_s + self.after_s

    def world(self, groups: Sequence[str], seed: int, replicas: int | None = None) -> World:
        troubles = [replace(self.trouble, group=groups[0], from_s=self.begins_s, until_s=self.ends_s)]
        if self.second is not None:
            troubles.append(replace(self.second, group=groups[1], from_s=self.begins_s, until_s=self.ends_s))
        if self.recovering is not None:
            until_s = self.ends_s + _RECOVERS_S
            troubles.append(replace(self.recovering, group=groups[0], from_s=self.ends_s, until_s=until_s))
        crowded = {groups[1]: self.crowd} if self.crowd else None
        return World(
            troubles,
            random.Random(f"world {seed}"),  # noqa: S311
            self.hangs,
            self.drift,
            crowded,
            replicas or self.replicas,
            away=(self.begins_s + self.away[0], self.begins_s + self.away[1]),
            still_every_s=self.still_every_s,
        )

    def arrivals(self, model: Model, rate: float | None, seed: int) -> Iterator[tuple[float, Ask]]:
        """Calls at random moments, so many a second."""
        dice = random.Random(f"calls {seed}")  # noqa: S311  to be repeated, not to be secret
        asks = [Ask(model, size) for size in _MIX] + [Ask(model, "1K", thinking="high")]
        usual = list(accumulate([*_MIX.values(), _THINKING]))
        shifted = list(accumulate([_MIX["4K"], _MIX["2K"], _MIX["1K"], _THINKING]))
        at = 0.0
        while (at := at + dice.expovariate(rate or self.rate)) < self.over_s:
            held = self.shift and self.begins_s <= at < self.ends_s
            yield at, dice.choices(asks, cum_weights=shifted if held else usual)[0]


HANG = Trouble(hangs=1.0)
CUT_OFF = Trouble(replica=0)

SCENARIOS = (
    Scenario("hang-2", "the first group hangs for two minutes", HANG, lasts_s=120.0),
    Scenario("hang", "the first group hangs for ten minutes", HANG),
    Scenario("hang-60", "the first group hangs for an hour", HANG, lasts_s=3600.0),
    Scenario("part", "three calls of ten hang", Trouble(hangs=0.3)),
    Scenario("slow", "every answer takes four times as long", Trouble(slower=4.0)),
    Scenario("busy", "every call is refused with 503", Trouble(refuses=1.0)),
    Scenario("flap", "a minute on, a minute off", Trouble(hangs=1.0, on_s=60.0, off_s=60.0)),
    Scenario("both", "both groups hang on half of their calls", Trouble(hangs=0.5), Trouble(hangs=0.5)),
    Scenario("full", "it hangs, and the second group slows down when all come", HANG, crowd=12),
    Scenario("quiet", "it hangs while a call comes every twenty seconds", HANG, rate=0.05, lasts_s=3600.0),
    Scenario(
        "recovering",
        "it hangs, and takes twice as long for ten minutes after that",
        HANG,
        recovering=Trouble(slower=2.0),
        after_s=1800.0,
    ),
    Scenario("cut-off", "one gateway of four has no network, the others have", CUT_OFF, CUT_OFF, replicas=4),
    Scenario(
        "store", "it hangs, and meanwhile the store of four gateways is away", HANG, replicas=4, away=(15.0, 480.0)
    ),
    Scenario(
        "still-hang", "it hangs, and the gateway stands still for five seconds of each minute", HANG, still_every_s=60.0
    ),
    Scenario("larger", "no trouble: everybody begins to ask for 4K", shift=True),
    Scenario("well", "no trouble: a day with its slow and its fast hours", drift=0.3, lasts_s=86_400.0, after_s=0.0),
    Scenario(
        "still",
        "no trouble: a day on which the gateway stands still for five seconds every ten minutes",
        lasts_s=86_400.0,
        after_s=0.0,
        still_every_s=600.0,
    ),
)
