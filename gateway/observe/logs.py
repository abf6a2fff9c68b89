"""One JSON line for every call, and one for whatever an operator must look at. No prompt, no picture, no key."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from gateway.core.drill import OneKey, OneTeam, Share, named
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
    FailoverDenied,
    GroupMoved,
    JobEnded,
    JournalAdopted,
    OperatorCharged,
    RowsArchived,
    StoreLost,
    StoreRolledBack,
    WebhookTried,
    WorkerReplaced,
)
from gateway.core.money import usd_of
from gateway.core.outcome import Verdict
from gateway.core.reach import target_of
from gateway.observe.refusals import Refusals

# What comes of these is in our own words, or the system's: no byte of the upstream's is in it.
_WITHOUT_ANSWER = frozenset({Verdict.UNREACHABLE, Verdict.LOST, Verdict.SILENT})
_LONGEST_REASON = 200


# What waits to be told with others of its kind waits no longer than this.
TELL_EVERY_S = 1.0


class Log:
    """Writes events as lines. `today` gives the date as seconds since the epoch.

    Its `turn` is to be taken every `TELL_EVERY_S` seconds.
    """

    def __init__(self, out: TextIO, today: Callable[[], float]) -> None:
        self._out = out
        self._today = today
        self._refusals = Refusals()

    def __call__(self, event: Event) -> None:
        if isinstance(event, AdminRefused):
            self._refusals.note(event)
            self._tell_refusals()
        elif (row := _row(event)) is not None:
            self._write(row)

    async def turn(self) -> None:
        """Tells what is due of that which was noted before."""
        self._tell_refusals()

    def _tell_refusals(self) -> None:
        for row in self._refusals.due(self._today()):
            self._write(row)

    def _write(self, row: dict[str, Any]) -> None:
        at = datetime.fromtimestamp(self._today(), UTC).isoformat(timespec="milliseconds")
        # ASCII only: it is one line in whatever encoding the output has.
        line = json.dumps({"at": at, **row}, separators=(",", ":"))
        # A full disk or a reader that left must not stop a call before it is settled.
        with suppress(OSError):
            self._out.write(line + "\n")
            self._out.flush()


def _row(event: Event) -> dict[str, Any] | None:
    """The row of an event; None where there is nothing to say of it alone, or it comes every second."""
    make = _ROWS.get(type(event))
    return make(event) if make else None


def _refused(event: CallRefused) -> dict[str, Any]:
    row: dict[str, Any] = {
        "event": "refused",
        "request_id": event.request_id,
        "dialect": event.dialect,
        "operation": event.operation,
        "status": event.status,
        "code": event.code,
        "seconds": round(event.total_s, 3),
    }
    if call := event.call:
        ask, key = call.ask, call.key
        row |= {"call_id": call.id, "team": key.team, "key_id": key.id, "model": ask.model.id, "size": ask.size}
    return row


def _failover_denied(event: FailoverDenied) -> dict[str, Any]:
    spent = event.spent
    return {
        "event": "failover_denied",
        "call_id": event.call.id,
        "team": event.call.key.team,
        "lane": event.lane.name,
        "group": event.lane.group.name,
        "allowance": spent.purpose,
        "owner": spent.owner,
        "window": spent.window,
        "anew_s": spent.anew_s,
    }


def _group_moved(event: GroupMoved) -> dict[str, Any]:
    move = event.move
    return {
        "event": "group_moved",
        "group": event.group,
        "model": event.model,
        "from": move.was,
        "to": move.to,
        "why": move.why,
        "suspicion": round(move.suspicion, 2),
        "case": round(move.case, 2),
        "late": round(move.late, 1),
        "finished": round(move.finished, 1),
    }


def _operator_charged(event: OperatorCharged) -> dict[str, Any]:
    return {
        "event": "operator_charged",
        "call_id": event.call.id,
        "attempt_id": event.charge.attempt_id,
        "why": event.why,
        "usd": usd_of(event.charge.nanos),
    }


def _credential_refused(event: CredentialRefused) -> dict[str, Any]:
    return {"event": "credential_refused", "lane": event.lane.name, "upstream_status": event.status}


def _store_lost(event: StoreLost) -> dict[str, Any]:
    return {"event": "store_lost", "doing": event.doing, "reason": event.reason}


def _journal_adopted(event: JournalAdopted) -> dict[str, Any]:
    return {"event": "journal_adopted", **asdict(event)}


def _call_unbacked(event: CallUnbacked) -> dict[str, Any]:
    call = event.call
    return {"event": "call_unbacked", "call_id": call.id, "team": call.key.team, "key_id": call.key.id}


def _budget_passed(event: BudgetPassed) -> dict[str, Any]:
    alert = event.alert
    row = {"event": "budget_passed", "of": alert.whose, "period": alert.period, "percent": alert.percent}
    return {**row, "team": event.team, "key_id": event.key_id if alert.whose == "key" else None}


def _call_unsettled(event: CallUnsettled) -> dict[str, Any]:
    hold = event.hold
    row = {"event": "call_unsettled", "call_id": hold.call_id, "team": hold.team, "key_id": hold.key_id}
    return {**row, "held_usd": usd_of(hold.nanos), "given_up": event.given_up}


def _attempt_presumed(event: AttemptPresumed) -> dict[str, Any]:
    attempt = event.attempt
    row = {"event": "attempt_presumed", "attempt_id": attempt.attempt_id, "call_id": attempt.call_id}
    return {**row, "model": attempt.model, "group": attempt.group, "usd": usd_of(attempt.nanos)}


def _store_rolled_back(event: StoreRolledBack) -> dict[str, Any]:
    return {"event": "store_rolled_back", "told": event.told}


def _rows_archived(event: RowsArchived) -> dict[str, Any]:
    return {"event": "rows_archived", "ledger": event.whose, "rows": event.rows, "from": event.first, "to": event.last}


def _admin_acted(event: AdminActed) -> dict[str, Any]:
    return {"event": "admin_acted", **asdict(event)}


def _attempt(event: AttemptFinished | AttemptLate) -> dict[str, Any] | None:
    """None for the attempt that won, which its call tells. Where a drill stood before it, it is not the seller's."""
    call = event.call
    row = {"attempt_id": event.attempt_id, "call_id": call.id, "model": call.ask.model.id}
    row |= {"lane": event.lane.name, "group": event.lane.group.name}
    if event.drill:
        row |= {"drill": event.drill.id, "kind": event.drill.ailment}
    if isinstance(event, AttemptLate):
        return {"event": "attempt_drilled_late" if event.drill else "attempt_late", **row}
    if event.won:
        return None
    if event.outcome.verdict in _WITHOUT_ANSWER:
        row["reason"] = event.outcome.message[:_LONGEST_REASON]
    return {
        "event": "attempt_drilled" if event.drill else "attempt_failed",
        **row,
        "verdict": event.outcome.verdict,
        "upstream_status": event.outcome.status,
        "billed": event.outcome.billed,
        "late": event.late,
        "seconds": round(event.total_s, 3),
    }


