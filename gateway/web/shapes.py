"""How teams, keys, drills, quotes and usage look as JSON, in the admin API and from the commands alike.

Amounts are decimal strings of dollars, moments are seconds since the epoch, None is "no limit".
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gateway.core import books, keys
from gateway.core.allowance import Drawn
from gateway.core.budgets import Budget, Rates
from gateway.core.call import Call
from gateway.core.drill import Drill, OneKey, OneTeam, Share
from gateway.core.money import usd_of
from gateway.core.plan import Bounds
from gateway.core.unsettled import AllUnsettled, Resolution, Unsettled, UnsettledCall
from gateway.ledger.unsettled import UNSETTLED_S
from gateway.ledger.verify import Verified


def team(each: keys.Team, account: books.Account, premium: Drawn) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": each.name,
        "created_at": int(each.created_at),
        "time_zone": each.limits.time_zone,
        "metadata": dict(each.metadata),
        **_account(each.limits.budget, each.limits.rates, account),
        **allowance("premium", premium),
    }


def allowance(name: str, drawn: Drawn) -> dict[str, str | None]:
    """The caps of the hour and the day, and what was drawn in them."""
    return {
        f"{name}_hour_usd": _cap(drawn.caps.hour_nanos),
        f"{name}_hour_drawn_usd": usd_of(drawn.hour_nanos),
        f"{name}_day_usd": _cap(drawn.caps.day_nanos),
        f"{name}_day_drawn_usd": usd_of(drawn.day_nanos),
    }


def key(each: keys.Key, account: books.Account, now: float) -> dict[str, Any]:
    """A key as it is at a moment: of its old secrets those that are good then."""
    limits = each.limits
    return {
        "id": each.id,
        "team": each.team,
        "name": each.name,
        "hint": each.hint,
        "created_at": int(each.created_at),
        "revoked_at": None if each.revoked_at is None else int(each.revoked_at),
        "expires_at": None if limits.expires_at is None else int(limits.expires_at),
        "rotated_at": None if each.rotated_at is None else int(each.rotated_at),
        "old_secrets": [{"hint": old.hint, "ends_at": int(old.ends_at)} for old in each.still_good(now)],
        "models": None if limits.models is None else sorted(limits.models),
        "groups": None if limits.groups is None else sorted(limits.groups),
        "max_multiplier": None if limits.max_multiplier is None else decimal(limits.max_multiplier),
        "chat_pictures": limits.chat_pictures,
        "failover": limits.failover,
        "retain": limits.retain,
        "metadata": dict(each.metadata),
        **_account(limits.budget, limits.rates, account),
    }


def drill(each: Drill, now: float) -> dict[str, Any]:
    """A drill as it is at a moment of the store's clock."""
    whom = each.whom
    return {
        "id": each.id,
        "group": each.group,
        "kind": each.ailment,
        "key": whom.key_id if isinstance(whom, OneKey) else None,
        "team": whom.team if isinstance(whom, OneTeam) else None,
        "share": whom.of_all if isinstance(whom, Share) else None,
        "delay_s": each.delay_s or None,
        "begins_at": int(each.begins_at),
        "ends_at": int(each.ends_at),
        "left_s": max(0, math.ceil(each.ends_at - now)),
        "note": each.note,
    }


def quote(call: Call, found: Sequence[Bounds]) -> dict[str, Any]:
    """What a call would cost, by group and for all its pictures; `hold_usd` is what would be set aside for it."""
    ask, count = call.ask, call.parsed.count
    return {
        "model": ask.model.id,
        "size": ask.size,
        "pictures": count,
        "hold_usd": usd_of(count * max(each.most_nanos for each in found)),
        "groups": [
            {
                "group": each.group.name,
                "multiplier": decimal(each.group.multiplier),
                "expected_usd": usd_of(count * each.expected_nanos),
                "most_usd": usd_of(count * each.most_nanos),
            }
            for each in found
        ],
    }


def operator(balance: books.Balance) -> dict[str, str]:
    """What the operator pays for attempts whose answer no caller got; `unsettled_usd` may come on top."""
    return {"spent_usd": usd_of(balance.spent_nanos), "unsettled_usd": usd_of(balance.held_nanos)}


def decimal(exact: Fraction) -> str:
    """A multiplier as it is written: 7/5 -> "1.4"."""
    return str(Decimal(exact.numerator) / Decimal(exact.denominator))


def _cap(nanos: int | None) -> str | None:
    return None if nanos is None else usd_of(nanos)


def money(account: books.Account) -> dict[str, str | None]:
    """What was spent and is held, and the most that may be: in all, in the present day and in the present month."""
    periods = {"": account.total, "_day": account.day, "_month": account.month}
    return {
        f"{what}{period}_usd": usd
        for period, balance in periods.items()
        for what, usd in (
            ("budget", _cap(balance.budget_nanos)),
            ("spent", usd_of(balance.spent_nanos)),
            ("held", usd_of(balance.held_nanos)),
        )
    }


def _account(budget: Budget, rates: Rates, account: books.Account) -> dict[str, Any]:
    return {
        **money(account),
        "soft_budget": budget.soft,
        "alert_percents": list(budget.alert_percents),
        "requests_per_minute": rates.requests_per_minute,
        "pictures_per_minute": rates.pictures_per_minute,
        "concurrency": rates.concurrency,
        "running": account.running,
    }


def adjustment(key_id: str, name: str, nanos: int) -> dict[str, Any]:
    """What a key was adjusted by, under which name."""
    return {"key": key_id, "name": name, "usd": usd_of(nanos)}


def verified(each: Verified) -> dict[str, Any]:
    """What was found of one ledger."""
    sums = {"spent_usd": usd_of(each.sums.spent), "held_usd": usd_of(each.sums.held)}
    archived = {"archived_rows": each.archived, "begins_after": each.begins or None}
    return {"ledger": each.whose, "rows": each.rows, **sums, "faults": list(each.faults), **archived}


def unsettled(found: AllUnsettled, now: float) -> dict[str, Any]:
    """Attempts and calls of which nobody knows whether they were billed."""
    return {
        "attempts": [_attempt(each, now) for each in found.attempts],
        "calls": [_call(each) for each in found.calls],
        "earlier_usd": usd_of(found.earlier_nanos),
    }


def resolution(attempt_id: str, made: Resolution) -> dict[str, Any]:
    return {"attempt": attempt_id, "resolved": made.resolved.value, "usd": usd_of(made.nanos), "why": made.why}


def _attempt(each: Unsettled, now: float) -> dict[str, Any]:
    return {
        "attempt": each.attempt_id,
        "call": each.call_id,
        "team": each.team,
        "model": each.model,
        "size": each.size,
        "group": each.group,
        "lane": each.lane,
        "began_at": each.began,
        "unsettled_at": each.at,
        "age_s": round(now - each.at),
        "held_usd": usd_of(each.nanos),
        "exact": each.exact,
    }


def _call(each: UnsettledCall) -> dict[str, Any]:
    row = {"call": each.call_id, "team": each.team, "key": each.key_id, "held_usd": usd_of(each.nanos)}
    return {**row, "unsettled_at": each.until - UNSETTLED_S, "until": each.until}
