"""What administrators do: who, through which door, and what it changed. It knows no store.

A row of the trail has the fields of a record as the store writes them; here they get the names and the values that
commands and the admin API have for them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from gateway.core.money import usd_of


class Door(StrEnum):
    """Through what somebody came."""

    CLI = "cli"
    API = "api"
    GATEWAY = "gateway"  # nobody came: it does this by itself


class Lack(StrEnum):
    """Why somebody may not administer."""

    NO_KEY = "no_key"
    WRONG_KEY = "wrong_key"
    SHUT = "shut"  # there is no key


class Action(StrEnum):
    """What can be done."""

    TEAM_CREATED = "team.created"
    TEAM_CHANGED = "team.changed"
    KEY_CREATED = "key.created"
    KEY_CHANGED = "key.changed"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    KEY_ADJUSTED = "key.adjusted"
    DRILL_BEGUN = "drill.begun"
    DRILL_ENDED = "drill.ended"
    JOB_FORGOTTEN = "job.forgotten"
    ATTEMPT_RESOLVED = "attempt.resolved"
    STORE_MOVED = "store.moved"


def _to_nobody(_action: Action, _subject: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: the name of an admin key, or the user and host that ran a command.

    `tell` hears of it, once for each row of the trail and after it is written; where the answer of the store is lost,
    it hears nothing.
    """

    who: str
    door: Door
    tell: Callable[[Action, str], None] = field(default=_to_nobody, repr=False, compare=False)

    def words(self, action: Action, subject: str) -> list[str]:
        """What a function that changes something is told, before anything else."""
        return [self.who, self.door.value, action.value, subject]


GATEWAY = Actor("gateway", Door.GATEWAY)


@dataclass(frozen=True, slots=True)
class Change:
    """A value of JSON before and after; None: there was none, or is none."""

    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Deed:
    """At `at`, in seconds since 1970, somebody did something to `subject`. `team` is whose that is, None: nobody's."""

    at: float
    who: str
    door: str
    action: str
    subject: str
    team: str | None
    changes: Mapping[str, Change]


def deed_of(at: float, team: str | None, row: Mapping[str, str]) -> Deed:
    """What a row of a team's trail says, or of one that is nobody's, where a row may say whose it is."""
    sides = {side: dict(_told(row, side)) for side in ("was:", "now:")}
    was, now = sides["was:"], sides["now:"]
    changes = {name: Change(was.get(name), now.get(name)) for name in sorted({*was, *now})}
    changes = {name: each for name, each in changes.items() if each.before != each.after}
    return Deed(at, row["who"], row["door"], row["action"], row["subject"], row.get("team", team), changes)


def _told(row: Mapping[str, str], side: str) -> Iterator[tuple[str, Any]]:
    for label, text in row.items():
        if not label.startswith(side):
            continue
        name = label.removeprefix(side)
        try:
            if name in _OBJECTS:
                yield from ((each, _VALUES.get(each, _same)(value)) for each, value in json.loads(text).items())
            elif name.startswith("meta:"):
                yield f"metadata.{name.removeprefix('meta:')}", text
            else:
                told, value_of = _FIELDS.get(name, (name, str))
                yield told, value_of(text)
        except (ValueError, AttributeError):  # of a later release
            yield name, text


def _usd(text: str) -> str:
    return usd_of(int(text))


def _moment(text: str) -> int:
    return int(float(text))


def _percents(text: str) -> list[int]:
    return [int(word) for word in text.split() if word != "-"]


def _same(value: Any) -> Any:
    return value


def _decimal(text: str) -> str:
    exact = Fraction(text)
    return str(Decimal(exact.numerator) / exact.denominator)


# Fields that are objects of JSON, and have fields of their own.
_OBJECTS = frozenset({"limits", "drill"})

# What some of these mean; the others are as they are told.
_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "max_multiplier": _decimal,
    "expires_at": int,
    "begins_at": int,
    "ends_at": int,
}

# What the fields of records are called elsewhere, and what their texts mean.
_FIELDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "key": ("key_id", str),
    "budget": ("budget_usd", _usd),
    "budget_day": ("budget_day_usd", _usd),
    "budget_month": ("budget_month_usd", _usd),
    "premium_hour": ("premium_hour_usd", _usd),
    "premium_day": ("premium_day_usd", _usd),
    "held": ("held_usd", _usd),
    "spent": ("spent_usd", _usd),
    "soft": ("soft_budget", bool),
    "alert_at": ("alert_percents", _percents),
    "requests": ("requests_per_minute", int),
    "pictures": ("pictures_per_minute", int),
    "concurrency": ("concurrency", int),
    "zone": ("time_zone", str),
    "revoked": ("revoked_at", _moment),
    "old_ends": ("old_secrets_end_at", _moment),
}