def _drill(event: DrillBegan | DrillEnded) -> dict[str, Any]:
    drill = event.drill
    match drill.whom:
        case OneKey(key_id):
            whom: dict[str, Any] = {"key_id": key_id}
        case OneTeam(team):
            whom = {"team": team}
        case Share(of_all):
            whom = {"share": of_all}
    row = {"drill": drill.id, "kind": drill.ailment, "group": drill.group, **whom}
    if isinstance(event, DrillEnded):
        return {"event": "drill_ended", **row, "stopped": event.stopped, "calls": event.calls}
    return {"event": "drill_began", **row, "lasts_s": round(drill.ends_at - drill.begins_at, 3), "note": drill.note}


def _call(event: CallFinished) -> dict[str, Any]:
    call, charge = event.call, event.charge
    row: dict[str, Any] = {
        "event": "call",
        "call_id": call.id,
        "request_id": call.request_id,
        "team": call.key.team,
        "key_id": call.key.id,
        "dialect": call.dialect,
        "operation": call.operation,
        "model": call.ask.model.id,
        "size": call.ask.size,
        "ratio": call.ask.ratio,
        "status": event.status,
        "code": event.code,
        "verdict": event.outcome.verdict if event.outcome else None,
        "attempts": event.attempts,
        "delivered": event.delivered,
        "seconds": round(event.total_s, 3),
    }
    if event.drills:
        row["drill"] = named(event.drills)
    if event.shortfall is not None:
        row["shortfall"] = event.shortfall
    if charge is not None:
        row |= {"group": charge.group, "lane": charge.lane, "usd": usd_of(charge.nanos), "basis": charge.basis}
        if charge.usage is not None:
            row |= {"input_tokens": charge.usage.input, "output_tokens": charge.usage.output}
    return row


