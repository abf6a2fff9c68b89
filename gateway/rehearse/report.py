"""What came of a rehearsal, in figures: for the callers, for whoever pays, and for the seller."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import fmean, median

from gateway.core.allowance import Window
from gateway.core.money import NANOS_PER_USD
from gateway.core.move import Standing
from gateway.rehearse.played import Played, Told
from gateway.rehearse.scenarios import Scenario

_REVERSALS_S = 900.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the calls that came while the trouble lasted. Seconds, and shares from 0 to 1; None: it never happened.

    `moved_s` is when the first call went elsewhere first, `back_s` when, after the end, the last one
    did. `cost` is what was billed while it lasted for each picture that was delivered then, where 1 is
    the first group's price; `in_the_end` the same of these calls, with the bills that came later;
    `twice` the share of them that were billed more than once. `turned` is how often at most traffic left
    the first group within a quarter of an hour. Of the whole run `denied` is the share of the calls that found an
    allowance spent, and `premium_hour_usd` the most that dearer groups cost on top in any hour, by when it was sent.
    """

    calls: float
    delivered: float
    p50_s: float
    p99_s: float
    moved_s: float | None
    back_s: float | None
    cost: float
    in_the_end: float
    twice: float
    raced: float
    turned: float
    denied: float
    premium_hour_usd: float


# Of several seeds, the worst.
_WORST = ("turned", "premium_hour_usd")


def figures(played: Played, scenario: Scenario, multipliers: Mapping[str, float], patience_s: float) -> Figures:
    begins, ends = scenario.begins_s, scenario.ends_s
    came = [told for told in played.told if begins <= told.arrived_at < ends]
    took = sorted(told.done_at - told.arrived_at for told in came if _in_time(told, patience_s) and told.done_at)
    billed = sum(multipliers[each.group] for each in played.bills if begins <= each.at < ends)
    delivered = sum(1 for told in played.told if told.done_at is not None and begins <= told.done_at < ends)
    elsewhere = [told.arrived_at for told in played.told if told.first != played.usual and told.arrived_at >= begins]
    return Figures(
        calls=len(came),
        delivered=len(took) / max(1, len(came)),
        p50_s=_quantile(took, 0.5),
        p99_s=_quantile(took, 0.99),
        moved_s=elsewhere[0] - begins if elsewhere else None,
        back_s=max(elsewhere[-1] - ends, 0.0) if elsewhere else None,
        cost=billed / max(1, delivered),
        in_the_end=sum(multipliers[group] for told in came for group in told.billed) / max(1, len(took)),
        twice=sum(len(told.billed) > 1 for told in came) / max(1, len(came)),
        raced=sum(told.attempts > 1 for told in came) / max(1, len(came)),
        turned=float(_turned(played)),
        denied=sum(told.denied for told in played.told) / max(1, len(played.told)),
        premium_hour_usd=_premium_hour_nanos(played) / NANOS_PER_USD,
    )


def averaged(several: Sequence[Figures]) -> Figures:
    """Of several seeds: the median of moments, the mean of shares, and the worst of what is a most."""
    found: dict[str, float | None] = {}
    for each in fields(Figures):
        values = [value for figure in several if (value := getattr(figure, each.name)) is not None]
        if not values:
            found[each.name] = None
        elif each.name in _WORST:
            found[each.name] = max(values)
        else:
            found[each.name] = (median if each.name.endswith("_s") else fmean)(values)
    return Figures(**found)  # type: ignore[arg-type]  # None only where a figure may be


def _in_time(told: Told, patience_s: float) -> bool:
    return told.done_at is not None and told.done_at - told.arrived_at <= patience_s


def _quantile(sorted_values: Sequence[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))] if sorted_values else 0.0


def _premium_hour_nanos(played: Played) -> int:
    hours: Counter[int] = Counter()
    for bill in played.bills:
        hours[int(bill.sent_at // Window.HOUR.lasts_s)] += bill.extra_nanos
    return max(hours.values(), default=0)


def _turned(played: Played) -> int:
    """The most often that traffic left a group within a quarter of an hour; a failed probe is no turn."""
    return max((_turned_of(played, each) for each in {shift.replica for shift in played.shifts}), default=0)


def _turned_of(played: Played, replica: int) -> int:
    before, turned = Standing.CLOSED, []
    for shift in played.shifts:
        if (shift.group, shift.replica) != (played.usual, replica):
            continue
        if shift.standing is Standing.OPEN and before is not Standing.HALF:
            turned.append(shift.now)
        before = shift.standing
    return max((sum(first <= each < first + _REVERSALS_S for each in turned) for first in turned), default=0)
