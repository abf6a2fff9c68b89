"""What is believed of all groups: the Health of every (group, model), and the Pace of every kind of call.

The one place where an attempt becomes evidence. Pure like what it holds: moments come in as numbers.
"""

import copy
from dataclasses import dataclass
from typing import Self

from gateway.core.call import Ask
from gateway.core.groups import Group
from gateway.core.health import Health, Patience, Standing
from gateway.core.latency import Kind, Pace, kind_of, usual_s
from gateway.core.outcome import RULES, Blame, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt, as far as it is evidence: what was asked of which group, in which epoch of its health."""

    group: Group
    ask: Ask
    epoch: int


class HealthBoard:
    """The Health of every (group, model), and the Pace of every kind of call, that was ever tried."""

    def __init__(self, patience: Patience, paces: dict[Kind, Pace] | None = None) -> None:
        self.patience = patience
        self._pairs: dict[tuple[str, str], Health] = {}
        self._paces: dict[Kind, Pace] = paces or {}

    def apart(self) -> Self:
        """A new board that tells this one nothing. It knows the paces learned so far; every group is well to it."""
        return type(self)(self.patience, copy.deepcopy(self._paces))

    def of(self, group: Group, model_id: str) -> Health:
        pair = (group.name, model_id)
        if pair not in self._pairs:
            self._pairs[pair] = Health(self.patience)
        return self._pairs[pair]

    def pace(self, group: Group, ask: Ask, now: float) -> Pace:
        kind = kind_of(group, ask)
        if kind not in self._paces:
            self._paces[kind] = Pace(usual_s(ask), now)
        return self._paces[kind]

    def suspect_s(self, group: Group, ask: Ask, now: float) -> float:
        """The age past which an attempt is held to be stuck."""
        fixed_s = self.patience.suspect_s
        return self.pace(group, ask, now).suspect_s if fixed_s is None else fixed_s

    def standings(self, now: float) -> dict[tuple[str, str], Standing]:
        return {pair: health.standing(now) for pair, health in self._pairs.items()}

    def began(self, name: object, tried: Tried, now: float) -> None:
        """An attempt begins, under a name of its own."""
        health = self.of(tried.group, tried.ask.model.id)
        if health.standing(now) in (Standing.CLOSED, Standing.SUSPECT):
            health.stall.began(name, self.pace(tried.group, tried.ask, now), now)

    def late(self, tried: Tried, now: float) -> None:
        """An attempt passed the line without an answer; told once an attempt, at the crossing."""
        self.of(tried.group, tried.ask.model.id).late(now, tried.epoch)

    def ended(self, name: object, tried: Tried, outcome: Outcome, *, took_s: float, was_late: bool, now: float) -> None:
        """An attempt is over. What was told as late is not told twice, but is learned from."""
        health = self.of(tried.group, tried.ask.model.id)
        health.stall.ended(name, now, came=RULES[outcome.verdict].blame is not Blame.GROUP)
        if outcome.verdict is Verdict.PICTURE:
            if health.standing(now) is Standing.CLOSED:  # an incident must not become what is usual
                self.pace(tried.group, tried.ask, now).took(took_s, now)
            if was_late:
                health.finished(now)
            else:
                health.good(now, tried.epoch)
        elif not was_late and (outcome.blame is Blame.GROUP or outcome.verdict is Verdict.UNREACHABLE):
            health.bad(now, tried.epoch)
