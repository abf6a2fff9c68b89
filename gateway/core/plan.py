"""Which lanes a call may take, and in which order. Decided once, before anything is sent."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.board import HealthBoard
from gateway.core.call import Ask
from gateway.core.groups import Group, Lane
from gateway.core.health import Standing, Turn
from gateway.core.keys import Key
from gateway.core.prices import quote

# How late a size asks whether a group is well again: the smaller ones cost less to lose.
_RANKS = {"2K": 1, "4K": 2}


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
    """The lanes worth trying, in order. `probes`: the first of them is asked whether its group is well again.

    The ceiling is the dearest: what a hold must cover.
    """

    lanes: tuple[Quoted, ...]
    probes: bool = False

    @property
    def ceiling_nanos(self) -> int:
        return max((each.nanos for each in self.lanes), default=0)


def make_plan(ask: Ask, key: Key, views: Iterable[LaneView], board: HealthBoard, now: float) -> Plan:
    """The lanes a call may take: those its key allows and whose billing sells the model.

    Groups keep the order they are configured in, unless health puts one behind; within a group the
    cheaper lane for this ask goes first, then the one with less in flight. Lanes whose credential is
    refused come last of all. Health takes note of a call that goes first where not every call may.
    """
    offers: dict[str, list[tuple[bool, int, int, Quoted]]] = {}
    for view in views:
        nanos = quote(ask, view.lane)
        if nanos is not None and key.allows_group(view.lane.group):
            row = (not view.usable, nanos, view.in_flight, Quoted(view.lane, nanos))
            offers.setdefault(view.lane.group.name, []).append(row)
    usable = [rows[0][3].lane.group for rows in offers.values() if not all(row[0] for row in rows)]
    turns = _turns(usable, ask, board, now)
    rows = [
        ((row[0], turns.get(group) is Turn.BEHIND, place, row[1], row[2]), row[3])
        for place, (group, lanes) in enumerate(offers.items())
        for row in lanes
    ]
    rows.sort(key=lambda row: row[0])
    lanes = tuple(quoted for _, quoted in rows)
    return Plan(lanes, probes=bool(lanes) and turns.get(lanes[0].lane.group.name) is Turn.PROBE)


def ways(ask: Ask, key: Key, views: Iterable[LaneView], board: HealthBoard, now: float) -> dict[str, bool]:
    """The groups a call may go to, by name, and whether nothing speaks against each. Takes note of nothing."""
    found: dict[str, bool] = {}
    for view in views:
        group = view.lane.group
        if quote(ask, view.lane) is not None and key.allows_group(group):
            well = view.usable and board.of(group, ask.model.id).standing(now) is Standing.CLOSED
            found[group.name] = found.get(group.name, False) or well
    return found


def _turns(groups: list[Group], ask: Ask, board: HealthBoard, now: float) -> dict[str, Turn]:
    """What the call may do with each group, by its name. Where there is no other, there is nothing to be put behind."""
    if len(groups) < 2:
        return {}
    turns: dict[str, Turn] = {}
    for group in groups:
        health = board.of(group, ask.model.id)
        if all(turn is Turn.BEHIND for turn in turns.values()):
            turns[group.name] = health.turn(now, _RANKS.get(ask.size, 0))
        else:
            turns[group.name] = Turn.BEHIND if health.standing(now) is Standing.OPEN else Turn.FIRST
    return turns
