"""How teams and keys are written down.

A record is a hash of strings. What the functions compare and add stands in it as fields of its own: budgets,
rates, sums; a key's other limits are one field of JSON. Everything is exact both ways: a multiplier is a
fraction, a time is written as Python repeats it.
"""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction

from gateway.core.allowance import Caps
from gateway.core.books import Account, Balance
from gateway.core.budgets import ALERT_PERCENTS, Budget, Period, Rates
from gateway.core.errors import BadRequest
from gateway.core.keys import Key, Limits, Mode, OldSecret, Show, Team, TeamLimits
from gateway.core.metadata import Metadata
from gateway.core.money import LARGEST_NANOS

Record = Mapping[str, str]

# Who is told of no share of a budget.
_NOBODY = "-"

# What the fields of metadata begin with, one for each name.
_NOTE = "meta:"

# In the list of old secrets, that which an earlier release has made and that has no name.
_NAMELESS = "-"


def team_fields(team: Team) -> dict[str, str]:
    return {
        "name": team.name,
        **_account_fields(team.limits.budget, team.limits.rates),
        "zone": team.limits.time_zone,
        "premium_hour": _amount(team.limits.premium.hour_nanos, "premium_hour_usd"),
        "premium_day": _amount(team.limits.premium.day_nanos, "premium_day_usd"),
        "created": repr(team.created_at),
        **_notes(team.metadata),
    }


def team_of(team_id: str, record: Record) -> Team | None:
    """The team of a record; None when there is none."""
    if "created" not in record:
        return None
    limits = TeamLimits(_budget(record), _rates(record), caps_of(record), record.get("zone", "UTC"))
    return Team(team_id, record["name"], limits, float(record["created"]), _metadata(record))


def caps_of(record: Record) -> Caps:
    """What a team may pay for dearer groups."""
    return Caps(_nanos(record.get("premium_hour", "")), _nanos(record.get("premium_day", "")))


def key_fields(key: Key) -> dict[str, str]:
    return {
        "name": key.name,
        "hint": key.hint,
        "secret": key.secret_name,
        **_account_fields(key.limits.budget, key.limits.rates),
        "limits": _limits_text(key.limits),
        "created": repr(key.created_at),
        **_notes(key.metadata),
    }


def key_of(team: str, key_id: str, record: Record) -> Key | None:
    """The key of a record; None when there is none."""
    if "created" not in record:
        return None
    return Key(
        id=key_id,
        team=team,
        name=record["name"],
        hint=record["hint"],
        limits=_limits(record["limits"], _budget(record), _rates(record)),
        created_at=float(record["created"]),
        revoked_at=float(record["revoked"]) if "revoked" in record else None,
        secret_name=record.get("secret", ""),
        rotated_at=float(record["rotated"]) if "rotated" in record else None,
        old_secrets=tuple(_old_secrets(record.get("old_secrets", ""))),
        metadata=_metadata(record),
    )


def differing(old: Record, new: Record) -> dict[str, str]:
    """The fields to be written where a record changes: those alone, so that two who change others do not undo them.

    What is noted no longer is written as nothing.
    """
    gone = {name: "" for name in old if name.startswith(_NOTE) and name not in new}
    return {name: value for name, value in new.items() if old.get(name) != value} | gone


def _notes(metadata: Metadata) -> dict[str, str]:
    return {f"{_NOTE}{name}": value for name, value in metadata}


def _metadata(record: Record) -> Metadata:
    found = ((name.removeprefix(_NOTE), value) for name, value in record.items() if name.startswith(_NOTE))
    return tuple(sorted(found))


def _old_secrets(text: str) -> Iterator[OldSecret]:
    """As `rotate` writes them: name:hint:end, one behind the other."""
    for each in text.split():
        name, hint, ends_at = each.split(":")
        yield OldSecret("" if name == _NAMELESS else name, hint, float(ends_at))


