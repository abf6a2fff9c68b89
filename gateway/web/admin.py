"""The admin API: teams, keys, and what they spent. Every amount is a decimal string of dollars."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from gateway.core.catalog import Catalog
from gateway.core.groups import Group
from gateway.core.keys import Key, Limits, Team
from gateway.core.money import nanos_of
from gateway.ledger import reports
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.web import shapes
from gateway.web.problems import Problem

# Decades; a moment so far away can still be told as a number.
_LONGEST_S = 100 * 366 * 86_400

# One look into the store for each day and team.
_MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Office:
    """What administration works with. `admin_key` None: none is configured, and the API is shut."""

    admin_key: str | None
    store: Store
    keys: Keys
    books: Books
    catalog: Catalog
    groups: tuple[Group, ...]
    today: Callable[[], float]


def _storable(text: str) -> str:
    """JSON can spell half a character (`\\ud800`), and nothing can keep it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    return text


_Name = Annotated[str, AfterValidator(_storable)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewTeam(_Body):
    id: str = Field(description="Lower-case letters, digits and dashes.", examples=["acme"])
    name: _Name | None = None
    budget_usd: Decimal | None = Field(
        default=None, max_digits=18, description="All its keys together; null: no limit."
    )


class KeyLimits(_Body):
    name: _Name | None = None
    budget_usd: Decimal | None = Field(default=None, max_digits=18, description="null: no limit but the team's.")
    max_multiplier: Decimal | None = Field(
        default=None, gt=0, le=1000, max_digits=12, description="The dearest group it may be served by."
    )
    models: list[str] | None = None
    groups: list[str] | None = None
    expires_in_s: int | None = Field(default=None, gt=0, le=_LONGEST_S)


class NewKey(KeyLimits):
    team: str = Field(description="Made if it does not exist.", examples=["acme"])


def router(office: Office) -> APIRouter:
    class Guarded(APIRoute):
        """Asks for the admin key before a byte of the body is read; the framework would read it first."""

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            _let_in(office.admin_key, Headers(scope=scope).get("authorization", ""))
            await super().handle(scope, receive, send)

    routes = APIRouter(
        prefix="/admin/api",
        tags=["admin"],
        route_class=Guarded,
        dependencies=[Depends(HTTPBearer(scheme_name="admin", auto_error=False))],  # for the description alone
    )
    _teams(routes, office)
    _keys(routes, office)
    _reports(routes, office)
    return routes


def _let_in(admin_key: str | None, authorization: str) -> None:
    if admin_key is None:
        raise Problem(403, "The admin API is shut: set admin.key in the configuration.")
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), admin_key.encode()):
        raise Problem(401, "Send the admin key as Authorization: Bearer <admin key>.")


def _teams(routes: APIRouter, office: Office) -> None:
    @routes.post("/teams", status_code=201, summary="Make a team")
    async def create_team(body: NewTeam) -> dict[str, Any]:
        budget = _nanos(body.budget_usd)
        team = await office.keys.create_team(body.id, budget_nanos=budget, now=office.today(), name=body.name)
        return await _team(office, team)

    @routes.get("/teams", summary="List the teams")
    async def list_teams() -> dict[str, Any]:
        return {"teams": [await _team(office, team) for team in await office.keys.teams()]}


def _keys(routes: APIRouter, office: Office) -> None:
    @routes.post("/keys", status_code=201, summary="Make a key; the answer shows its secret, once")
    async def create_key(body: NewKey) -> dict[str, Any]:
        limits = _limits(office, body)
        await office.keys.ensure_team(body.team, now=office.today())
        key, secret = await office.keys.create_key(body.team, name=body.name or "", limits=limits, now=office.today())
        return {**await _key(office, key), "key": secret}

    @routes.get("/keys", summary="List the keys")
    async def list_keys(team: str | None = None) -> dict[str, Any]:
        return {"keys": [await _key(office, key) for key in await office.keys.keys(team)]}

    @routes.get("/keys/{key_id}", summary="A key, and what it spent")
    async def get_key(key_id: str) -> dict[str, Any]:
        return await _key(office, await _found(office, key_id))

    @routes.patch("/keys/{key_id}", summary="Change a key's limits: what is not sent stays")
    async def update_key(key_id: str, body: KeyLimits) -> dict[str, Any]:
        key = await _found(office, key_id)
        changed = _changed(office, key.limits, body)
        name = key.name if body.name is None else body.name
        updated = await office.keys.update(key_id, limits=changed, name=name)
        return await _key(office, updated)

    @routes.delete("/keys/{key_id}", summary="Revoke a key; calls in flight finish")
    async def revoke_key(key_id: str) -> dict[str, Any]:
        await _found(office, key_id)
        return await _key(office, await office.keys.revoke(key_id, office.today()))


