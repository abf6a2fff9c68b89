"""One event of every kind, full of words that must not come out again."""

from dataclasses import replace

from gateway.core.allowance import Exhausted, Owner, Purpose, Window
from gateway.core.books import Charge, Hold
from gateway.core.budgets import Alert, Period
from gateway.core.call import Call
from gateway.core.crew import Ended
from gateway.core.drill import Ailment, Drill, OneKey
from gateway.core.events import (
    AdminActed,
    AdminRefused,
    AnswerDropped,
    AttemptFinished,
    AttemptLate,
    AttemptPresumed,
    BudgetPassed,
    CallFinished,
    CallRefused,
    CallReplayed,
    CallUnbacked,
    CallUnsettled,
    CredentialRefused,
    DrillBegan,
    DrillEnded,
    Event,
    EvidenceShared,
    FailoverDenied,
    GroupMoved,
    JobEnded,
    JournalAdopted,
    LedgersMeasured,
    OperatorCharged,
    RowsArchived,
    StoreLost,
    StoreRolledBack,
    WebhookTried,
    WorkerReplaced,
)
from gateway.core.jobs import Job, State
from gateway.core.move import Move, Standing, Why
from gateway.core.outcome import Verdict, outcome
from gateway.core.prices import Basis
from gateway.core.trail import Action, Door, Lack
from gateway.core.unsettled import Unsettled
from gateway.core.usage import Usage
from gateway.core.webhooks import Delivery, Webhook
from tests import facts

# What an upstream, a caller and a key hold, and neither a metric nor a line may show.
PROMPT = "a lighthouse"
SAID = "said by the upstream"
KEY_NAME, HINT = "name-of-the-key", "hint"

# What an operator says of a drill, who administers, and where somebody guesses keys: for the log alone.
NOTE = "before the launch"
ADMIN, ADDRESS = "ana", "10.0.0.7"


def call() -> Call:
    made = facts.call(facts.ask(size="4K"))
    return replace(made, key=replace(made.key, name=KEY_NAME, hint=HINT))


def charge(nanos: int = 55_000_000, *, usage: Usage | None = None) -> Charge:
    lane = facts.lane()
    return Charge(
        attempt_id="call_1-1",
        nanos=nanos,
        basis=Basis.CALL if usage is None else Basis.TOKENS,
        usage=usage,
        model="flash",
        size="4K",
        group=lane.group.name,
        lane=lane.name,
        pictures=1,
        verdict=Verdict.PICTURE,
    )


def attempt(
    verdict: Verdict = Verdict.BUSY, *, won: bool = False, first_byte_s: float | None = None
) -> AttemptFinished:
    return AttemptFinished(
        call=call(),
        attempt_id="call_1-1",
        lane=facts.lane(),
        outcome=outcome(verdict, status=503, message=SAID),
        won=won,
        late=False,
        first_byte_s=first_byte_s,
        total_s=2.0004,
        body_bytes=1000,
    )


def finished(charged: Charge | None = None) -> CallFinished:
    picture = outcome(Verdict.PICTURE, status=200, message=SAID)
    return CallFinished(
        call=call(),
        status=200,
        code="ok",
        outcome=picture,
        charge=charged,
        attempts=2,
        delivered=True,
        shortfall=None,
        total_s=12.3456,
    )


DRILL = Drill(
    "drill_1",
    "Default",
    Ailment.HANG,
    OneKey("key_1"),
    0.0,
    begins_at=1_790_000_000.0,
    ends_at=1_790_000_600.0,
    note=NOTE,
)

REFUSED = CallRefused(
    request_id="req_1", dialect="chat", operation="complete", status=401, code="invalid_api_key", total_s=0.0123
)

REPLAYED = CallReplayed(
    call=call(), answers="call_0", joined=True, status=200, code="ok", delivered=True, total_s=2.3456
)

JOB = Job(
    "job_1",
    "acme",
    "key_1",
    State.SUCCEEDED,
    "images.edit",
    "flash",
    "print",
    1,
    made_at=1_790_000_000.0,
    ended_at=1_790_000_012.3456,
    call_id="call_1",
    status=200,
    code="ok",
    tries=2,
)

UNSETTLED = Unsettled(
    "call_1-1",
    "call_1",
    "acme",
    model="flash",
    size="4K",
    group="Default",
    lane="default",
    nanos=55_000_000,
    exact=True,
    at=1_790_000_000.0,
    began=None,
)

MOVE = Move(9.0, Standing.SUSPECT, Standing.OPEN, Why.FAILING, suspicion=7.41, case=5.9, late=6.2, finished=0.0)

REFUSED_DELIVERY = Delivery(1_790_000_013.0, 250, 503, after_s=90)

EVENTS: dict[type[Event], Event] = {
    AttemptFinished: attempt(),
    AttemptLate: AttemptLate(call(), "call_1-1", facts.lane()),
    CallFinished: finished(charge()),
    CallReplayed: REPLAYED,
    JobEnded: JobEnded(JOB),
    WebhookTried: WebhookTried(JOB, Webhook("https://hooks.example.org/x").after(REFUSED_DELIVERY)),
    AnswerDropped: AnswerDropped(call(), "full", size_bytes=20_000_000),
    FailoverDenied: FailoverDenied(
        call(), facts.lane(facts.ENTERPRISE), Exhausted(Purpose.PREMIUM, Owner.TEAM, Window.HOUR, 1200)
    ),
    GroupMoved: GroupMoved("Default", "flash", MOVE),
    OperatorCharged: OperatorCharged(call(), charge(), "race_loss"),
    CallRefused: REFUSED,
    CredentialRefused: CredentialRefused(facts.lane(), 401),
    CallUnbacked: CallUnbacked(call()),
    BudgetPassed: BudgetPassed("acme", "key_1", Alert("team", Period.MONTH, 80)),
    CallUnsettled: CallUnsettled(Hold("call_9", "acme", "key_1", 126_000_000), given_up=False),
    AttemptPresumed: AttemptPresumed(UNSETTLED),
    StoreRolledBack: StoreRolledBack(told=40),
    RowsArchived: RowsArchived("acme", rows=40, first="1790000000000-0", last="1790000009000-1"),
    LedgersMeasured: LedgersMeasured(rows=1200),
    JournalAdopted: JournalAdopted(owed=2, in_case=3, told=40, damaged=1),
    StoreLost: StoreLost("settle", "the books cannot be reached"),
    EvidenceShared: EvidenceShared(0.0007),
    DrillBegan: DrillBegan(DRILL),
    DrillEnded: DrillEnded(DRILL, stopped=True, calls=3),
    WorkerReplaced: WorkerReplaced(2, Ended(4711, -9)),
    AdminActed: AdminActed(ADMIN, Door.API, Action.KEY_REVOKED, "key_1"),
    AdminRefused: AdminRefused(Lack.WRONG_KEY, ADDRESS),
}
