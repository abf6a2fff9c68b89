"""How a comparison with the seller's log looks as JSON, in the admin API and from the command alike."""

from typing import Any

from gateway.core.clocks import Agreement
from gateway.core.findings import Finding
from gateway.core.money import usd_of
from gateway.core.reconcile import Line, Tolerance, total
from gateway.core.unsettled import Resolved
from gateway.ledger.comparison import Reconciled


def document(found: Reconciled, tolerance: Tolerance) -> dict[str, Any]:
    return {
        "since": found.days[0],
        "until": found.days[1],
        "lines": [_line(line, tolerance) for line in found.lines],
        "total": _line(total(found.lines), tolerance),
        "differences": len(found.differing(tolerance)),
        "clocks": _clocks(found.clocks),
        "attempts": [_finding(each, found.settled) for each in found.findings],
        "unsettled_calls": [
            {"call": each.call_id, "team": each.team, "held_usd": usd_of(each.nanos)} for each in found.calls
        ],
    }


def _line(line: Line, tolerance: Tolerance) -> dict[str, Any]:
    return {
        "day": line.day,
        "model": line.model,
        "group": line.group,
        "calls": line.ours_calls,
        "seller_calls": line.theirs_calls,
        "tokens": line.ours_tokens,
        "seller_tokens": line.theirs_tokens,
        "usd": usd_of(line.ours_nanos),
        "seller_usd": usd_of(line.theirs_nanos),
        "difference_usd": usd_of(line.difference),
        "rounding_usd": usd_of(line.rounding_nanos),
        "unsettled_usd": usd_of(line.unsettled_nanos),
        "moved_usd": usd_of(line.moved_nanos),
        "differs": line.differs(tolerance),
    }


def _clocks(made: Agreement) -> dict[str, Any]:
    return {"checked": made.checked, "found": made.found, "ahead_s": made.ahead_s, "doubt": made.doubt}


def _finding(each: Finding, settled: frozenset[str]) -> dict[str, Any]:
    return {
        "attempt": each.attempt.attempt_id,
        "held_usd": usd_of(each.attempt.nanos),
        "resolved": each.resolved.value if each.resolved else None,
        "usd": usd_of(each.nanos) if each.resolved is Resolved.BILLED else None,
        "because": each.words,
        "settled": each.attempt.attempt_id in settled,
    }
