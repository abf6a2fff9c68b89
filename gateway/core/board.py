"""What is believed of all groups: the Health of every (group, model), and what every kind of call takes.

The one place where an attempt becomes evidence: it is applied here at once, and counted for the other
replicas, whose own comes in through the same door. Pure like what it holds: moments come in as numbers.
"""

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from gateway.core.call import Ask
from gateway.core.consumption import Consumption
from gateway.core.groups import Group
from gateway.core.health import Health, Patience
from gateway.core.latency import Histogram, Kind, Pace, kind_of, place_of, usual_s
from gateway.core.move import Move, Standing
from gateway.core.outcome import RULES, Blame, Outcome, Verdict
from gateway.core.tally import FINISHED, LATE, PROBED, Heard, Pair, Tally, What

# No byte of an answer came with these.
_MUTE = frozenset({Verdict.UNREACHABLE, Verdict.LOST, Verdict.SILENT})


@dataclass(slots=True)
class Tried:
    """An attempt, as far as it is evidence: what was asked of which group, in which epoch of its health, and when."""

    group: Group
    ask: Ask
    epoch: int
    began_at: float
    kind: Kind = field(init=False)
    pair: Pair = field(init=False)

    def __post_init__(self) -> None:
        self.kind = kind_of(self.group, self.ask)
        self.pair = self.kind.group, self.kind.model


@dataclass(frozen=True, slots=True)
class Learned:
    """What one board takes over from another: the paces are its own from then on."""

    paces: dict[Kind, Pace]
    consumption: Consumption


