"""What the policy of a call says, and what it is told: the words between `core.failover` and whoever acts for it."""

from typing import NamedTuple

from gateway.core.allowance import Exhausted
from gateway.core.groups import Lane
from gateway.core.outcome import Outcome


class Start(NamedTuple):
    """Begin an attempt on this lane. `plain`: with earlier answers put as the user's, who signs nothing.

    `beside` are the lanes of those that run already: of all of them one wins, and each may be billed.
    """

    lane: Lane
    plain: bool = False
    beside: tuple[Lane, ...] = ()


class Mark(NamedTuple):
    """This attempt has passed the line: it is evidence against its group, and goes on."""

    number: int


class Wait(NamedTuple):
    """Wait for the next attempt to begin its answer or to end; for at most `for_s`, if given."""

    for_s: float | None


class Began(NamedTuple):
    """After `Start`: the attempt is on its way. Attempts are numbered from 0 in this order."""

    now: float


class Denied(NamedTuple):
    """After `Start`: nothing was begun, because an allowance has too little left for it."""

    spent: Exhausted


class Answers(NamedTuple):
    """News: an attempt has status 200 and the first bytes of its body."""

    number: int


class Ended(NamedTuple):
    """News: an attempt is over."""

    number: int
    outcome: Outcome


class Late(NamedTuple):
    """News: the wait is over, and nothing has happened."""

    now: float


class End(NamedTuple):
    """How it ended: with the attempt whose answer the caller gets, or with the failure that it is told.

    `denied` is why a dearer group was not tried, where only that was left to try.
    """

    winner: int | None
    failure: Outcome | None = None
    denied: Exhausted | None = None


Step = Start | Mark | Wait
News = Began | Denied | Answers | Ended | Late | None
