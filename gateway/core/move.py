"""A group's health has moved: from where to where, why, and by which evidence."""

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    CLOSED = "closed"  # well: traffic flows
    SUSPECT = "suspect"  # traffic flows, and what is late is raced
    OPEN = "open"  # the others go first
    HALF = "half"  # single calls ask whether it is well again
    RAMP = "ramp"  # it is: a growing share of the traffic comes back


class Why(StrEnum):
    SUSPICIOUS = "suspicious"  # more is late, or fails, than is usual
    CALM = "calm"  # no longer
    FAILING = "failing"  # more than half is late, or fails
    STALLED = "stalled"  # next to nothing comes of what is due
    RESTED = "rested"  # it was left alone for long enough to ask
    NO_BETTER = "no_better"  # whoever asked was late, or was refused
    ANSWERED = "answered"  # enough of those that asked had their picture in time
    ILL_AGAIN = "ill_again"  # on the way back
    BACK = "back"  # all of its traffic


@dataclass(frozen=True, slots=True)
class Move:
    """`suspicion` and `case` are the sums of evidence as they were; `late` counts attempts of the last minute or so
    that passed the line, and `finished` those of them that came all the same.
    """

    at: float
    was: Standing
    to: Standing
    why: Why
    suspicion: float
    case: float
    late: float
    finished: float