class HealthBoard:
    """The Health of every (group, model), and the Pace of every kind of call, that was ever tried or heard of.

    `answered_at` is when any upstream last answered anything.
    """

    def __init__(self, patience: Patience, learned: Learned | None = None) -> None:
        self.patience = patience
        self.answered_at = -math.inf
        self._pairs: dict[Pair, Health] = {}
        self._paces: dict[Kind, Pace] = learned.paces if learned else {}
        self.consumption = learned.consumption if learned else Consumption()
        self._histograms: defaultdict[Kind, Histogram] = defaultdict(Histogram)
        self._known_since: dict[Kind, float] = {}
        self._tallies: defaultdict[Pair, Tally] = defaultdict(Tally)
        self._apart = learned is not None  # nobody asks for tallies, so none are kept
        self._asked: dict[Pair, int] = {}
        self._lines: dict[Pair, float] = {}

    def apart(self) -> Self:
        """A new board that tells this one nothing of health. It knows what was learned; every group is well to it."""
        return type(self)(self.patience, Learned(copy.deepcopy(self._paces), self.consumption))

    def of(self, group: Group, model_id: str) -> Health:
        return self.health((group.name, model_id))

    def health(self, pair: Pair) -> Health:
        if pair not in self._pairs:
            self._pairs[pair] = Health(self.patience)
        return self._pairs[pair]

    @property
    def pairs(self) -> Sequence[Pair]:
        return list(self._pairs)

    def pace(self, group: Group, ask: Ask, now: float) -> Pace:
        return self._pace(kind_of(group, ask), ask, now)

    def _pace(self, kind: Kind, ask: Ask, now: float) -> Pace:
        if kind not in self._paces:
            histogram = self._histograms[kind]
            self._paces[kind] = pace = Pace(usual_s(ask), self._known_since.get(kind, now), histogram)
            pace.more(round(histogram.count(now)), now)
        return self._paces[kind]

    def suspect_s(self, group: Group, ask: Ask, now: float) -> float:
        """The age past which an attempt is held to be stuck."""
        return self.patience.line_s(self.pace(group, ask, now))

    def line_s(self, pair: Pair) -> float:
        """The same of the attempt that began last."""
        return self._lines.get(pair, 0.0)

    def standings(self, now: float) -> dict[Pair, Standing]:
        return {pair: health.standing(now) for pair, health in self._pairs.items()}

    def moves(self) -> list[tuple[Pair, Move]]:
        """How health has moved since this was last asked."""
        return [(pair, move) for pair, health in self._pairs.items() for move in health.moves()]

    def began(self, name: object, tried: Tried, now: float) -> None:
        """An attempt begins, under a name of its own."""
        pair, pace = tried.pair, self._pace(tried.kind, tried.ask, now)
        health = self.health(pair)
        self._lines[pair] = self.patience.line_s(pace)
        if health.standing(now) in (Standing.CLOSED, Standing.SUSPECT):
            health.stall.began(name, pace, now)

    def late(self, tried: Tried, now: float) -> None:
        """An attempt passed the line without an answer; told once an attempt, at the crossing."""
        pair = tried.pair
        self._tell(pair, What.BAD, tried)
        self._count(pair, LATE)
        self.health(pair).late(now, tried.epoch)

    def ended(self, name: object, tried: Tried, outcome: Outcome, *, took_s: float, was_late: bool, now: float) -> None:
        """An attempt is over. What was told as late is not told twice, but is learned from."""
        pair = tried.pair
        health = self.health(pair)
        health.stall.ended(name, now, came=RULES[outcome.verdict].blame is not Blame.GROUP)
        if outcome.verdict not in _MUTE:
            self.answered_at = now
        if outcome.verdict is Verdict.PICTURE:
            if health.standing(now) is Standing.CLOSED:  # an incident must not become what is usual
                self._learn(tried, took_s, now)
            if was_late:
                self._count(pair, FINISHED)
                health.finished(now)
            else:
                self._tell(pair, What.GOOD, tried)
                health.good(now, tried.epoch)
        elif not was_late and outcome.blame is Blame.GROUP:
            self._tell(pair, What.BAD, tried)
            health.bad(now, tried.epoch)
        elif not was_late and outcome.verdict is Verdict.UNREACHABLE:
            health.bad(now, tried.epoch)  # the way there is this replica's own, and no news for others

    def tally(self, pair: Pair, now: float) -> Tally:
        """What this replica saw of a pair since it was last asked."""
        health, tally = self.health(pair), self._tallies.pop(pair, None) or Tally()
        health.standing(now)
        tally.stalled(*health.stall.told())
        tally.count(PROBED, health.asking.asked - self._asked.get(pair, 0))
        self._asked[pair] = health.asking.asked
        return tally

    def heard(self, pair: Pair, heard: Heard) -> None:
        """What others saw of a pair."""
        self.health(pair).heard(heard)
        for kind, place, times in heard.took:
            self._known_since.setdefault(kind, heard.at)
            self._histograms[kind].put(place, times, heard.at)
            if kind in self._paces:
                self._paces[kind].more(times, heard.at)

    def recall(self, days: Iterable[Heard], now: float) -> None:
        """What was learned on the days before this replica began; `at` is the middle of each."""
        learned = [(day.at, *each) for day in days for each in day.took]
        for at, kind, place, times in sorted(learned, key=lambda each: each[0]):
            self._histograms[kind].put(place, times, at)
            self._known_since[kind] = min(at, self._known_since.get(kind, at))
        for kind in {each[1] for each in learned} & self._paces.keys():
            times = sum(each[3] for each in learned if each[1] == kind)
            self._paces[kind].more(times, now, since=self._known_since[kind])

    def _tell(self, pair: Pair, what: What, tried: Tried) -> None:
        """Evidence for others, who know best whether it is news to them."""
        if not self._apart:
            self._tallies[pair].attempt(what, tried.began_at)

    def _count(self, pair: Pair, what: str) -> None:
        if not self._apart:
            self._tallies[pair].count(what)

    def _learn(self, tried: Tried, took_s: float, now: float) -> None:
        self._pace(tried.kind, tried.ask, now).took(took_s, now)
        if not self._apart:
            self._tallies[tried.pair].took(tried.kind, place_of(took_s))
