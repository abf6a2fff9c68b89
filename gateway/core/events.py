"""What a gateway tells whoever watches, of calls and of itself. Facts only; observers decide what to make of them."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.allowance import Exhausted
from gateway.core.books import Charge, Hold
from gateway.core.budgets import Alert
from gateway.core.call import Call
from gateway.core.crew import Ended
from gateway.core.drill import Drill
from gateway.core.groups import Lane
from gateway.core.jobs import Job
from gateway.core.move import Move
from gateway.core.outcome import Outcome
from gateway.core.trail import Action, Door, Lack
from gateway.core.truth import Shortfall
from gateway.core.unsettled import Unsettled
from gateway.core.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class AttemptFinished:
    """`won` says whether its answer went to the caller; `first_byte_s` is None when none came. `drill` stood
    before it: what came of it says nothing of the seller."""

    call: Call
    attempt_id: str
    lane: Lane
    outcome: Outcome
    won: bool
    late: bool
    first_byte_s: float | None
    total_s: float
    body_bytes: int
    drill: Drill | None = None


@dataclass(frozen=True, slots=True)
class AttemptLate:
    """An attempt has passed the suspect line without an answer, and goes on."""

    call: Call
    attempt_id: str
    lane: Lane
    drill: Drill | None = None


@dataclass(frozen=True, slots=True)
class FailoverDenied:
    """An attempt was not begun, because an allowance has too little left for it."""

    call: Call
    lane: Lane
    spent: Exhausted


@dataclass(frozen=True, slots=True)
class CallFinished:
    """The end of a call that was admitted, books and all.

    `status` is what the caller was sent, 499 when it had left before; `code` is "ok" or that of the
    error it was told, which after the head has been sent comes with status 200. `charge` is what the
    caller's key owes, None when nothing. `delivered` says whether the caller was there for the last byte,
    `shortfall` how the picture is not what was asked for, `drills` which of them touched it.
    """

    call: Call
    status: int
    code: str
    outcome: Outcome | None
    charge: Charge | None
    attempts: int
    delivered: bool
    shortfall: Shortfall | None
    total_s: float
    drills: tuple[Drill, ...] = ()


@dataclass(frozen=True, slots=True)
class CallReplayed:
    """The end of a call that had the answer of another, which it `answers`, and cost nothing.

    `joined`: that was still being drawn here; else it was kept. The others as in `CallFinished`.
    """

    call: Call
    answers: str
    joined: bool
    status: int
    code: str
    delivered: bool
    total_s: float


@dataclass(frozen=True, slots=True)
class AnswerDropped:
    """An answer that its caller left was charged and could not be kept: whoever comes back pays again.

    `why`: its bytes were lost on the way, for want of room; there was no room to keep them; or that failed.
    """

    call: Call
    why: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job is over, and its answer is there for its caller."""

    job: Job


@dataclass(frozen=True, slots=True)
class WebhookTried:
    """Whoever wants to hear that a job is over was told, or was to be; the last delivery says what came of it."""

    job: Job
    webhook: Webhook


@dataclass(frozen=True, slots=True)
class OperatorCharged:
    """An attempt whose answer no caller got: `why` is race_loss, truncated, fruitless or unsettled."""

    call: Call
    charge: Charge
    why: str


@dataclass(frozen=True, slots=True)
class CallRefused:
    """A request that was not admitted: no key, no such model, no budget, a body that makes no sense.

    `call` is what it was understood as, None where it did not come to that.
    """

    request_id: str
    dialect: str
    operation: str
    status: int
    code: str
    total_s: float
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class CredentialRefused:
    """A lane's own key was refused by the upstream: an operator must look at it."""

    lane: Lane
    status: int | None


@dataclass(frozen=True, slots=True)
class StoreLost:
    """The books could not be reached; what was being done is tried again."""

    doing: str
    reason: str


@dataclass(frozen=True, slots=True)
class JournalAdopted:
    """A process that is gone had left a journal, and everything in it was made.

    So many writes were `owed`, so many to be made `in_case` that it died, so many `told` once more; so many
    entries were `damaged` and could not be read.
    """

    owed: int
    in_case: int
    told: int
    damaged: int


@dataclass(frozen=True, slots=True)
class StoreRolledBack:
    """The store had lost what it had taken, as when a replica takes over, and was `told` so many writes again."""

    told: int


@dataclass(frozen=True, slots=True)
class CallUnbacked:
    """A call goes on though the store is away and nothing could be set aside for it; what it costs is written later."""

    call: Call


@dataclass(frozen=True, slots=True)
class BudgetPassed:
    """Of a budget of a team or its key more is spent than the share at which somebody is to be told."""

    team: str
    key_id: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class CallUnsettled:
    """Nobody has ended a call in time. It holds its money on, or is `given_up`: then the operator has paid."""

    hold: Hold
    given_up: bool


@dataclass(frozen=True, slots=True)
class AttemptPresumed:
    """Nobody has found out in time whether an attempt was billed: the operator has paid what it may have cost."""

    attempt: Unsettled


@dataclass(frozen=True, slots=True)
class RowsArchived:
    """Rows of a ledger, a team's or the `operator`'s, are in a file and no longer in the store: from one to another."""

    whose: str
    rows: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class LedgersMeasured:
    """So many rows all ledgers have in the store together. Comes every ten minutes."""

    rows: int


@dataclass(frozen=True, slots=True)
class GroupMoved:
    """What this gateway believes of a group for a model has moved, by what it and the others saw."""

    group: str
    model: str
    move: Move


@dataclass(frozen=True, slots=True)
class EvidenceShared:
    """What was seen of a group and model was told to the other replicas, and theirs was heard. Comes every second."""

    took_s: float


@dataclass(frozen=True, slots=True)
class DrillBegan:
    """From now on a drill touches calls of this gateway."""

    drill: Drill


@dataclass(frozen=True, slots=True)
class DrillEnded:
    """A drill touches calls no more, by itself or because somebody `stopped` it; it touched so many `calls` here."""

    drill: Drill
    stopped: bool
    calls: int


@dataclass(frozen=True, slots=True)
class WorkerReplaced:
    """This worker has come up in the place of the one that had its number before, which had ended so."""

    number: int
    ended: Ended


@dataclass(frozen=True, slots=True)
class AdminActed:
    """Somebody has changed something, and the trail has its row: `who` through which door, what, and of what."""

    who: str
    door: Door
    action: Action
    subject: str


@dataclass(frozen=True, slots=True)
class AdminRefused:
    """Somebody may not administer. `address` is where the request came from, None: that is not known."""

    lack: Lack
    address: str | None


Event = (
    AttemptFinished
    | AttemptLate
    | FailoverDenied
    | CallFinished
    | CallReplayed
    | AnswerDropped
    | JobEnded
    | WebhookTried
    | OperatorCharged
    | CallRefused
    | CredentialRefused
    | StoreLost
    | JournalAdopted
    | CallUnsettled
    | AttemptPresumed
    | CallUnbacked
    | BudgetPassed
    | StoreRolledBack
    | RowsArchived
    | LedgersMeasured
    | GroupMoved
    | EvidenceShared
    | DrillBegan
    | DrillEnded
    | WorkerReplaced
    | AdminActed
    | AdminRefused
)


# Takes note of an event; must not block and must not raise.
Observer = Callable[[Event], None]
