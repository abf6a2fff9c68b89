"""What the simulator can be told before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.sim.bill import SimKey
from gateway.sim.latency import Latency, Usual
from gateway.sim.script import Rule


def _usual_keys() -> dict[str, SimKey]:
    """Two groups, and in the cheaper one a second key that is billed by the call."""
    return {
        "sim-key-default": SimKey("Default", 1.0),
        "sim-key-default-calls": SimKey("Default", 1.0, "pay-per-request"),
        "sim-key-enterprise": SimKey("NanoBananaEnterprise", 1.4),
    }


@dataclass(frozen=True, slots=True)
class SimSettings:
    """A seller: its keys, how fast it is, how its dice fall, how heavy its pictures are."""

    keys: Mapping[str, SimKey] = field(default_factory=_usual_keys)
    speed: float = 1.0  # 10: ten times faster than a real one; 0: no waiting at all
    seed: int = 0
    weight: Literal["real", "light"] = "real"
    schedule: tuple[Rule, ...] = ()
    latency: Latency = field(default_factory=Usual)
    strict_signatures: bool = False  # turns of the model must be signed, as at Google

    def seconds(self, real_s: float) -> float:
        """How long something takes here that takes a real seller so long."""
        return real_s / self.speed if self.speed else 0.0
