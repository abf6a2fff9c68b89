"""What may be said of unsettled attempts, given the entries of the seller's log that nothing else explains. Pure.

It is said only where it is certain; where it is not, the words say why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry
from gateway.core.unsettled import Resolved, Unsettled

# An attempt is billed when it ends at the seller, which may be after we gave up on it: 660 s at most, and as much more.
REACH_S = 1320.0

# So far apart may be what the seller wrote down and what we did: both write at once, by clocks of their own.
APART_S = 10.0

# So long before and after an attempt's reach the log must have every charge of ours.
MARGIN_S = 120.0

# So long before and after it both are kept. The longer, the more calls may follow each other without a gap in which
# no entry can be taken for its neighbour, and can be told apart all the same.
KEPT_S = 1200.0

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the log says of an attempt; `resolved` None: nothing certain, and `words` say why."""

    attempt: Unsettled
    resolved: Resolved | None
    nanos: int
    words: str
    billed_at: float | None = None


class Share(NamedTuple):
    """The entry that is an attempt's in one explanation of all; None: it was not billed. `others` may be its as well.

    `sure`: so it is in every explanation, with this entry or another.
    """

    entry: Entry | None
    others: Sequence[Entry]
    sure: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Attempts that the same entries may be of: those `left` over, beside others that charges of the books explain.

    `shares` are what each attempt may have of those left over; None: they are not of these attempts alone. `missing` is
    when charges were written that the log has no entry of, `crowded` those that were not looked for among so many.
    `open`: it goes on where nothing was kept, or is such a crowd. `doubts` are times at which attempts were sent that
    are not among them, and in no row. The log's amounts are less than `unit` away from what was meant.
    """

    attempts: Sequence[Unsettled]
    left: Sequence[Entry]
    explaining: Sequence[Paid]
    missing: Sequence[float]
    crowded: Sequence[float]
    open: bool
    doubts: Sequence[Span]
    unit: int
    shares: Sequence[Share] | None

    def findings(self) -> list[Finding]:
        """What is to be said of each of its attempts."""
        for rule, words in _RULES if self.left else _RULES_OF_ALL:
            if not rule(self):
                return [Finding(each, None, 0, words) for each in self.attempts]
        shares = self.shares or [Share(None, (), sure=True)] * len(self.attempts)
        unsure = [share.entry for share in shares if not share.sure]
        billed = sum(entry is not None for entry in unsure)  # whichever: in every explanation as many
        words = f"of {len(unsure)} attempts around then {billed} were billed: which is not certain"
        return [_finding(each, share, words) for each, share in zip(self.attempts, shares, strict=True)]


def _finding(attempt: Unsettled, share: Share, unsure: str) -> Finding:
    if not share.sure:
        return Finding(attempt, None, 0, unsure)
    if share.entry is None:
        return Finding(attempt, Resolved.UNBILLED, 0, "the log covers its time, and every entry is of another call")
    if any(other.nanos != share.entry.nanos for other in share.others):
        return Finding(attempt, None, 0, _DIFFERENT)
    words = "an entry of the log has no other explanation"
    return Finding(attempt, Resolved.BILLED, share.entry.nanos, words, share.entry.at)


def _complete(part: Part) -> bool:
    return not any(_within(at, each, MARGIN_S) for each in part.attempts for at in part.missing)


def _closed(part: Part) -> bool:
    return not part.open and not any(_within(at, each, MARGIN_S) for each in part.attempts for at in part.crowded)


def _undoubted(part: Part) -> bool:
    return not any(
        begins <= began_of(each) + REACH_S and began_of(each) <= ends + REACH_S
        for each in part.attempts
        for begins, ends in part.doubts
    )


def _as_predicted(part: Part) -> bool:
    exact = [each.nanos for each in part.attempts if each.exact]
    near = max(part.unit, 1)
    return part.shares is not None or all(abs(entry.nanos - nanos) < near for nanos in exact for entry in part.left)


def _beside_exact(part: Part) -> bool:
    return all(paid.exact for paid in part.explaining)


def _explained(part: Part) -> bool:
    return part.shares is not None


_DIFFERENT = "entries without another explanation have different amounts: which is whose is not certain"

# What must be so for anything to be said; and what else where entries have no other explanation.
_RULES_OF_ALL: tuple[tuple[Callable[[Part], bool], str], ...] = (
    (_complete, "the log lacks charges of ours around then"),
    (_closed, "so many calls of one price follow each other that their entries cannot be told apart"),
)
_RULES = (
    *_RULES_OF_ALL,
    (_undoubted, "an entry without another explanation may be of a call that has not ended, or of another attempt"),
    (_as_predicted, "an entry without another explanation has another amount than it would have cost"),
    (_beside_exact, "charges around then are estimates, so that their entries cannot be told apart"),
    (_explained, "there are more entries without another explanation than attempts they may be of"),
)


def began_of(attempt: Unsettled) -> float:
    """When an attempt was sent of which that is known."""
    assert attempt.began is not None
    return attempt.began


def _within(at: float, attempt: Unsettled, more: float) -> bool:
    began = began_of(attempt)
    return began - APART_S - more <= at <= began + REACH_S + APART_S + more
