"""What may have been billed and what may not: attempts and calls of which nobody knows. Here are only the records."""

from dataclasses import dataclass
from enum import StrEnum


class Resolved(StrEnum):
    """What came of an attempt of which nobody knew."""

    BILLED = "billed"
    UNBILLED = "unbilled"


class Reason(StrEnum):
    """How that was found out."""

    PRESUMED = "presumed"  # it was not: nobody knew for so long that it counts as billed
    LOG = "log"  # from the seller's log
    HAND = "hand"  # somebody said so


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An attempt of which nobody knows whether the upstream billed it; its nanos are on the operator's account as held.

    Times are seconds since 1970: `at` is when that was noted, `began` when it was sent, None where that is not known.
    `exact`: if it was billed, then with just these nanos.
    """

    attempt_id: str
    call_id: str
    team: str
    model: str
    size: str
    group: str
    lane: str
    nanos: int
    exact: bool
    at: float
    began: float | None


@dataclass(frozen=True, slots=True)
class UnsettledCall:
    """A call that nobody has ended in time. It holds `nanos` of its key until `until`; then the operator has paid."""

    call_id: str
    team: str
    key_id: str
    nanos: int
    until: float


@dataclass(frozen=True, slots=True)
class AllUnsettled:
    """What nobody knows at a moment. `earlier_nanos` are held for attempts that an earlier release has noted."""

    attempts: tuple[Unsettled, ...]
    calls: tuple[UnsettledCall, ...]
    earlier_nanos: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """How an attempt stands that is not unsettled any more, and why."""

    resolved: Resolved
    nanos: int
    why: str
