"""What to do next as news of a call's attempts comes in.

`failover` is a generator: it yields what to do next and is sent what came of it. It knows no clock,
no connection and no caller. What is sent is never called back, since it may be billed all the same: an
attempt that is stuck is raced, and the first picture wins.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

from gateway.core.allowance import Exhausted, Purpose
from gateway.core.groups import Lane
from gateway.core.health import Health
from gateway.core.move import Standing
from gateway.core.outcome import Billed, Blame, Outcome, Verdict
from gateway.core.plan import Plan
from gateway.core.watch import Running, Watch

MOST_ATTEMPTS = 3

# While an attempt is old enough to be raced, for a cause that has not come yet, it is looked at so often.
_LOOK_S = 1.0
_LEAST_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt on this lane. `plain`: with earlier answers put as the user's, who signs nothing.

    `beside` are the lanes of those that run already: of all of them one wins, and each may be billed.
    """

    lane: Lane
    plain: bool = False
    beside: tuple[Lane, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """This attempt has passed the line: it is evidence against its group, and goes on."""

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the next attempt to begin its answer or to end; for at most `for_s`, if given."""

    for_s: float | None


@dataclass(frozen=True, slots=True)
class Began:
    """After `Start`: the attempt is on its way. Attempts are numbered from 0 in this order."""

    now: float


@dataclass(frozen=True, slots=True)
class Denied:
    """After `Start`: nothing was begun, because an allowance has too little left for it."""

    spent: Exhausted


@dataclass(frozen=True, slots=True)
class Answers:
    """News: an attempt has status 200 and the first bytes of its body."""

    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """News: an attempt is over."""

    number: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Late:
    """News: the wait is over, and nothing has happened."""

    now: float


@dataclass(frozen=True, slots=True)
class End:
    """How it ended: with the attempt whose answer the caller gets, or with the failure that it is told.

    `denied` is why a dearer group was not tried, where only that was left to try.
    """

    winner: int | None
    failure: Outcome | None = None
    denied: Exhausted | None = None


Step = Start | Mark | Wait
News = Began | Denied | Answers | Ended | Late | None

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


def failover(plan: Plan, watch: Watch) -> Generator[Step, News, End]:
    """What to try next until an attempt answers or nothing is left.

    After `Start` it is sent `Began` or `Denied`, after `Mark` None, after `Wait` the news. One attempt alone wins
    with the first byte of its answer. Of several the first with a picture wins; an answer without one
    does when no other is left, since it may only be this group that will not draw. A request that the
    upstream finds wrong is not tried elsewhere; one whose signatures it does not take is tried once more
    on the same lane, plain, where it is rewritable: that refusal costs nothing, and no attempt.
    """
    trials = _Trials([each.lane for each in plan.lanes], watch, plan.probes)
    begin = True
    while True:
        if begin and trials.more:
            step = trials.start()
            match (yield step):
                case Began(now):
                    trials.began(step.lane, now)
                case Denied(spent):
                    begin = trials.denied(step.lane, spent)
                    continue
                case _:
                    raise TypeError("Start is answered with Began or Denied")
        if (end := trials.end()) is not None:
            return end
        news = yield Wait(trials.look_s())
        begin = False
        match news:
            case Answers(number):
                trials.running[number].answers = True
            case Ended(number, outcome):
                begin = trials.ended(number, outcome)
            case Late(now):
                trials.now = now
                for number in trials.newly_late():
                    yield Mark(number)
                begin = trials.races()
            case _:
                raise TypeError("Wait is answered with news")


@dataclass(slots=True)
class _Trials:
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
        late = [
            each
            for each in self.running.values()
            if not (each.late or each.answers) and self.now - each.began_at >= self.watch.line_s(each)
        ]
        for each in late:
            each.late = True
        return [each.number for each in late]

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
        newest = max(self.running.values(), key=lambda each: each.number, default=None)
        return None if newest is None or newest.answers else newest

    def _again_plain(self, lane: Lane) -> bool:
        self.counted -= 1
        first, self.plain = not self.plain, True
        if first:
            self.untried.insert(0, lane)
        return first

    def _spare(self, stuck: Running) -> Lane:
        """Where to race: in another group, or here again where the others are ill: then it is one call that hangs."""
        other = min(self.untried, key=lambda lane: lane.group.name == stuck.lane.group.name)
        here = self._ill(other) and stuck.health.standing(self.now) is not Standing.OPEN
        return stuck.lane if here else other

    def _ill(self, lane: Lane) -> bool:
        return self._health(lane).standing(self.now) in (Standing.OPEN, Standing.HALF)

    def _slow(self, lane: Lane) -> bool:
        return self._health(lane).slow

    def _health(self, lane: Lane) -> Health:
        return self.watch.board.of(lane.group, self.watch.ask.model.id)

    def _put_last(self, failed: Lane) -> None:
        """What ails a group ails all its lanes, so the others come first."""
        self.untried.sort(key=lambda lane: lane.group.name == failed.group.name)
