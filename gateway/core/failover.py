"""Which lanes a call may take, and what to do next as news of its attempts comes in.

`make_plan` decides once, before anything is sent. `failover` is a generator: it yields what to do
next and is sent what came of it. Neither knows a clock, a connection or a caller.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

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
    """Begin an attempt on this lane."""

    lane: Lane


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
)


def failover(plan: Plan, patience_s: float) -> Generator[Step, News, Outcome | None]:
    """What to try next until an attempt answers or nothing is left; returns the failure to tell, if all failed.

    After `Start` it is sent None, after `Wait` the news. An attempt without an answer within
    `patience_s` is not given up, since it may be billed all the same: the next lane is started
    beside it and the first to answer wins. A request that the upstream finds wrong is not tried
    elsewhere.
    """
    untried = [each.lane for each in plan.lanes]
    started = running = 0
    told: list[Outcome] = []
    begin = True
    while True:
        if begin and untried and started < MOST_ATTEMPTS:
            lane = untried.pop(0)
            yield Start(lane)
            newest, started, running = lane, started + 1, running + 1
        if not running:
            return min(told, key=lambda outcome: _TELLING.index(outcome.verdict), default=None)
        more = bool(untried) and started < MOST_ATTEMPTS
        news = yield Wait(patience_s if more else None)
        match news:
            case Answers():
                return None
            case Late():
                untried = _other_groups_first(untried, newest)
                begin = True
            case Ended(lane, outcome):
                running -= 1
                told.append(outcome)
                if not outcome.retry:
                    untried = []
                elif outcome.blame is Blame.GROUP:
                    untried = _other_groups_first(untried, lane)
                begin = outcome.retry
            case None:
                raise TypeError("Wait is answered with news")


def _other_groups_first(lanes: list[Lane], failed: Lane) -> list[Lane]:
    """What ails a group ails all its lanes, so the others come first."""
    return sorted(lanes, key=lambda lane: lane.group.name == failed.group.name)
