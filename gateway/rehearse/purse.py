"""What failover may cost all gateways together, in memory: drawn on before an attempt, and put right when it is over.

Which attempt draws what is decided in `core.allowance`, as in production; the caps are the configuration's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from gateway.core.allowance import Allowance, Caps, Exhausted, Owner, Purpose, extra_nanos, parted, wanted
from gateway.core.call import Ask
from gateway.core.consumption import Consumption
from gateway.core.groups import Lane
from gateway.core.outcome import Billed, Outcome
from gateway.core.prices import expected, quote

# Answers take what the catalogue says: a rehearsal learns of nobody's tokens.
_USUAL = Consumption()


def price(ask: Ask, lane: Lane) -> int:
    """What an answer is billed in a rehearsal, in nano-dollars."""
    return expected(ask, lane, _USUAL.output_tokens(ask)) or 0


@dataclass(slots=True)
class Drawn:
    """What one call drew: by attempt for its group, and for races; and what those of them cost that lost."""

    premium: dict[int, str] = field(default_factory=dict)
    races: dict[str, int] = field(default_factory=dict)
    lost_nanos: int = 0


class Purse:
    """The allowances of the installation. Without caps they tell what was drawn."""

    def __init__(self, caps: Mapping[Purpose, Caps], lanes: Sequence[Lane]) -> None:
        self.allowances = {purpose: Allowance(caps.get(purpose, Caps())) for purpose in Purpose}
        self._cheapest = min(lane.group.multiplier for lane in lanes)
        self._dear = {lane.group.name for lane in lanes if lane.group.multiplier > self._cheapest}
        self._names = count()

    def draw(
        self, drawn: Drawn, number: int, ask: Ask, now: float, *, lane: Lane, beside: Sequence[Lane]
    ) -> Exhausted | None:
        """Draws for an attempt with this number, `beside` others that run: all of it, or nothing."""
        if not beside and lane.group.name not in self._dear:
            return None
        rivals = [quote(ask, each) or 0 for each in beside]
        made: list[tuple[Purpose, str]] = []
        for purpose, nanos in wanted(quote(ask, lane) or 0, lane.group, rivals, self._cheapest):
            name = str(next(self._names))
            if spent := self.allowances[purpose].draw(name, nanos, int(now)):
                for before, given_back in made:
                    self.allowances[before].correct(given_back, 0)
                return Exhausted(purpose, Owner.INSTALLATION, *spent)
            made.append((purpose, name))
            if purpose is Purpose.PREMIUM:
                drawn.premium[number] = name
            else:
                drawn.races[name] = nanos
        return None

    def dearer_by(self, ask: Ask, lane: Lane) -> int:
        """The part of an answer's price that is due to its group's being dearer."""
        if lane.group.name not in self._dear:
            return 0
        return extra_nanos(price(ask, lane), lane.group, self._cheapest)

    def close(self, drawn: Drawn, number: int, ask: Ask, lane: Lane, outcome: Outcome) -> None:
        """An attempt is over: what is not known to be unbilled counts as billed."""
        if name := drawn.premium.pop(number, None):
            billed = outcome.billed is not Billed.NO
            self.allowances[Purpose.PREMIUM].correct(name, self.dearer_by(ask, lane) if billed else 0)

    def close_races(self, drawn: Drawn) -> None:
        """All attempts of the call are over."""
        for name, nanos in zip(drawn.races, parted(drawn.lost_nanos, list(drawn.races.values())), strict=True):
            self.allowances[Purpose.RACES].correct(name, nanos)
