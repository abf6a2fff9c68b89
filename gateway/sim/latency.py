"""How long a picture takes, in seconds of a real seller: as its pages say, or by a law that is told."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.sim.ask import Ask
from gateway.sim.tables import SECONDS

_HARD_THINKING = 1.6  # measured at the seller: level high takes about 60 % longer


class Latency(Protocol):
    def seconds(self, ask: Ask, rolled: random.Random) -> float: ...


@dataclass(frozen=True, slots=True)
class Usual:
    """Mostly near the fast end of what the seller's pages say, with a tail to the slow one."""

    def seconds(self, ask: Ask, rolled: random.Random) -> float:
        fastest, slowest = SECONDS[ask.size]
        share = min(1.0, rolled.lognormvariate(math.log(0.35), 0.6))
        hard = _HARD_THINKING if ask.thinks_hard else 1.0
        return (fastest + (slowest - fastest) * share) * ask.model.slowness * hard


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Around a median for each size, wider with `sigma`; hard thinking adds to the median."""

    median_s: Mapping[str, float]
    thinking_s: float
    sigma: float

    def seconds(self, ask: Ask, rolled: random.Random) -> float:
        median_s = self.median_s[ask.size] + (self.thinking_s if ask.thinks_hard else 0.0)
        return median_s * ask.model.slowness * rolled.lognormvariate(0.0, self.sigma)


def read_lognormal(text: str) -> Lognormal:
    """The law in words like `512=6,1K=7,2K=12,4K=20,thinking=14,sigma=0.33`; `ValueError` says what is wrong."""
    known = (*SECONDS, "thinking", "sigma")
    told: dict[str, float] = {}
    for word in text.split(","):
        name, _, value = word.strip().partition("=")
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")
        told[name] = _positive(name, value)
    if missing := [name for name in (*SECONDS, "sigma") if name not in told]:
        raise ValueError(f"{', '.join(missing)} must be told too")
    return Lognormal({size: told[size] for size in SECONDS}, told.get("thinking", 0.0), told["sigma"])


def _positive(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is a number that is not negative; not {value!r}")
    return number
