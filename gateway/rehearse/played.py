"""What came of a rehearsal, or of the same incident with real processes: every call, move of health, and bill."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.call import Ask
from gateway.core.move import Standing


@dataclass(slots=True)
class Told:
    """What became of one call."""

    arrived_at: float
    ask: Ask
    replica: int = 0
    first: str = ""  # the group that was tried first
    done_at: float | None = None  # when the caller had its picture
    ended_at: float | None = None  # when it was told how it ended
    won_by: str = ""
    attempts: int = 0
    billed: tuple[str, ...] = ()  # the groups of the attempts that the seller bills
    denied: bool = False  # an allowance had too little left


@dataclass(frozen=True, slots=True)
class Shift:
    """What a replica believes of a group moved."""

    now: float
    group: str
    standing: Standing
    replica: int = 0


class Bill(NamedTuple):
    """That the seller billed an attempt, which was sent before. `extra_nanos`: for a group dearer than the cheapest."""

    at: float
    group: str
    sent_at: float
    extra_nanos: int


@dataclass(slots=True, eq=False)
class Played:
    """What came of it, whoever played: every call, every move of health, and what was billed when.

    `usual` is the group that goes first while all is well; so many `gateways` served the calls.
    """

    usual: str
    gateways: int = 1
    told: list[Told] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
