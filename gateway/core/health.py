"""Whether a group is worth trying first for a model.

Everything that moves a health state is in this file. It knows nothing of HTTP, of Redis or of the
clock: times come in as numbers, outcomes as `Outcome`. The policy is the plainest that helps:
several failures in a row put a group behind the others for a while; then one call at a time asks
whether it is well again.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.call import Ask
from gateway.core.groups import Group, Lane
from gateway.core.outcome import Blame, Outcome, Verdict

# 1.5 x the time in which 99 of 100 good answers come: without the margin, natural drift trips it.
SUSPECT_MARGIN = 1.5
SUSPECT_LEAST_S = 15.0
SUSPECT_MOST_S = 180.0
THINKING_S = 10.0

IN_A_ROW = 3


class Standing(StrEnum):
    CLOSED = "closed"  # well: traffic flows
    OPEN = "open"  # put behind the others
    HALF = "half"  # one call is asking whether it is well again


@dataclass(frozen=True, slots=True)
class Patience:
    """`suspect_s` None: by model and size. Dwell doubles with each opening in a row, up to the most."""

    suspect_s: float | None = None
    dwell_s: float = 30.0
    dwell_most_s: float = 120.0


def suspect_s(ask: Ask, patience: Patience) -> float:
    """The age in seconds past which an attempt without an answer is held to be stuck."""
    if patience.suspect_s is not None:
        return patience.suspect_s
    usual = ask.size_facts.usual_s + (THINKING_S if ask.thinks_hard else 0.0)
    return min(max(SUSPECT_MARGIN * usual, SUSPECT_LEAST_S), SUSPECT_MOST_S)


class Health:
    """What is believed of one group for one model."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._probe_until = 0.0

    def standing(self, now: float) -> Standing:
        if self._open_until is None:
            return Standing.CLOSED
        return Standing.OPEN if now < self._open_until or now < self._probe_until else Standing.HALF

    def take_probe(self, now: float, lasts_s: float) -> None:
        """One call goes first to a group that may be well again; others wait for what it finds."""
        self._probe_until = now + lasts_s

    def good(self, now: float) -> None:
        """A picture came in time."""
        self._failures = 0
        if self.standing(now) is Standing.HALF or self._probe_until > now:
            self._open_until, self._openings, self._probe_until = None, 0, 0.0

    def bad(self, now: float) -> None:
        """An attempt failed in a way that speaks against the group, or is stuck."""
        self._failures += 1
        probing = self._open_until is not None and now >= self._open_until
        if probing or (self._open_until is None and self._failures >= IN_A_ROW):
            self._openings += 1
            dwell = min(self._patience.dwell_s * 2 ** (self._openings - 1), self._patience.dwell_most_s)
            self._open_until, self._probe_until = now + dwell, 0.0

    def __repr__(self) -> str:
        return f"<Health {self._failures} failures in a row, open until {self._open_until}>"


class HealthBoard:
    """The Health of every (group, model) that was ever tried."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._pairs: dict[tuple[str, str], Health] = {}

    def of(self, group: Group, model_id: str) -> Health:
        pair = (group.name, model_id)
        if pair not in self._pairs:
            self._pairs[pair] = Health(self._patience)
        return self._pairs[pair]

    def standings(self, now: float) -> dict[tuple[str, str], Standing]:
        return {pair: health.standing(now) for pair, health in self._pairs.items()}

    def late(self, lane: Lane, ask: Ask, now: float) -> None:
        """An attempt passed the suspect line without an answer; told once an attempt, at the crossing."""
        self.of(lane.group, ask.model.id).bad(now)

    def ended(self, lane: Lane, ask: Ask, outcome: Outcome, *, was_late: bool, now: float) -> None:
        """An attempt is over. What was told as late is not told twice."""
        health = self.of(lane.group, ask.model.id)
        if was_late:
            return
        if outcome.verdict is Verdict.PICTURE:
            health.good(now)
        elif outcome.blame is Blame.GROUP or outcome.verdict is Verdict.UNREACHABLE:
            health.bad(now)
