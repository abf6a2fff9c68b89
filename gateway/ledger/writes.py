"""Writes to the books that count once however often they are made: what each is called, and what it says.

Decides nothing about money: each is one function of the library, whole or not at all. That it is made
at last is the outbox's to see to.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.core.allowance import Purpose
from gateway.core.books import Charge, Hold
from gateway.core.course import Course, words_of
from gateway.core.usage import Usage
from gateway.ledger import layout
from gateway.ledger.frames import Write
from gateway.ledger.reports import line

# Why an attempt is on the operator's account while it is not known whether the upstream billed it.
UNSETTLED = "unsettled"


_SETTLE, _VOID, _OPERATOR = "settle", "void", "operator"

# The functions that end a call, which is the third of their keys; and how it stands then.
_ENDS = frozenset({_SETTLE, _VOID})
ENDED = frozenset({"settled", "voided"})


def settle(hold: Hold, charge: Charge, course: Course | None = None) -> Write:
    """Ends a call with what it cost, whatever has become of its hold. Only the first charge counts."""
    usage = charge.usage or Usage()
    args = (
        *(hold.call_id, hold.key_id, str(hold.nanos), str(charge.nanos)),
        line(hold.key_id, charge),
        *(str(charge.pictures), str(usage.input), str(usage.output)),
        *_facts(charge),
        *(("tried", words_of(course.tried, charged=True)) if course else ()),
        *(("left", "1") if course and course.left else ()),
        *(("since", hold.since) if hold.since else ()),
    )
    return Write(_SETTLE, (*call_keys(hold), layout.use_stem(hold.team)), args)


def void(hold: Hold, why: str, course: Course | None = None) -> Write:
    """Ends a call that owes nothing; one that was settled stays so."""
    facts = _course_facts(course) if course else {}
    return Write(_VOID, call_keys(hold), (hold.call_id, hold.key_id, why, *_words(facts)))


def operator(
    charge: Charge, *, call_id: str, team: str, why: str, began_ms: int | None = None, took_ms: int | None = None
) -> Write:
    """Puts an attempt that no caller owes on the operator's account.

    As spent, unless `why` is `UNSETTLED`: whether the upstream billed that, nobody knows yet. Then it helps to find
    out if it is told when the attempt was sent: `began_ms`, in ms since 1970. `took_ms` is for whoever reads the row.
    """
    keys = (layout.OPERATOR, layout.attempt(charge.attempt_id), layout.OPERATOR_LEDGER)
    sums = "held" if why == UNSETTLED else "spent"
    times = {name: str(ms) for name, ms in (("began", began_ms), ("took", took_ms)) if ms is not None}
    facts = ("why", why, "call", call_id, "team", team, *_facts(charge), *_words(times))
    return Write(_OPERATOR, keys, (str(charge.nanos), sums, *facts))


def given_up(hold: Hold) -> Write:
    """Puts a call of which nothing was ever heard on the operator's account, as dear as it could have been."""
    keys = (layout.OPERATOR, layout.attempt(hold.call_id), layout.OPERATOR_LEDGER)
    facts = ("why", "given_up", "call", hold.call_id, "team", hold.team, "attempt", hold.call_id, "basis", "hold")
    return Write(_OPERATOR, keys, (str(hold.nanos), "spent", *facts))


def correct(purpose: Purpose, team: str | None, name: str, nanos: int) -> tuple[Write, ...]:
    """Puts right what was drawn under this name, for the installation and for a team; the last word counts."""
    owners = (None,) if team is None else (None, team)
    return tuple(Write("correct", (layout.allowance(purpose, each),), (name, str(nanos))) for each in owners)


class Trace(NamedTuple):
    """What is in the store once a write was made: the record of a call, which is `ENDED` then, or a mark."""

    key: str
    of_call: bool


def trace(write: Write) -> Trace | None:
    """By what it is seen whether a store has a write; None: by nothing."""
    if write.function in _ENDS:
        return Trace(write.keys[2], of_call=True)
    return Trace(write.keys[1], of_call=False) if write.function == _OPERATOR else None


def call_keys(hold: Hold) -> tuple[str, ...]:
    """Where a function finds a call, and the accounts and the ledger that it is about."""
    return (
        layout.account(hold.team),
        layout.key(hold.team, hold.key_id),
        layout.call(hold.team, hold.call_id),
        layout.open_calls(hold.team),
        layout.ledger(hold.team),
    )


def _facts(charge: Charge) -> list[str]:
    """What a row of the ledger tells of a charge, name and value in turn."""
    usage = charge.usage or Usage()
    facts = {
        "attempt": charge.attempt_id,
        "basis": charge.basis,
        "model": charge.model,
        "size": charge.size,
        "group": charge.group,
        "lane": charge.lane,
        "verdict": charge.verdict,
        "pictures": str(charge.pictures),
        "input": str(usage.input),
        "output": str(usage.output),
        "saved": str(charge.saved_nanos),
        "route": charge.route,
    }
    listed = {} if charge.list_nanos is None else {"list": str(charge.list_nanos)}
    return _words({**facts, **listed})


def _course_facts(course: Course) -> dict[str, str]:
    facts = {"route": course.route, "model": course.model, "size": course.size}
    return {**facts, "tried": words_of(course.tried, charged=False), **({"left": "1"} if course.left else {})}


def _words(facts: Mapping[str, str]) -> list[str]:
    """Name and value in turn."""
    return [word for pair in facts.items() for word in pair]
