"""Why the store set nothing aside, in words: what is left or too much, and what their reader can do."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gateway.core.budgets import Period
from gateway.core.errors import BadRequest, CallerError, OverBudget, TooFast
from gateway.core.money import usd_of

# How soon a place may be free, where as many calls run as may.
_PLACE_FREE_S = 5

_EACH = {Period.TOTAL: "", Period.DAY: " a day", Period.MONTH: " a month"}


def over(nanos: int, words: Sequence[str], ends: Mapping[Period, int], now: float) -> OverBudget:
    """A budget leaves less than `nanos`. `ends` are the seconds in which the present day and month do."""
    whose, period, *amounts = words
    budget, held, spent = (int(each) for each in amounts)
    ways = ["ask for a higher budget"]
    if held:
        ways.append(f"wait: ${usd_of(held)} is held for calls that are still running")
    ends_at = ends.get(Period(period))
    if ends_at is not None:
        ways.append(f"come back when the next begins, at {datetime.fromtimestamp(ends_at, UTC):%Y-%m-%dT%H:%M:%SZ}")
    error = OverBudget(
        f"this call may cost up to ${usd_of(nanos)}, and of the {whose}'s budget of ${usd_of(budget)}"
        f"{_EACH[Period(period)]} ${usd_of(max(0, budget - held - spent))} is left; {', or '.join(ways)}"
    )
    if ends_at is not None:
        error.retry_after_s = max(1, math.ceil(ends_at - now))
    return error


def fast(pictures: int, words: Sequence[str]) -> CallerError:
    """More is asked for than may be at once, or in a minute."""
    whose, what, limit, wait_ms = words
    if what != "requests" and pictures > int(limit):
        most = f"{limit} calls at a time" if what == "concurrency" else f"{limit} pictures a minute"
        return BadRequest(f"this asks for {pictures} pictures, and the {whose} may have {most}; ask for fewer at once")
    if what == "concurrency":
        most = f"the {whose} may have {limit} calls running at a time, and a request for several pictures is as many"
        error = TooFast(f"{most}; try again when one of them is done, or ask for a higher limit")
        error.retry_after_s = _PLACE_FREE_S
    else:
        error = TooFast(f"the {whose} may ask for {limit} {what} a minute; try again later, or ask for a higher limit")
        error.retry_after_s = max(1, math.ceil(int(wait_ms) / 1000))
    return error