def balance_of(record: Record) -> Balance | None:
    """What an account holds at the moment; None when there is no such account."""
    if "created" not in record:
        return None
    return Balance(int(record.get("spent", 0)), int(record.get("held", 0)), _nanos(record["budget"]))


def account_of(record: Record, whose: str, since: str, beside: Mapping[Period, Record]) -> Account | None:
    """The same, with its sums of the day and month of `since`.

    The record says how much of what it has is not of the day and month that are its present ones; what there is of
    others is `beside` it, under `whose`.
    """
    total = balance_of(record)
    if total is None:
        return None

    def counted(period: Period, begins: str) -> Balance:
        if record.get(period) == begins:
            spent, held = (int(record.get(what, 0)) - int(record[f"{period}_{what}0"]) for what in ("spent", "held"))
        else:
            spent, held = (int(beside[period].get(f"{whose}|{what}", 0)) for what in ("spent", "held"))
        return Balance(spent, held, _nanos(record.get(f"budget_{period}", "")))

    day, month = map(counted, (Period.DAY, Period.MONTH), since.split())
    return Account(total, day, month, int(record.get("running", 0)))


def _account_fields(budget: Budget, rates: Rates) -> dict[str, str]:
    return {
        "budget": _amount(budget.total_nanos, "budget_usd"),
        "budget_day": _amount(budget.day_nanos, "budget_day_usd"),
        "budget_month": _amount(budget.month_nanos, "budget_month_usd"),
        "soft": "1" if budget.soft else "",
        "alert_at": " ".join(map(str, budget.alert_percents)) or _NOBODY,
        "requests": _number(rates.requests_per_minute),
        "pictures": _number(rates.pictures_per_minute),
        "concurrency": _number(rates.concurrency),
    }


def _budget(record: Record) -> Budget:
    """Fields are missing that came with a later release than the one that wrote the record."""
    return Budget(
        total_nanos=_nanos(record["budget"]),
        day_nanos=_nanos(record.get("budget_day", "")),
        month_nanos=_nanos(record.get("budget_month", "")),
        soft=bool(record.get("soft")),
        alert_percents=_alert_percents(record.get("alert_at")),
    )


def _alert_percents(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ALERT_PERCENTS
    return () if text == _NOBODY else tuple(map(int, text.split()))


def _rates(record: Record) -> Rates:
    return Rates(*(_nanos(record.get(name, "")) for name in ("requests", "pictures", "concurrency")))


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _amount(nanos: int | None, param: str) -> str:
    if nanos is None:
        return ""
    if not 0 <= nanos <= LARGEST_NANOS:
        raise BadRequest("an amount is between 0 and 9000000 USD", param=param)
    return str(nanos)


def _nanos(text: str) -> int | None:
    return int(text) if text else None


def _limits_text(limits: Limits) -> str:
    written = {
        "max_multiplier": None if limits.max_multiplier is None else str(limits.max_multiplier),
        "models": None if limits.models is None else sorted(limits.models),
        "groups": None if limits.groups is None else sorted(limits.groups),
        "expires_at": limits.expires_at,
        "chat_pictures": limits.chat_pictures,
        "failover": limits.failover,
        "retain": None if limits.retain else False,
    }
    return json.dumps({name: value for name, value in written.items() if value is not None})


def _limits(text: str, budget: Budget, rates: Rates) -> Limits:
    written = json.loads(text)
    return Limits(
        budget=budget,
        rates=rates,
        max_multiplier=Fraction(written["max_multiplier"]) if "max_multiplier" in written else None,
        models=frozenset(written["models"]) if "models" in written else None,
        groups=frozenset(written["groups"]) if "groups" in written else None,
        expires_at=written.get("expires_at"),
        chat_pictures=Show(written["chat_pictures"]) if "chat_pictures" in written else None,
        failover=Mode(written["failover"]) if "failover" in written else None,
        retain=written.get("retain", True),
    )
