"""The nouns of the books: what was set aside, what is owed, and what an account holds.

A Hold is made before anything is sent and ends exactly once, settled with its charges or released.
How that is kept true lives in the ledger; here are only the records.
"""

from dataclasses import dataclass, field

from gateway.core.budgets import Alert
from gateway.core.outcome import Verdict
from gateway.core.prices import Basis
from gateway.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Hold:
    """Money set aside for a call, in nano-dollars.

    `capped`: its team has caps on what it pays for dearer groups. `since` says in which day and month it counts:
    the seconds in which they begin, "86400 0"; empty: it is not known. `left_nanos` is what the budgets of its
    key and team have left beside it; None: they have none, or it is not known. `alerts` are shares of budgets
    that were passed since the call before. `backed`: the store has it, for all that is known.
    """

    call_id: str
    team: str
    key_id: str
    nanos: int
    capped: bool = False
    since: str = ""
    left_nanos: int | None = field(default=None, compare=False)  # of the moment, and not of the hold
    alerts: tuple[Alert, ...] = field(default=(), compare=False)
    backed: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Charge:
    """What one reply costs and what it was for, at the multiplier of the group that gave it.

    `attempt_id` names the attempt, as it was named to the upstream. `pictures` counts the finished
    pictures of the reply; `verdict` says what came of it. `saved_nanos` is what a lane of its group that is
    billed otherwise would have cost more. `route` is that of its call, `list_nanos` what
    the provider's own list asks for the reply; None: that is not known.
    """

    attempt_id: str
    nanos: int
    basis: Basis
    usage: Usage | None
    model: str
    size: str
    group: str
    lane: str
    pictures: int
    verdict: Verdict
    saved_nanos: int = 0
    route: str = ""
    list_nanos: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """An account at one moment, in nano-dollars; `budget_nanos` None means no limit."""

    spent_nanos: int
    held_nanos: int
    budget_nanos: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """What a team or a key spent in all, in the present day and in the present month, and how many of its calls run."""

    total: Balance
    day: Balance
    month: Balance
    running: int
