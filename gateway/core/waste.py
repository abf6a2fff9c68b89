"""What was paid and never delivered: by whom, in which group, and what became of the answer. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.past import Payer
from gateway.core.report import UsageLine
from gateway.core.unsettled import Reason, Resolved, Unsettled


class Cause(StrEnum):
    """Why nobody has the picture that was paid."""

    RACE_LOSS = "race_loss"  # another attempt was sooner
    TRUNCATED = "truncated"  # the answer broke off
    FRUITLESS = "fruitless"  # it had no picture, and was asked for once more
    UNHEARD = "unheard"  # it never came, and was billed as the seller's log or somebody says
    PRESUMED = "presumed"  # it never came, and counts as billed since nobody knows
    GIVEN_UP = "given_up"  # its gateway died, and its journal was not found
    UNSETTLED = "unsettled"  # it never came, and nobody knows yet whether it is billed
    CALLER_LEFT = "caller_left"  # nobody was there any more
    NO_PICTURE = "no_picture"  # a refusal, or only text: delivered, and billed all the same


# As rows of the operator's ledger have it.
_OF_RESOLVED: Mapping[str, str] = {Reason.PRESUMED: Cause.PRESUMED}


@dataclass(frozen=True, slots=True)
class Waste:
    """So many answers of a group cost so much, and may cost `unsettled_nanos` more.

    `cause` is one of `Cause`, or what a later release has written. The group of a call that was given up is not known.
    """

    group: str
    cause: str
    payer: Payer
    answers: int
    nanos: int
    unsettled_nanos: int = 0


def of_row(row: Mapping[str, str]) -> Waste | None:
    """What a row of the operator's ledger has as spent; None: nothing."""
    if row["do"] == "resolve":
        cause = _OF_RESOLVED.get(row["why"], Cause.UNHEARD) if row["resolved"] == Resolved.BILLED else None
    else:
        cause = row["why"] if row["held"] == "0" else None
    return None if cause is None else Waste(row.get("group", ""), cause, Payer.OPERATOR, 1, int(row["spent"]))


def of_unsettled(attempt: Unsettled) -> Waste:
    return Waste(attempt.group, Cause.UNSETTLED, Payer.OPERATOR, 1, 0, attempt.nanos)


def of_usage(lines: Iterable[UsageLine]) -> Iterator[Waste]:
    """What callers have paid and do not have, or have no picture in."""
    for line in lines:
        figures = line.figures
        if figures.left:
            yield Waste(line.group, Cause.CALLER_LEFT, Payer.KEY, figures.left, figures.left_nanos)
        if figures.bare:
            yield Waste(line.group, Cause.NO_PICTURE, Payer.KEY, figures.bare, figures.bare_nanos)


def added_up(several: Iterable[Waste]) -> list[Waste]:
    """One for each group and cause, in their order."""
    sums: dict[tuple[str, str, Payer], Waste] = {}
    for each in several:
        whose = (each.group, each.cause, each.payer)
        before = sums.get(whose, Waste(*whose, 0, 0))
        answers, nanos = before.answers + each.answers, before.nanos + each.nanos
        sums[whose] = Waste(*whose, answers, nanos, before.unsettled_nanos + each.unsettled_nanos)
    return [sums[whose] for whose in sorted(sums)]
