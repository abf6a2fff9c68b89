"""How teams and keys are written down.

A record is a hash of strings. `budget`, `held` and `spent` stand in it as fields of their own,
because the functions compare and add them; a key's other limits are one field of JSON. Everything
is exact both ways: a multiplier is a fraction, a time is written as Python repeats it.
"""

import json
from collections.abc import Mapping
from fractions import Fraction

from gateway.core.allowance import Caps
from gateway.core.books import Balance
from gateway.core.errors import BadRequest
from gateway.core.keys import Key, Limits, Mode, Show, Team, TeamLimits
from gateway.core.money import LARGEST_NANOS

Record = Mapping[str, str]


def team_fields(team: Team) -> dict[str, str]:
    return {
        "name": team.name,
        "budget": _amount(team.limits.budget_nanos, "budget_usd"),
        "premium_hour": _amount(team.limits.premium.hour_nanos, "premium_hour_usd"),
        "premium_day": _amount(team.limits.premium.day_nanos, "premium_day_usd"),
        "created": repr(team.created_at),
    }


def team_of(team_id: str, record: Record) -> Team | None:
    """The team of a record; None when there is none."""
    if "created" not in record:
        return None
    limits = TeamLimits(_nanos(record["budget"]), caps_of(record))
    return Team(team_id, record["name"], limits, float(record["created"]))


def caps_of(record: Record) -> Caps:
    """What a team may pay for dearer groups."""
    return Caps(_nanos(record.get("premium_hour", "")), _nanos(record.get("premium_day", "")))


def key_fields(key: Key) -> dict[str, str]:
    return {
        "name": key.name,
        "hint": key.hint,
        "budget": _amount(key.limits.budget_nanos, "budget_usd"),
        "limits": _limits_text(key.limits),
        "created": repr(key.created_at),
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
        limits=_limits(record["limits"], _nanos(record["budget"])),
        created_at=float(record["created"]),
        revoked_at=float(record["revoked"]) if "revoked" in record else None,
    )


def balance_of(record: Record) -> Balance | None:
    """What an account holds at the moment; None when there is no such account."""
    if "created" not in record:
        return None
    return Balance(int(record.get("spent", 0)), int(record.get("held", 0)), _nanos(record["budget"]))


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
    }
    return json.dumps({name: value for name, value in written.items() if value is not None})


def _limits(text: str, budget_nanos: int | None) -> Limits:
    written = json.loads(text)
    return Limits(
        budget_nanos=budget_nanos,
        max_multiplier=Fraction(written["max_multiplier"]) if "max_multiplier" in written else None,
        models=frozenset(written["models"]) if "models" in written else None,
        groups=frozenset(written["groups"]) if "groups" in written else None,
        expires_at=written.get("expires_at"),
        chat_pictures=Show(written["chat_pictures"]) if "chat_pictures" in written else None,
        failover=Mode(written["failover"]) if "failover" in written else None,
    )
