"""How the outcome of `gateway ledger reconcile` is shown: tables for people, a document for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.cli.options import out, print_table
from gateway.core.clocks import Agreement
from gateway.core.findings import Finding
from gateway.core.money import usd_of
from gateway.core.reconcile import Line, Tolerance, total
from gateway.core.unsettled import Resolved, UnsettledCall

_FIGURES = ("calls", "seller's", "$", "seller's $", "difference $", "unsettled $")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was compared: lines, from which day to which. `settled` are attempts that the log has just resolved."""

    lines: Sequence[Line]
    days: tuple[str, str]
    clocks: Agreement
    findings: Sequence[Finding]
    settled: frozenset[str]
    calls: Sequence[UnsettledCall]
    resolving: bool

    def differing(self, tolerance: Tolerance) -> list[Line]:
        """Lines that differ by more than is tolerated, their total too."""
        return [line for line in (*self.lines, total(self.lines)) if line.differs(tolerance)]


def document(found: Reconciled, tolerance: Tolerance) -> dict[str, Any]:
    """All of it, for --json."""
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


def print_all(found: Reconciled, tolerance: Tolerance) -> None:
    rows = [_row(line) for line in (*found.lines, total(found.lines))]
    print_table(("day", "model", "group", *_FIGURES), rows, right=_FIGURES)
    differing = found.differing(tolerance)
    if differing:
        _say("")
    for line in differing:
        _say(_words(line))
    _print_doubts(found, tolerance)
    _print_findings(found)
    if found.calls:
        held = usd_of(sum(each.nanos for each in found.calls))
        _say(f"\n{len(found.calls)} calls that nobody has ended hold {held} $ of their teams: gateway ledger unsettled")


def _print_doubts(found: Reconciled, tolerance: Tolerance) -> None:
    """What the log is not good enough for."""
    everything = total(found.lines)
    if everything.hides(tolerance):
        _say(f"\nThe log's amounts are rounded: {usd_of(everything.rounding_nanos)} $ may be wrong, and do not show.")
    if found.clocks.doubt and (found.clocks.checked or found.clocks.ahead_s):
        _say(f"\nNothing can be settled by this log: {found.clocks.doubt}")


def _print_findings(found: Reconciled) -> None:
    if not found.findings:
        return
    _say("")
    rows = [
        (
            each.attempt.attempt_id,
            usd_of(each.attempt.nanos),
            each.resolved.value if each.resolved else "not certain",
            usd_of(each.nanos) if each.resolved else None,
            each.words,
        )
        for each in found.findings
    ]
    print_table(("unsettled attempt", "held $", "by the log", "$", "because"), rows, right=("held $", "$"))
    certain = [each for each in found.findings if each.resolved]
    if found.resolving:
        _say(f"\n{len(found.settled)} settled; {len(found.findings) - len(found.settled)} left as they are.")
    elif certain:
        _say(f"\nNothing was settled: --resolve settles the {len(certain)} that are certain.")


def _words(line: Line) -> str:
    """A difference in words: "2026-11-27 pro Default: the seller has 0.09 $ more than the books (1.2 %)"."""
    whose = " ".join(word for word in (line.day, line.model or "no model", line.group) if word)
    whose = "total" if line.day == "total" else whose
    who, whom = ("the seller has", "the books") if line.difference > 0 else ("the books have", "the seller")
    most = max(abs(line.ours_nanos), abs(line.theirs_nanos))
    share = f"{abs(line.difference) * 100 / most:.2f} %" if most else "all"
    calls = f"{line.theirs_calls} calls there, {line.ours_calls} here"
    if line.theirs_tokens:
        calls += f"; {line.theirs_tokens} tokens there, {line.ours_tokens} here"
    unsettled = f"; {usd_of(line.unsettled_nanos)} $ are unsettled" if line.unsettled_nanos else ""
    return f"{whose}: {who} {usd_of(abs(line.difference))} $ more than {whom} ({share}; {calls}{unsettled})"


def _row(line: Line) -> tuple[object, ...]:
    amounts = (line.ours_nanos, line.theirs_nanos, line.difference, line.unsettled_nanos)
    return (line.day, line.model, line.group, line.ours_calls, line.theirs_calls, *map(usd_of, amounts))


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


def _say(words: str) -> None:
    out.print(words, highlight=False, soft_wrap=True, markup=False)
