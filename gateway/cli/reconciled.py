"""How the outcome of `gateway ledger reconcile` is shown to people."""

from gateway.cli.options import out, print_table
from gateway.core.money import usd_of
from gateway.core.reconcile import Line, Tolerance, total
from gateway.ledger.comparison import Reconciled

_FIGURES = ("calls", "seller's", "$", "seller's $", "difference $", "unsettled $")


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


def _say(words: str) -> None:
    out.print(words, highlight=False, soft_wrap=True, markup=False)
