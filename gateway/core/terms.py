"""What somebody asks for a key, or for one call with it, in words, and the Limits that come of it.

The commands and the admin API ask in the same words and are refused in the same words: here. Knows
the catalogue and the groups, since a limit that names something else would never hold.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from gateway.core.allowance import Caps
from gateway.core.budgets import ALERT_PERCENTS, Budget, Rates
from gateway.core.catalog import Catalog
from gateway.core.errors import BadRequest
from gateway.core.groups import Group
from gateway.core.headers import FAILOVER, MAX_MULTIPLIER
from gateway.core.keys import Limits, Mode, Show, TeamLimits
from gateway.core.money import decimal_of, nanos_of

E = TypeVar("E", bound=StrEnum)

LARGEST_MULTIPLIER = 1000

# Decades: a moment so far away can still be told as a number.
LONGEST_S = 100 * 366 * 86_400

# A rate above it limits nobody.
LARGEST_RATE = 1_000_000_000

_LARGEST_PERCENT, _MOST_ALERTS = 1000, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """What a key or a team may spend and ask for, as it is written; None is "no limit", or as it usually is."""

    budget_usd: str | Decimal | None = None
    budget_day_usd: str | Decimal | None = None
    budget_month_usd: str | Decimal | None = None
    soft_budget: bool | None = None
    alert_percents: Collection[int] | None = None
    requests_per_minute: str | int | None = None
    pictures_per_minute: str | int | None = None
    concurrency: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(AccountTerms):
    """Limits of a key as they are written; None is "no limit"."""

    max_multiplier: str | Decimal | None = None
    models: Collection[str] | None = None
    groups: Collection[str] | None = None
    expires_in_s: float | None = None
    chat_pictures: str | None = None
    failover: str | None = None
    retain: bool | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to be limited to."""

    catalog: Catalog
    groups: tuple[Group, ...]


def limits_of(terms: Terms, offer: Offer, now: float) -> Limits:
    """The limits that the terms mean; raises `BadRequest` whose `param` is the field that is wrong."""
    return Limits(
        budget=_budget(terms),
        rates=_rates(terms),
        max_multiplier=_multiplier(terms.max_multiplier),
        models=None if terms.models is None else frozenset(_model_ids(terms.models, offer.catalog)),
        groups=None if terms.groups is None else frozenset(_group_names(terms.groups, offer.groups)),
        expires_at=None if terms.expires_in_s is None else now + within(terms.expires_in_s, LONGEST_S, "expires_in_s"),
        chat_pictures=None if terms.chat_pictures is None else one_of(Show, terms.chat_pictures, "chat_pictures"),
        failover=None if terms.failover is None else one_of(Mode, terms.failover, "failover"),
        retain=terms.retain is not False,
    )


def changed(old: Limits, new: Limits, fields: Collection[str]) -> Limits:
    """The old limits, with those of the named fields of `Terms` replaced by the new."""
    return Limits(
        budget=_taken(old.budget, new.budget, _OF_BUDGET, fields),
        rates=_taken(old.rates, new.rates, _OF_RATES, fields),
        max_multiplier=new.max_multiplier if "max_multiplier" in fields else old.max_multiplier,
        models=new.models if "models" in fields else old.models,
        groups=new.groups if "groups" in fields else old.groups,
        expires_at=new.expires_at if "expires_in_s" in fields else old.expires_at,
        chat_pictures=new.chat_pictures if "chat_pictures" in fields else old.chat_pictures,
        failover=new.failover if "failover" in fields else old.failover,
        retain=new.retain if "retain" in fields else old.retain,
    )


def tightened(limits: Limits, usual: Mode, *, max_multiplier: str | None, failover: str | None) -> Limits:
    """The limits of a key for one call, as its request's headers ask: stricter than the key's own, never looser.

    `usual` is the mode of keys that have none; where that is `AUTO`, the limits may still have none. Raises
    `BadRequest` whose `param` is the header.
    """
    if failover is None and max_multiplier is None and (limits.failover is not None or usual is Mode.AUTO):
        return limits
    mode = limits.failover or usual
    if failover is not None:
        mode = max(mode, one_of(Mode, failover, FAILOVER), key=lambda each: each.strictness)
    most = _multiplier(max_multiplier, MAX_MULTIPLIER)
    given = [each for each in (limits.max_multiplier, most) if each is not None]
    return replace(limits, max_multiplier=min(given, default=None), failover=mode)


def amount_of(usd: str | Decimal | None, param: str) -> int | None:
    """A limit in nano-dollars; None, no limit. Raises `BadRequest` about the field `param`."""
    try:
        return None if usd is None else nanos_of(usd)
    except ValueError as error:
        raise BadRequest(str(error), param=param) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamTerms(AccountTerms):
    """What is asked for a team, as it is written; None is "no limit"."""

    premium_hour_usd: str | Decimal | None = None
    premium_day_usd: str | Decimal | None = None
    time_zone: str | None = None


