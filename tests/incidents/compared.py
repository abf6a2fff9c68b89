"""The figures of a real run beside those of its simulation, and whether they agree.

The same calls come in both, at the same moments; what the seller does is one throw of the dice. So a figure is held
against what the simulation says of these calls over many throws. Where all of them lie within a quarter of their
middle, the real one must too. Where they do not, chance alone moves it further than that: then it must lie in the
range of the throws, widened by a quarter at both ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from gateway.config.settings import Settings
from gateway.core.keys import Key, Limits
from gateway.rehearse.engine import Rules, Run
from gateway.rehearse.played import Played
from gateway.rehearse.policies import ours
from gateway.rehearse.report import Figures, averaged, figures
from gateway.rehearse.scenarios import Scenario
from tests.house import Simulator, settings_for
from tests.incidents.asked import asks_of

PATIENCE_S = 360.0

_NEAR = 0.25


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure. `low` and `high` are the simulation's over its seeds, None: in some it never happened."""

    name: str
    real: float | None
    middle: float | None
    low: float | None
    high: float | None

    @property
    def rule(self) -> str:
        """By which of the two it is judged."""
        if self.middle is None or self.low is None or self.high is None:
            return "range"
        steady = self.middle * (1 - _NEAR) <= self.low and self.high <= self.middle * (1 + _NEAR)
        return "25 %" if steady else "range"

    @property
    def agrees(self) -> bool:
        if self.rule == "25 %" and self.real is not None and self.middle is not None:
            return abs(self.real - self.middle) <= _NEAR * self.middle
        return self.in_range

    @property
    def in_range(self) -> bool:
        """The weaker of the two: no throw is unlikely to pass it that the simulation could have made."""
        if self.real is None or self.high is None:
            return self.real is None and self.low is None
        return (self.low or 0.0) * (1 - _NEAR) <= self.real <= self.high * (1 + _NEAR)


def settings_at(home: Path) -> Settings:
    """What a simulation needs to know of the gateways that are played: lanes, prices, patience."""
    return settings_for(Simulator("http://127.0.0.1:9"), home)


def prices_of(settings: Settings) -> dict[str, float]:
    return {group.name: float(group.multiplier) for group in settings.groups}


def simulated(scenario: Scenario, settings: Settings, seed: int, dice: int) -> Run:
    """The very calls of a real run with this seed, as `gateway rehearse` plays them, with these dice of the seller."""
    lanes = [each.lane for each in settings.lanes]
    world = scenario.world([group.name for group in settings.groups], dice)
    caller = Key("rehearsal", "rehearsal", "rehearsal", "", Limits(), created_at=0.0)
    run = Run(world, lanes, caller, ours, Rules(PATIENCE_S, settings.patience))
    run.play(asks_of(scenario, settings, seed))
    return run


def figures_of(played: Played, scenario: Scenario, settings: Settings) -> Figures:
    return figures(played, scenario, prices_of(settings), PATIENCE_S)


def compared(real: Figures, simulated: Sequence[Figures]) -> list[Compared]:
    middle = averaged(simulated)
    rows = []
    for name in (each.name for each in fields(Figures)):
        found = [getattr(each, name) for each in simulated]
        happened = [value for value in found if value is not None]
        low = min(happened) if len(happened) == len(found) else None
        rows.append(Compared(name, getattr(real, name), getattr(middle, name), low, max(happened, default=None)))
    return rows
