"""A call as the rows of a ledger tell it: how it stands, what it cost, and what became of each attempt. Pure.

Rows of earlier releases tell less: of their attempts that alone which was charged, and no route.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.core.course import Charged, Finished, Sent, steps_of
from gateway.core.outcome import Billed, Verdict

Row = Mapping[str, str]


class State(StrEnum):
    """How a call stands."""

    OPEN = "open"
    UNSETTLED = "unsettled"  # nobody has ended it in time
    SETTLED = "settled"
    VOIDED = "voided"


class Payer(StrEnum):
    """Whose account an attempt is on."""

    KEY = "key"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """`verdict` None: it was still on its way when its call ended. `why` is what it is on the operator's account for.

    `nanos` is what it cost or, where `billed` is "maybe", may cost; None as long as that is not known at all.
    """

    id: str
    group: str
    lane: str
    verdict: Verdict | None
    status: int | None
    took_ms: int | None
    nanos: int | None
    billed: Billed | None
    payer: Payer | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class PastCall:
    """`at` is when money was set aside for it, in seconds since 1970, `held_nanos` how much that was.

    `took_ms` is how long it went on from there. `why` is the reason that nothing was charged; `left`: its caller had
    gone before the end. `list_nanos` is as in `Charge`. Texts that no row tells are empty.
    """

    id: str
    at: float
    team: str
    key_id: str
    state: State
    held_nanos: int
    spent_nanos: int = 0
    route: str = ""
    model: str = ""
    size: str = ""
    group: str = ""
    pictures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    took_ms: int | None = None
    list_nanos: int | None = None
    why: str = ""
    left: bool = False
    attempts: tuple[PastAttempt, ...] = ()


# What came of an attempt by a fault of its lane; its operator must look at it.
_OPERATORS = (Verdict.CREDENTIAL, Verdict.UNREACHABLE)

_STATES = {"settle": State.SETTLED, "void": State.VOIDED, "unsettled": State.UNSETTLED}


def begins(row: Row) -> bool:
    """Whether a row begins a call."""
    return row["do"] == "reserve"


def ends(row: Row) -> bool:
    """Whether a row tells how a call stands that another has begun."""
    return row["do"] in _STATES


def ended_as(row: Row) -> State:
    return _STATES[row["do"]]


def past_call(team: str, name: str, begun: Row, end: tuple[str, Row] | None) -> PastCall:
    """The call that a row of this name has begun; `end` is the last row about it, None: it goes on."""
    call = PastCall(begun["call"], ms_of(name) / 1000, team, begun["key"], State.OPEN, int(begun["held"]))
    if end is None:
        return call
    end_name, row = end
    state = ended_as(row)
    if state is State.UNSETTLED:
        return replace(call, state=state)
    return replace(
        call,
        state=state,
        spent_nanos=int(row["spent"]),
        route=row.get("route", ""),
        model=row.get("model", ""),
        size=row.get("size", ""),
        group=row.get("group", ""),
        pictures=int(row.get("pictures", 0)),
        input_tokens=int(row.get("input", 0)),
        output_tokens=int(row.get("output", 0)),
        took_ms=ms_of(end_name) - ms_of(name),
        list_nanos=int(row["list"]) if "list" in row else None,
        why=row.get("why", ""),
        left="left" in row,
        attempts=tuple(_attempts(call.id, row)),
    )


def seen_by_caller(call: PastCall) -> PastCall:
    """The call without what is the operator's affair: lanes, their faults, and what others than the key have paid."""
    return replace(call, attempts=tuple(map(_seen, call.attempts)))


def with_paid(call: PastCall, rows: Mapping[str, Row]) -> PastCall:
    """The call with what the operator's ledger tells of its attempts, by their ids: the last row about each."""
    return replace(call, attempts=tuple(_paid(each, rows.get(each.id)) for each in call.attempts))


def ms_of(name: str) -> int:
    """When a row was written, which its name tells."""
    return int(name.partition("-")[0])


def _attempts(call_id: str, row: Row) -> Iterator[PastAttempt]:
    steps = list(steps_of(row.get("tried", "")))
    if not steps and "attempt" in row:
        yield _charged(row, row["attempt"], Charged(None))
    for number, step in enumerate(steps, start=1):
        attempt_id = f"{call_id}-{number}"
        match step:
            case Charged():
                yield _charged(row, attempt_id, step)
            case Sent(group, lane):
                yield PastAttempt(attempt_id, group, lane, None, None, None, None, None, None)
            case Finished():
                yield _finished(attempt_id, step)


def _charged(row: Row, attempt_id: str, step: Charged) -> PastAttempt:
    where, verdict = (row["group"], row["lane"]), Verdict(row["verdict"])
    return PastAttempt(attempt_id, *where, verdict, None, step.took_ms, int(row["spent"]), Billed.YES, Payer.KEY)


def _finished(attempt_id: str, step: Finished) -> PastAttempt:
    came_to = (step.verdict, step.status, step.took_ms, step.nanos, step.billed)
    payer = None if step.billed is Billed.NO else Payer.OPERATOR
    return PastAttempt(attempt_id, step.group, step.lane, *came_to, payer)


def _seen(attempt: PastAttempt) -> PastAttempt:
    verdict = Verdict.FAILED if attempt.verdict in _OPERATORS else attempt.verdict
    seen = replace(attempt, lane="", verdict=verdict, status=None)
    return seen if attempt.payer is Payer.KEY else replace(seen, nanos=None, billed=None, payer=None, why=None)


def _paid(attempt: PastAttempt, row: Row | None) -> PastAttempt:
    if row is None:
        return attempt
    billed, nanos = Billed.YES, int(row["spent"])
    if row["do"] == "operator" and row["held"] != "0":
        billed, nanos = Billed.MAYBE, int(row["held"])
    elif row["do"] == "resolve":
        billed = Billed.YES if row["resolved"] == "billed" else Billed.NO
    took = int(row["took"]) if "took" in row else attempt.took_ms
    verdict = Verdict(row["verdict"]) if "verdict" in row else attempt.verdict
    return replace(
        attempt, verdict=verdict, took_ms=took, nanos=nanos, billed=billed, payer=Payer.OPERATOR, why=row["why"]
    )
