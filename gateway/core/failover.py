"""Which lanes a call may take, and what to do next as news of its attempts comes in.

`make_plan` decides once, before anything is sent. `failover` is a generator: it yields what to do
next and is sent what came of it. Neither knows a clock, a connection or a caller.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

from gateway.core.call import Ask
from gateway.core.groups import Lane
from gateway.core.health import HealthBoard, Standing
from gateway.core.keys import Key
from gateway.core.outcome import Blame, Outcome, Verdict
from gateway.core.prices import quote

MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as it stands now: `usable` is False while its credential is known to be refused."""

    lane: Lane
    in_flight: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Quoted:
    """A lane worth trying, and the most the call may cost on it, in nano-dollars."""

    lane: Lane
    nanos: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The lanes worth trying, in order. The ceiling is the dearest: what a hold must cover."""

    lanes: tuple[Quoted, ...]

    @property
    def ceiling_nanos(self) -> int:
        return max((each.nanos for each in self.lanes), default=0)


def make_plan(ask: Ask, key: Key, views: Iterable[LaneView], board: HealthBoard, now: float) -> Plan:
    """The lanes a call may take: those its key allows and whose billing sells the model.

    Groups keep the order they are configured in, unless health puts one behind; within a group the
    cheaper lane for this ask goes first, then the one with less in flight.
    """
    rows = []
    groups: dict[str, int] = {}
    for view in views:
        group = view.lane.group
        place = groups.setdefault(group.name, len(groups))
        nanos = quote(ask, view.lane)
        if nanos is None or not key.allows_group(group):
            continue
        behind = board.of(group, ask.model.id).standing(now) is Standing.OPEN
        rows.append(((not view.usable, behind, place, nanos, view.in_flight), Quoted(view.lane, nanos)))
    rows.sort(key=lambda row: row[0])
    return Plan(tuple(quoted for _, quoted in rows))


def claim_probe(plan: Plan, ask: Ask, board: HealthBoard, now: float, lasts_s: float) -> None:
    """When the plan begins with a group that may be well again, this call is the one that asks."""
    if not plan.lanes:
        return
    health = board.of(plan.lanes[0].lane.group, ask.model.id)
    if health.standing(now) is Standing.HALF:
        health.take_probe(now, lasts_s)


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt on this lane. `plain`: with earlier answers put as the user's, who signs nothing."""

    lane: Lane
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the next attempt to begin its answer or to end; for at most `patience_s`, if given."""

    patience_s: float | None


@dataclass(frozen=True, slots=True)
class Answers:
    """News: an attempt has status 200 and the first bytes of its body. It wins."""


@dataclass(frozen=True, slots=True)
class Ended:
    """News: an attempt ended without an answer."""

    lane: Lane
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Late:
    """News: patience ran out and nothing has answered."""


Step = Start | Wait
News = Answers | Ended | Late | None

# Of several failures the caller is told the one that helps most: what is wrong with the request
# itself, then what may have cost money, then what passes by itself.
_TELLING = (
    Verdict.REJECTED,
    Verdict.SILENT,
    Verdict.LOST,
    Verdict.BUSY,
    Verdict.FAILED,
    Verdict.UNREACHABLE,
    Verdict.CREDENTIAL,
    Verdict.UNSIGNED,
)


def failover(plan: Plan, patience_s: float, *, rewritable: bool) -> Generator[Step, News, Outcome | None]:
    """What to try next until an attempt answers or nothing is left; returns the failure to tell, if all failed.

    After `Start` it is sent None, after `Wait` the news. An attempt without an answer within
    `patience_s` is not given up, since it may be billed all the same: the next lane is started
    beside it and the first to answer wins. A request that the upstream finds wrong is not tried
    elsewhere; one whose signatures it does not take is tried once more on the same lane, plain, where
    it is `rewritable`: that refusal costs nothing, and no attempt.
    """
    trials = _Trials([each.lane for each in plan.lanes], rewritable)
    begin = True
    while True:
        if begin and trials.more:
            yield trials.start()
        if not trials.running:
            return min(trials.told, key=lambda outcome: _TELLING.index(outcome.verdict), default=None)
        news = yield Wait(patience_s if trials.more else None)
        match news:
            case Answers():
                return None
            case Late():
                begin = trials.late()
            case Ended(lane, outcome):
                begin = trials.ended(lane, outcome)
            case None:
                raise TypeError("Wait is answered with news")


@dataclass(slots=True)
class _Trials:
    """What was tried, what is left, and in which order. What happens is told, and answered with whether to go on."""

    untried: list[Lane]
    rewritable: bool
    newest: Lane | None = None
    started: int = 0
    running: int = 0
    plain: bool = False
    told: list[Outcome] = field(default_factory=list)

    @property
    def more(self) -> bool:
        return bool(self.untried) and self.started < MOST_ATTEMPTS

    def start(self) -> Start:
        self.newest = self.untried.pop(0)
        self.started += 1
        self.running += 1
        return Start(self.newest, self.plain)

    def late(self) -> bool:
        self._put_last(self.newest)
        return True

    def ended(self, lane: Lane, outcome: Outcome) -> bool:
        self.running -= 1
        self.told.append(outcome)
        if outcome.verdict is Verdict.UNSIGNED and self.rewritable:
            return self._again_plain(lane)
        if not outcome.retry:
            self.untried = []
        elif outcome.blame is Blame.GROUP:
            self._put_last(lane)
        return outcome.retry

    def _again_plain(self, lane: Lane) -> bool:
        self.started -= 1
        first, self.plain = not self.plain, True
        if first:
            self.untried.insert(0, lane)
        return first

    def _put_last(self, failed: Lane | None) -> None:
        """What ails a group ails all its lanes, so the others come first."""
        if failed is not None:
            self.untried.sort(key=lambda lane: lane.group.name == failed.group.name)