def _replayed(event: CallReplayed) -> dict[str, Any]:
    call = event.call
    return {
        "event": "call_replayed",
        "call_id": event.answers,
        "request_id": call.request_id,
        "team": call.key.team,
        "key_id": call.key.id,
        "dialect": call.dialect,
        "operation": call.operation,
        "joined": event.joined,
        "status": event.status,
        "code": event.code,
        "delivered": event.delivered,
        "seconds": round(event.total_s, 3),
    }


def _job_ended(event: JobEnded) -> dict[str, Any]:
    job = event.job
    took_s = None if job.ended_at is None else round(job.ended_at - job.made_at, 3)
    return {
        "event": "job_ended",
        "job_id": job.id,
        "call_id": job.call_id,
        "team": job.team,
        "key_id": job.key_id,
        "route": job.route,
        "model": job.model,
        "state": job.state,
        "status": job.status,
        "code": job.code,
        "tries": job.tries,
        "seconds": took_s,
    }


def _webhook_tried(event: WebhookTried) -> dict[str, Any]:
    job, webhook = event.job, event.webhook
    last = webhook.deliveries[-1]
    return {
        "event": "webhook_tried",
        "job_id": job.id,
        "team": job.team,
        "key_id": job.key_id,
        "host": target_of(webhook.url).host,
        "status": last.status,
        "why": last.why,
        "ms": last.took_ms,
        "tries": len(webhook.deliveries),
        "state": webhook.state,
        "again_s": webhook.again_s,
    }


def _answer_dropped(event: AnswerDropped) -> dict[str, Any]:
    call = event.call
    whose = {"team": call.key.team, "key_id": call.key.id}
    return {"event": "answer_dropped", "call_id": call.id, **whose, "why": event.why, "bytes": event.size_bytes}


def _worker_replaced(event: WorkerReplaced) -> dict[str, Any]:
    return {"event": "worker_replaced", "worker": event.number, "before": event.ended.pid, "why": str(event.ended)}


_ROWS: dict[type, Callable[[Any], dict[str, Any] | None]] = {
    AttemptFinished: _attempt,
    AttemptLate: _attempt,
    AnswerDropped: _answer_dropped,
    CallFinished: _call,
    CallReplayed: _replayed,
    JobEnded: _job_ended,
    WebhookTried: _webhook_tried,
    CallRefused: _refused,
    CredentialRefused: _credential_refused,
    DrillBegan: _drill,
    DrillEnded: _drill,
    FailoverDenied: _failover_denied,
    GroupMoved: _group_moved,
    CallUnbacked: _call_unbacked,
    CallUnsettled: _call_unsettled,
    AttemptPresumed: _attempt_presumed,
    BudgetPassed: _budget_passed,
    JournalAdopted: _journal_adopted,
    StoreRolledBack: _store_rolled_back,
    RowsArchived: _rows_archived,
    OperatorCharged: _operator_charged,
    StoreLost: _store_lost,
    AdminActed: _admin_acted,
    WorkerReplaced: _worker_replaced,
}
