"""What was tried for a call, what is left to try, and whether another attempt is to begin.

Knows no clock and no connection: moments come in with the news, and what is decided is said as steps.
"""

from dataclasses import dataclass, field

from gateway.core.allowance import Exhausted, Purpose
from gateway.core.groups import Lane
from gateway.core.health import Health
from gateway.core.move import Standing
from gateway.core.outcome import Billed, Blame, Outcome, Verdict
from gateway.core.steps import End, Start
from gateway.core.watch import Running, Watch

MOST_ATTEMPTS = 3

# While an attempt is old enough to be raced, for a cause that has not come yet, it is looked at so often.
_LOOK_S = 1.0
_LEAST_LOOK_S = 0.01

# Of several failures the caller is told the one that helps most: what is wrong with the request
# itself, then what may have cost money, then what passes by itself.
_TELLING = (
    Verdict.REJECTED,
    Verdict.SILENT,
    Verdict.LOST,
    Verdict.CUT,
    Verdict.BUSY,
    Verdict.FAILED,
    Verdict.UNREACHABLE,
    Verdict.CREDENTIAL,
    Verdict.UNSIGNED,
)

_COMPLETE = (Verdict.PICTURE, Verdict.NO_PICTURE, Verdict.FRUITLESS)


@dataclass(slots=True)
class Trials:
    """What was tried, what is left, and in which order."""

    untried: list[Lane]
    watch: Watch
    probes: bool
    running: dict[int, Running] = field(default_factory=dict)
    told: list[Outcome] = field(default_factory=list)
    winner: int | None = None  # the first picture
    fallback: int | None = None  # the first complete answer without one
    counted: int = 0
    numbered: int = 0
    plain: bool = False
    now: float = 0.0
    raceable: bool = True
    spent: Exhausted | None = None  # why a dearer group may not be tried

    @property
    def more(self) -> bool:
        return bool(self.untried) and self.counted < MOST_ATTEMPTS

    def start(self) -> Start:
        return Start(self.untried.pop(0), self.plain, tuple(each.lane for each in self.running.values()))

    def denied(self, lane: Lane, spent: Exhausted) -> bool:
        """Nothing was begun on this lane; says whether another attempt is to begin instead.

        Without the means for a dear group its calls do not all go back to the cheaper one while that is ill:
        they would wait there for nothing, and might be billed.
        """
        if spent.purpose is Purpose.RACES:
            self.untried.insert(0, lane)
            self.raceable = False
            return False
        self.spent = spent
        self.untried = [each for each in self.untried if each.group.multiplier < lane.group.multiplier]
        if not self.numbered:
            self.untried = [each for each in self.untried if self._slow(each) or not self._ill(each)]
        return bool(self.untried) and not self.running

    def began(self, lane: Lane, now: float) -> None:
        probes = self.probes and self.numbered == 0
        self.running[self.numbered] = self.watch.began(self.numbered, lane, now, probes=probes)
        self.numbered += 1
        self.counted += 1
        self.now = now

    def end(self) -> End | None:
        """The end, when there is nothing left to wait for."""
        if self.winner is not None:
            return End(self.winner)
        if len(self.running) == 1 and self.fallback is None:
            (alone,) = self.running.values()
            return End(alone.number) if alone.answers else None
        if self.running:
            return None
        if self.fallback is not None:
            return End(self.fallback)
        failure = min(self.told, key=lambda outcome: _TELLING.index(outcome.verdict), default=None)
        return End(None, failure, self.spent if failure is None or failure.retry else None)

    def ended(self, number: int, outcome: Outcome) -> bool:
        """Takes note; says whether another attempt is to begin."""
        attempt = self.running.pop(number)
        if outcome.verdict is Verdict.PICTURE:
            self.winner = number
            return False
        if outcome.verdict in _COMPLETE:
            self.fallback = number if self.fallback is None else self.fallback
            self.untried = []
            return False
        self.told.append(outcome)
        if outcome.verdict is Verdict.UNSIGNED and self.watch.rewritable:
            return self._again_plain(attempt.lane)
        if not outcome.retry or (self.watch.stays and outcome.billed is not Billed.NO):
            self.untried = []
        elif outcome.blame is Blame.GROUP:
            self._put_last(attempt.lane)
        return bool(self.untried) and outcome.retry

    def newly_late(self) -> list[int]:
        late = []
        for each in self.running.values():
            if not (each.late or each.answers) and self.now - each.began_at >= self.watch.line_s(each):
                each.late = True
                late.append(each.number)
        return late

    def races(self) -> bool:
        """Whether another attempt is to begin beside the newest, which is stuck."""
        newest = self._newest()
        if newest is None or not self._may_race:
            return False
        spare = self._spare(newest)
        if self.now - newest.began_at < self.watch.race_at_s(newest, spare, self.now):
            return False
        if not self.watch.stakes.take(self.now):
            return False
        self._put_last(newest.lane)
        if spare is newest.lane:
            self.untried.insert(0, spare)
        return True

    def look_s(self) -> float | None:
        """When to look again if nothing happens; None: whatever comes will be news."""
        looks = [each.began_at + self.watch.line_s(each) for each in self.running.values() if not each.late]
        newest = self._newest()
        if newest is not None and self._may_race:
            race_at = newest.began_at + self.watch.race_at_s(newest, self._spare(newest), self.now)
            ripe_at = newest.began_at + self.watch.ripe_s(newest)
            again_at = max(ripe_at, self.now + _LOOK_S)
            looks.append(min(race_at, again_at) if race_at > self.now else again_at)
        return max(min(looks) - self.now, _LEAST_LOOK_S) if looks else None

    @property
    def _may_race(self) -> bool:
        return self.more and self.raceable and not self.watch.stays

    def _newest(self) -> Running | None:
        newest = next(reversed(self.running.values()), None)  # they are numbered as they begin
        return None if newest is None or newest.answers else newest

    def _again_plain(self, lane: Lane) -> bool:
        self.counted -= 1
        first, self.plain = not self.plain, True
        if first:
            self.untried.insert(0, lane)
        return first

    def _spare(self, stuck: Running) -> Lane:
        """Where to race: in another group, or here again where the others are ill: then it is one call that hangs."""
        group = stuck.lane.group.name
        other = next((each for each in self.untried if each.group.name != group), self.untried[0])
        here = self._ill(other) and stuck.health.standing(self.now) is not Standing.OPEN
        return stuck.lane if here else other

    def _ill(self, lane: Lane) -> bool:
        return self._health(lane).left(self.now)

    def _slow(self, lane: Lane) -> bool:
        return self._health(lane).slow

    def _health(self, lane: Lane) -> Health:
        return self.watch.board.of(lane.group, self.watch.ask.model.id)

    def _put_last(self, failed: Lane) -> None:
        """What ails a group ails all its lanes, so the others come first."""
        self.untried.sort(key=lambda lane: lane.group.name == failed.group.name)
