"""What somebody asks for a key, or for one call with it, in words, and the Limits that come of it.

The commands and the admin API ask in the same words and are refused in the same words: here. Knows
the catalogue and the groups, since a limit that names something else would never hold.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from gateway.core.allowance import Caps
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


@dataclass(frozen=True, slots=True)
class Terms:
    """Limits as they are written; None is "no limit"."""

    budget_usd: str | Decimal | None = None
    max_multiplier: str | Decimal | None = None
    models: Collection[str] | None = None
    groups: Collection[str] | None = None
    expires_in_s: float | None = None
    chat_pictures: str | None = None
    failover: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to be limited to."""

    catalog: Catalog
    groups: tuple[Group, ...]


def limits_of(terms: Terms, offer: Offer, now: float) -> Limits:
    """The limits that the terms mean; raises `BadRequest` whose `param` is the field that is wrong."""
    return Limits(
        budget_nanos=amount_of(terms.budget_usd, "budget_usd"),
        max_multiplier=_multiplier(terms.max_multiplier),
        models=None if terms.models is None else frozenset(_model_ids(terms.models, offer.catalog)),
        groups=None if terms.groups is None else frozenset(_group_names(terms.groups, offer.groups)),
        expires_at=None if terms.expires_in_s is None else now + within(terms.expires_in_s, LONGEST_S, "expires_in_s"),
        chat_pictures=None if terms.chat_pictures is None else one_of(Show, terms.chat_pictures, "chat_pictures"),
        failover=None if terms.failover is None else one_of(Mode, terms.failover, "failover"),
    )


def changed(old: Limits, new: Limits, fields: Collection[str]) -> Limits:
    """The old limits, with those of the named fields of `Terms` replaced by the new."""
    return Limits(
        budget_nanos=new.budget_nanos if "budget_usd" in fields else old.budget_nanos,
        max_multiplier=new.max_multiplier if "max_multiplier" in fields else old.max_multiplier,
        models=new.models if "models" in fields else old.models,
        groups=new.groups if "groups" in fields else old.groups,
        expires_at=new.expires_at if "expires_in_s" in fields else old.expires_at,
        chat_pictures=new.chat_pictures if "chat_pictures" in fields else old.chat_pictures,
        failover=new.failover if "failover" in fields else old.failover,
    )


def tightened(limits: Limits, usual: Mode, *, max_multiplier: str | None, failover: str | None) -> Limits:
    """The limits of a key for one call, as its request's headers ask: stricter than the key's own, never looser.

    `usual` is the mode of keys that have none. Raises `BadRequest` whose `param` is the header.
    """
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


@dataclass(frozen=True, slots=True)
class TeamTerms:
    """What is asked for a team, as it is written; None is "no limit"."""

    budget_usd: str | Decimal | None = None
    premium_hour_usd: str | Decimal | None = None
    premium_day_usd: str | Decimal | None = None


def team_limits_of(terms: TeamTerms) -> TeamLimits:
    """The limits that the terms mean; raises `BadRequest` whose `param` is the field that is wrong."""
    return TeamLimits(
        budget_nanos=amount_of(terms.budget_usd, "budget_usd"),
        premium=Caps(
            amount_of(terms.premium_hour_usd, "premium_hour_usd"), amount_of(terms.premium_day_usd, "premium_day_usd")
        ),
    )


def team_changed(old: TeamLimits, new: TeamLimits, fields: Collection[str]) -> TeamLimits:
    """The old limits, with those of the named fields of `TeamTerms` replaced by the new."""
    return TeamLimits(
        budget_nanos=new.budget_nanos if "budget_usd" in fields else old.budget_nanos,
        premium=Caps(
            new.premium.hour_nanos if "premium_hour_usd" in fields else old.premium.hour_nanos,
            new.premium.day_nanos if "premium_day_usd" in fields else old.premium.day_nanos,
        ),
    )


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