def _reports(routes: APIRouter, office: Office) -> None:
    @routes.get("/usage", summary="Spend by key, model, size, group and day")
    async def usage(
        team: str | None = None,
        key_id: str | None = None,
        since: Annotated[date | None, Query(description="First day, UTC; by default 30 days ago.")] = None,
        until: Annotated[date | None, Query(description="Last day, UTC; by default today.")] = None,
    ) -> dict[str, Any]:
        first, last = _days(since, until, datetime.fromtimestamp(office.today(), UTC).date())
        rows = await reports.usage(office.store, team=team, key_id=key_id, since=first, until=last)
        return {"since": first, "until": last, "rows": [shapes.usage(row) for row in rows]}

    @routes.get("/groups", summary="The groups, in order of preference")
    async def groups() -> dict[str, Any]:
        return {
            "groups": [{"name": each.name, "multiplier": shapes.decimal(each.multiplier)} for each in office.groups]
        }


def _days(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The first and the last day of a report, both included."""
    last = until or today
    first = since or max(last, date.min + timedelta(days=30)) - timedelta(days=30)
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise Problem(422, f"since must not be after until, and at most {_MOST_DAYS} days are reported at once.")
    return first, last


async def _found(office: Office, key_id: str) -> Key:
    key = await office.keys.get(key_id)
    if key is None:
        raise Problem(404, f"There is no key {key_id}.")
    return key


async def _team(office: Office, team: Team) -> dict[str, Any]:
    return shapes.team(team, await office.books.team_balance(team.id))


async def _key(office: Office, key: Key) -> dict[str, Any]:
    return shapes.key(key, await office.books.balance(key))


def _changed(office: Office, old: Limits, body: KeyLimits) -> Limits:
    """The old limits, with what the request names put in their place."""
    new = _limits(office, body)
    sent = body.model_fields_set
    return Limits(
        budget_nanos=new.budget_nanos if "budget_usd" in sent else old.budget_nanos,
        max_multiplier=new.max_multiplier if "max_multiplier" in sent else old.max_multiplier,
        models=new.models if "models" in sent else old.models,
        groups=new.groups if "groups" in sent else old.groups,
        expires_at=new.expires_at if "expires_in_s" in sent else old.expires_at,
    )


def _limits(office: Office, body: KeyLimits) -> Limits:
    return Limits(
        budget_nanos=_nanos(body.budget_usd),
        max_multiplier=None if body.max_multiplier is None else Fraction(body.max_multiplier),
        models=None if body.models is None else frozenset(_model_id(office.catalog, name) for name in body.models),
        groups=None if body.groups is None else frozenset(_group_name(office.groups, name) for name in body.groups),
        expires_at=None if body.expires_in_s is None else office.today() + body.expires_in_s,
    )


def _model_id(catalog: Catalog, name: str) -> str:
    named = catalog.find(name)
    if named is None:
        raise Problem(422, f"{name!r} is not a model here; known: {', '.join(model.id for model in catalog.models)}.")
    return named.model.id


def _group_name(groups: tuple[Group, ...], name: str) -> str:
    if name not in {group.name for group in groups}:
        raise Problem(422, f"{name!r} is not a group here; known: {', '.join(group.name for group in groups)}.")
    return name


def _nanos(usd: Decimal | None) -> int | None:
    try:
        return None if usd is None else nanos_of(usd)
    except ValueError as error:
        raise Problem(422, f"budget_usd: {error}") from None
