"""Which lanes a call may take, and in which order. Decided once, before anything is sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from gateway.core.board import HealthBoard
from gateway.core.call import Ask
from gateway.core.groups import Group, Lane
from gateway.core.health import Health, Turn
from gateway.core.keys import Key, Mode
from gateway.core.move import Standing
from gateway.core.prices import expected, quote

# How late a size asks whether a group is well again: the smaller ones cost less to lose.
_RANKS = {"2K": 1, "4K": 2}


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as it stands now: `usable` is False while its credential is refused, or its address cannot be reached."""

    lane: Lane
    usable: bool


class Quoted(NamedTuple):
    """A lane worth trying, and the most the call may cost on it, in nano-dollars."""

    lane: Lane
    nanos: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The lanes worth trying, in order. `probes`: the first of them is asked whether its group is well again.

    Where the groups that the call may use have stopped, and one that is dearer than it may use has not, there
    are none, and it is worth asking again in `again_s` seconds. The ceiling is the dearest: what a hold must cover.
    """

    lanes: tuple[Quoted, ...]
    probes: bool = False
    again_s: float | None = None

    @property
    def ceiling_nanos(self) -> int:
        return max((each.nanos for each in self.lanes), default=0)


class _Offer(NamedTuple):
    """A lane that sells the model."""

    quoted: Quoted
    usable: bool


def make_plan(ask: Ask, key: Key, views: Sequence[LaneView], board: HealthBoard, now: float) -> Plan:
    """The lanes a call may take: those its key allows and whose billing sells the model.

    Groups keep the order they are configured in, unless health puts one behind; so do the lanes of a
    group, unless one that is billed otherwise is the cheaper for this ask. Lanes that cannot be used at
    the moment come last of all. Health takes note of a call that goes first where not every call may.
    A key that wants no failover has the lanes of the first group alone, however that stands.
    """
    offers = _offers(ask, key, views)
    if key.limits.failover is Mode.OFF:
        offers = dict(islice(offers.items(), 1))
    healths = {group: board.health((group, ask.model.id)) for group, lanes in offers.items() if _any_usable(lanes)}
    turns = _turns(healths, ask, now, patient=key.limits.failover is Mode.HANG_ONLY)
    if key.limits.thrifty and _stopped(healths, now) and _others_serve(ask, key, views, board, now):
        turns = turns or {group: health.turn(now, _rank(ask)) for group, health in healths.items()}
        if all(turn is Turn.BEHIND for turn in turns.values()):
            return Plan((), again_s=min(health.again_s(now) for health in healths.values()))
    placed: list[tuple[bool, bool, int, int, int, Quoted]] = []
    for place, (group, lanes) in enumerate(offers.items()):
        behind = turns.get(group) is Turn.BEHIND
        for each, usual_nanos in zip(lanes, _usual_nanos(ask, lanes, board), strict=True):
            placed.append((not each.usable, behind, place, usual_nanos, len(placed), each.quoted))
    placed.sort()
    quoted = tuple([each[-1] for each in placed])
    return Plan(quoted, probes=bool(quoted) and turns.get(quoted[0].lane.group.name) is Turn.PROBE)


def _offers(ask: Ask, key: Key, views: Iterable[LaneView]) -> dict[str, list[_Offer]]:
    """By the names of their groups."""
    offers: dict[str, list[_Offer]] = {}
    for view in views:
        lane = view.lane
        if key.allows_group(lane.group) and (nanos := quote(ask, lane)) is not None:
            offers.setdefault(lane.group.name, []).append(_Offer(Quoted(lane, nanos), view.usable))
    return offers


def _any_usable(lanes: Iterable[_Offer]) -> bool:
    return any(each.usable for each in lanes)


def _stopped(healths: Mapping[str, Health], now: float) -> bool:
    """Whether all of them, and there are any, bring nothing at present: what is only slow does."""
    return bool(healths) and all(not each.slow and each.left(now) for each in healths.values())


def _others_serve(ask: Ask, key: Key, views: Iterable[LaneView], board: HealthBoard, now: float) -> bool:
    """Whether a group that the key may not use would take the call."""
    return any(
        each.usable
        and not key.allows_group(each.lane.group)
        and quote(ask, each.lane) is not None
        and not board.of(each.lane.group, ask.model.id).left(now)
        for each in views
    )


def _rank(ask: Ask) -> int:
    return _RANKS.get(ask.size, 0)


def _usual_nanos(ask: Ask, lanes: Sequence[_Offer], board: HealthBoard) -> list[int]:
    """What the call will probably cost on each lane of a group; where there is but one, nothing is to be compared."""
    if len(lanes) == 1:
        return [0]
    output_tokens = board.consumption.output_tokens(ask)
    return [expected(ask, each.quoted.lane, output_tokens) or 0 for each in lanes]


def ways(ask: Ask, key: Key, views: Iterable[LaneView], board: HealthBoard, now: float) -> dict[str, bool]:
    """The groups a call may go to, by name, and whether nothing speaks against each. Takes note of nothing."""
    return {
        name: _any_usable(lanes) and board.of(lanes[0].quoted.lane.group, ask.model.id).standing(now) is Standing.CLOSED
        for name, lanes in _offers(ask, key, views).items()
    }


class Bounds(NamedTuple):
    """What one picture costs in a group: about, and at most, in nano-dollars."""

    group: Group
    expected_nanos: int
    most_nanos: int


def bounds(ask: Ask, key: Key, views: Iterable[LaneView], board: HealthBoard) -> list[Bounds]:
    """What a call costs in each group that it may go to, in their order, by the lane that it would take there."""
    tokens = board.consumption.output_tokens(ask)
    found = []
    for lanes in _offers(ask, key, views).values():
        priced = [(expected(ask, each.quoted.lane, tokens) or 0, each.quoted.nanos) for each in lanes]
        found.append(Bounds(lanes[0].quoted.lane.group, *min(priced)))
    return found[:1] if key.limits.failover is Mode.OFF else found


def _turns(healths: Mapping[str, Health], ask: Ask, now: float, *, patient: bool) -> dict[str, Turn]:
    """What the call may do with each group, by its name. Where there is no other, there is nothing to be put behind.

    A patient call goes first to a group that is only slow, whatever its standing: that is no evidence asked for.
    """
    if len(healths) < 2:
        return {}
    turns: dict[str, Turn] = {}
    behind = True  # all that were looked at so far
    for name, health in healths.items():
        if patient and health.slow:
            turn = Turn.FIRST
        elif behind:
            turn = health.turn(now, _rank(ask))
        else:
            turn = Turn.BEHIND if health.standing(now) is Standing.OPEN else Turn.FIRST
        turns[name] = turn
        behind = behind and turn is Turn.BEHIND
    return turns