def team_limits_of(terms: TeamTerms, zone_of: Callable[[str], object]) -> TeamLimits:
    """The limits that the terms mean; raises `BadRequest` whose `param` is the field that is wrong.

    `zone_of` raises `ValueError` for what is not the name of a time zone.
    """
    return TeamLimits(
        budget=_budget(terms),
        rates=_rates(terms),
        premium=Caps(
            amount_of(terms.premium_hour_usd, "premium_hour_usd"), amount_of(terms.premium_day_usd, "premium_day_usd")
        ),
        time_zone=_zone_name(terms.time_zone or "UTC", zone_of),
    )


def team_changed(old: TeamLimits, new: TeamLimits, fields: Collection[str]) -> TeamLimits:
    """The old limits, with those of the named fields of `TeamTerms` replaced by the new."""
    return TeamLimits(
        budget=_taken(old.budget, new.budget, _OF_BUDGET, fields),
        rates=_taken(old.rates, new.rates, _OF_RATES, fields),
        premium=_taken(old.premium, new.premium, _OF_PREMIUM, fields),
        time_zone=new.time_zone if "time_zone" in fields else old.time_zone,
    )


# What the fields of terms are called where they have come to be limits.
_OF_BUDGET = {
    "budget_usd": "total_nanos",
    "budget_day_usd": "day_nanos",
    "budget_month_usd": "month_nanos",
    "soft_budget": "soft",
    "alert_percents": "alert_percents",
}
_OF_RATES = {each: each for each in ("requests_per_minute", "pictures_per_minute", "concurrency")}
_OF_PREMIUM = {"premium_hour_usd": "hour_nanos", "premium_day_usd": "day_nanos"}

P = TypeVar("P", Budget, Rates, Caps)


def _taken(old: P, new: P, names: Mapping[str, str], fields: Collection[str]) -> P:
    """The old, with what the named fields are about as in the new."""
    return replace(old, **{name: getattr(new, name) for field, name in names.items() if field in fields})


def _budget(terms: AccountTerms) -> Budget:
    return Budget(
        total_nanos=amount_of(terms.budget_usd, "budget_usd"),
        day_nanos=amount_of(terms.budget_day_usd, "budget_day_usd"),
        month_nanos=amount_of(terms.budget_month_usd, "budget_month_usd"),
        soft=bool(terms.soft_budget),
        alert_percents=ALERT_PERCENTS if terms.alert_percents is None else _percents(terms.alert_percents),
    )


def _rates(terms: AccountTerms) -> Rates:
    return Rates(
        requests_per_minute=_rate(terms.requests_per_minute, "requests_per_minute"),
        pictures_per_minute=_rate(terms.pictures_per_minute, "pictures_per_minute"),
        concurrency=_rate(terms.concurrency, "concurrency"),
    )


def _rate(number: str | int | None, param: str) -> int | None:
    try:
        return None if number is None else int(within(int(number), LARGEST_RATE, param))
    except ValueError:
        raise BadRequest(f"{number!r} is not a whole number", param=param) from None


def _percents(numbers: Collection[int]) -> tuple[int, ...]:
    if len(numbers) > _MOST_ALERTS:
        raise BadRequest(f"at most {_MOST_ALERTS} shares of a budget can be told of", param="alert_percents")
    return tuple(sorted({int(within(each, _LARGEST_PERCENT, "alert_percents")) for each in numbers}))


def _zone_name(name: str, zone_of: Callable[[str], object]) -> str:
    try:
        zone_of(name)
    except ValueError as error:
        raise BadRequest(str(error), param="time_zone") from None
    return name


def _multiplier(text: str | Decimal | None, param: str = "max_multiplier") -> Fraction | None:
    if text is None:
        return None
    try:
        multiplier = decimal_of(text)
    except ValueError:
        raise BadRequest(f"{text!r} is not a multiplier; write it like 1.4", param=param) from None
    if not 0 < multiplier <= LARGEST_MULTIPLIER:
        raise BadRequest(f"{text} is not above 0 and at most {LARGEST_MULTIPLIER}", param=param)
    return Fraction(multiplier)


def _model_ids(names: Iterable[str], catalog: Catalog) -> Iterable[str]:
    for name in names:
        named = catalog.find(name)
        if named is None:
            known = ", ".join(model.id for model in catalog.models)
            raise BadRequest(f"{name!r} is not a model here; known: {known}", param="models")
        yield named.model.id


def _group_names(names: Iterable[str], groups: tuple[Group, ...]) -> Iterable[str]:
    known = [group.name for group in groups]
    for name in names:
        if name not in known:
            raise BadRequest(f"{name!r} is not a group here; known: {', '.join(known)}", param="groups")
        yield name


def one_of(words: type[E], name: str, param: str) -> E:
    """The word of this name; raises `BadRequest` that names them all."""
    try:
        return words(name)
    except ValueError:
        raise BadRequest(f"{name!r} is not one of {', '.join(words)}", param=param) from None


def within(number: float, most: float, param: str) -> float:
    """The number itself; raises `BadRequest` unless it is above 0 and at most `most`."""
    if not 0 < number <= most:
        raise BadRequest(f"{number:g} is not above 0 and at most {most:g}", param=param)
    return number
