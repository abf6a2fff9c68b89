"""The admin API: teams, keys, drills, and what was spent. Every amount is a decimal string of dollars."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.core.allowance import Purpose
from gateway.core.events import Observer
from gateway.core.keys import Key, Limits, Team, TeamLimits
from gateway.core.metadata import Metadata
from gateway.core.metadata import changed as changed_metadata
from gateway.core.terms import Offer, TeamTerms, Terms, changed, limits_of, team_changed, team_limits_of
from gateway.ledger.adjustments import Adjustments
from gateway.ledger.calls import PastCalls
from gateway.ledger.ledger import Ledger
from gateway.ledger.shelf import Shelf
from gateway.ledger.zones import zone_of
from gateway.vault.results import Results
from gateway.web import all_jobs, answers, calls, fetching, ledger, reported, shapes, trail
from gateway.web.calls import CallsWords
from gateway.web.exports import CONTENT, WantedFormat, exported
from gateway.web.forms import KeyLimits, NewAdjustment, NewDrill, NewKey, NewTeam, Rotation, TeamChange
from gateway.web.gate import Gate
from gateway.web.kept import Kept
from gateway.web.kept_calls import KeptCalls
from gateway.web.kept_jobs import KeptJobs
from gateway.web.problems import DESCRIBED, Problem, as_problem
from gateway.web.reports import FirstDay, LastDay, UsageWords, question, used, waste
from gateway.web.told_jobs import ToldJobs


@dataclass(frozen=True, slots=True, eq=False)
class Office:
    """What administration works with.

    `admin_keys` are by the names of administrators; without any the API is shut. `shelf` is where the archive is.
    `observe` hears what is done, and who is refused.
    """

    admin_keys: Mapping[str, str] = field(repr=False)
    ledger: Ledger
    offer: Offer
    today: Callable[[], float]
    shelf: Shelf | None
    results: Results
    observe: Observer

    @property
    def gate(self) -> Gate:
        return Gate(self.admin_keys, self.observe)

    def acting(self, request: Request) -> Ledger:
        """The ledger for what whoever asks does in it."""
        return self.ledger.by(self.gate.actor(request))


def router(office: Office) -> APIRouter:
    class Guarded(APIRoute):
        """Asks for the admin key before a byte of the body is read; the framework would read it first."""

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            office.gate.admit(scope)
            await super().handle(scope, receive, send)

    routes = APIRouter(
        prefix="/admin/api",
        tags=["admin"],
        route_class=Guarded,
        responses=DESCRIBED,
        dependencies=[Depends(HTTPBearer(scheme_name="admin", auto_error=False))],  # for the description alone
    )
    _teams(routes, office)
    _keys(routes, office)
    _adjustments(routes, office)
    _drills(routes, office)
    _reports(routes, office)
    _calls(routes, office)
    _jobs(routes, office)
    trail.add(routes, office.ledger)
    ledger.add(routes, ledger.Desk(office.offer, office.acting, office.today, office.shelf))
    return routes


def _teams(routes: APIRouter, office: Office) -> None:
    Acting = Annotated[Ledger, Depends(office.acting)]  # noqa: N806  a type

    @routes.post("/teams", status_code=201, summary="Make a team", response_model=answers.Team)
    async def create_team(body: NewTeam, acting: Acting) -> dict[str, Any]:
        team = await acting.keys.create_team(
            body.id, now=office.today(), name=body.name, limits=_team_limits(body), metadata=_metadata((), body)
        )
        return await _team(office, team)

    @routes.get("/teams", summary="List the teams", response_model=answers.Teams)
    async def list_teams() -> dict[str, Any]:
        return {"teams": [await _team(office, team) for team in await office.ledger.keys.teams()]}

    @routes.get("/teams/{team_id}", summary="A team, and what its keys spent together", response_model=answers.Team)
    async def get_team(team_id: str) -> dict[str, Any]:
        return await _team(office, await _found_team(office, team_id))

    @routes.patch("/teams/{team_id}", summary="Change a team: what is not sent stays", response_model=answers.Team)
    async def update_team(team_id: str, body: TeamChange, acting: Acting) -> dict[str, Any]:
        team = await _found_team(office, team_id)
        limits = team_changed(team.limits, _team_limits(body), body.model_fields_set)
        name = team.name if body.name is None else body.name
        metadata = _metadata(team.metadata, body)
        updated = await acting.keys.update_team(team_id, name=name, limits=limits, metadata=metadata)
        return await _team(office, updated)

    @routes.delete(
        "/teams/{team_id}",
        summary="Revoke all keys of a team; what it spent stays in the books",
        response_model=answers.RevokedTeam,
    )
    async def revoke_team(team_id: str, acting: Acting) -> dict[str, Any]:
        team = await _found_team(office, team_id)
        revoked = await acting.keys.revoke_all(team_id, office.today())
        return {**await _team(office, team), "revoked_keys": revoked}


def _keys(routes: APIRouter, office: Office) -> None:
    Acting = Annotated[Ledger, Depends(office.acting)]  # noqa: N806  a type

    @routes.post(
        "/keys",
        status_code=201,
        summary="Make a key; the answer shows its secret, once",
        response_model=answers.KeyWithSecret,
    )
    async def create_key(body: NewKey, acting: Acting) -> dict[str, Any]:
        limits, metadata = _limits(office, body), _metadata((), body)
        await acting.keys.ensure_team(body.team, now=office.today())
        key, secret = await acting.keys.create_key(
            body.team, name=body.name or "", limits=limits, now=office.today(), metadata=metadata
        )
        return {**await _key(office, key), "key": secret}

    @routes.get("/keys", summary="List the keys", response_model=answers.Keys)
    async def list_keys(team: str | None = None) -> dict[str, Any]:
        return {"keys": [await _key(office, key) for key in await office.ledger.keys.keys(team)]}

    @routes.get("/keys/{key_id}", summary="A key, and what it spent", response_model=answers.Key)
    async def get_key(key_id: str) -> dict[str, Any]:
        return await _key(office, await _found(office, key_id))

    @routes.patch("/keys/{key_id}", summary="Change a key's limits: what is not sent stays", response_model=answers.Key)
    async def update_key(key_id: str, body: KeyLimits, acting: Acting) -> dict[str, Any]:
        key = await _found(office, key_id)
        limits = changed(key.limits, _limits(office, body), body.model_fields_set)
        name = key.name if body.name is None else body.name
        metadata = _metadata(key.metadata, body)
        updated = await acting.keys.update(key_id, limits=limits, name=name, metadata=metadata)
        return await _key(office, updated)

    @routes.post(
        "/keys/{key_id}/rotate",
        summary="Give a key a new secret, shown in the answer once; the old one goes on a while",
        response_model=answers.KeyWithSecret,
    )
    async def rotate_key(key_id: str, acting: Acting, body: Rotation | None = None) -> dict[str, Any]:
        await _found(office, key_id)
        overlap_s = (body or Rotation()).overlap_s
        key, secret = await acting.keys.rotate(key_id, overlap_s=overlap_s, now=office.today())
        return {**await _key(office, key), "key": secret}

    @routes.delete("/keys/{key_id}", summary="Revoke a key; calls in flight finish", response_model=answers.Key)
    async def revoke_key(key_id: str, acting: Acting) -> dict[str, Any]:
        await _found(office, key_id)
        return await _key(office, await acting.keys.revoke(key_id, office.today()))


def _adjustments(routes: APIRouter, office: Office) -> None:
    Acting = Annotated[Ledger, Depends(office.acting)]  # noqa: N806  a type

    @routes.post(
        "/keys/{key_id}/adjustments",
        status_code=201,
        summary="Put right by hand what a key and its team have spent",
        response_model=answers.Adjustment,
    )
    async def adjust_key(key_id: str, body: NewAdjustment, acting: Acting) -> dict[str, Any]:
        key = await _found(office, key_id)
        with as_problem():
            made = await Adjustments(acting.books, acting.actor).make(key, str(body.usd), body.why, name=body.name)
        return shapes.adjustment(key_id, *made)


def _drills(routes: APIRouter, office: Office) -> None:
    Acting = Annotated[Ledger, Depends(office.acting)]  # noqa: N806  a type

    @routes.post(
        "/drills",
        status_code=201,
        summary="Make a group dead, silent or slow for some calls, for a while",
        response_model=answers.Drill,
    )
    async def begin_drill(body: NewDrill, acting: Acting) -> dict[str, Any]:
        with as_problem():
            drill = await acting.drills.begin(body.terms(), office.offer.groups)
        return shapes.drill(drill, drill.begins_at)

    @routes.get("/drills", summary="List the drills that are on", response_model=answers.Drills)
    async def list_drills() -> dict[str, Any]:
        seen = await office.ledger.drills.on()
        return {"drills": [shapes.drill(drill, seen.now) for drill in seen.drills]}

    @routes.delete(
        "/drills/{drill_id}",
        summary="End a drill now: within two seconds every gateway has",
        response_model=answers.Drill,
    )
    async def end_drill(drill_id: str, acting: Acting) -> dict[str, Any]:
        drill = await acting.drills.end(drill_id)
        return shapes.drill(drill, drill.ends_at)


def _reports(routes: APIRouter, office: Office) -> None:
    @routes.get(
        "/usage",
        summary="What was spent: by day, team, key, model, size, group, route or hour",
        response_model=reported.Usage,
        responses=CONTENT,
    )
    async def usage(
        words: Annotated[UsageWords, Depends()],
        chosen: WantedFormat,
        team: str | None = None,
        key_id: str | None = None,
    ) -> Response:
        with as_problem():
            asked = question(words, office.today(), team=team, key_id=key_id)
        table = await used(office.ledger.store, asked)
        operator = shapes.operator(await office.ledger.books.operator_balance())
        return await exported(table, chosen, {**asked.days(), "operator": operator}, name=asked.named("usage"))

    @routes.get(
        "/waste",
        summary="What was paid and never delivered, by group and cause",
        response_model=reported.Waste,
        responses=CONTENT,
    )
    async def undelivered(
        chosen: WantedFormat,
        team: str | None = None,
        since: FirstDay = None,
        until: LastDay = None,
    ) -> Response:
        with as_problem():
            asked = question(UsageWords(None, since, until), office.today(), team=team)
        table, sums = await waste(office.ledger.store, asked)
        return await exported(table, chosen, {**asked.days(), **sums}, name=asked.named("waste"))

    @routes.get(
        "/allowances",
        summary="What all calls may pay for failover, and what they drew",
        response_model=reported.Allowances,
    )
    async def allowances() -> dict[str, Any]:
        drawn = {purpose: await office.ledger.allowances.of_installation(purpose) for purpose in Purpose}
        return {name: each for purpose in Purpose for name, each in shapes.allowance(purpose, drawn[purpose]).items()}

    @routes.get("/groups", summary="The groups, in order of preference", response_model=reported.Groups)
    async def groups() -> dict[str, Any]:
        return {
            "groups": [
                {"name": each.name, "multiplier": shapes.decimal(each.multiplier)} for each in office.offer.groups
            ]
        }


def _calls(routes: APIRouter, office: Office) -> None:
    past = PastCalls(office.ledger.store, office.shelf)
    kept = KeptCalls(past, office.results, office.today)

    @routes.get("/calls", summary="Recent calls, the newest first", response_model=reported.Calls, responses=CONTENT)
    async def list_calls(
        words: Annotated[CallsWords, Depends()],
        chosen: WantedFormat,
        team: str | None = None,
        key_id: str | None = None,
    ) -> Response:
        if key_id is not None:
            team = (await _found(office, key_id)).team
        with as_problem():
            page = await calls.read_page(past, words, team=team, key_id=key_id)
        return await calls.told(page, chosen)

    @routes.get(
        "/calls/{call_id}",
        summary="A call, with what became of each attempt and who paid for it",
        response_model=reported.CallAndKept,
    )
    async def get_call(call_id: str) -> dict[str, Any]:
        found = await past.find(call_id)
        return {**calls.document(found), "kept": await kept.document(found)}

    async def find(_: Request, call_id: str) -> Kept:
        return await kept.of_any(call_id)

    fetching.add(routes, find)


def _jobs(routes: APIRouter, office: Office) -> None:
    jobs = office.ledger.jobs
    told = ToldJobs(jobs, PastCalls(office.ledger.store))
    all_jobs.add(routes, told, KeptJobs(jobs, office.results, office.today), office.acting)


async def _found_team(office: Office, team_id: str) -> Team:
    team = await office.ledger.keys.team(team_id)
    if team is None:
        raise Problem(404, f"There is no team {team_id}.")
    return team


async def _found(office: Office, key_id: str) -> Key:
    key = await office.ledger.keys.get(key_id)
    if key is None:
        raise Problem(404, f"There is no key {key_id}.")
    return key


async def _team(office: Office, team: Team) -> dict[str, Any]:
    account, drawn = await office.ledger.books.account(team.id), await office.ledger.allowances.of_team(team.id)
    return shapes.team(team, account, drawn)


async def _key(office: Office, key: Key) -> dict[str, Any]:
    return shapes.key(key, await office.ledger.books.account(key.team, key.id), office.today())


def _team_limits(body: TeamChange) -> TeamLimits:
    with as_problem():
        return team_limits_of(TeamTerms(**body.model_dump(exclude={"id", "name", "metadata"})), zone_of)


def _limits(office: Office, body: KeyLimits) -> Limits:
    terms = Terms(**body.model_dump(exclude={"team", "name", "metadata"}))
    with as_problem():
        return limits_of(terms, office.offer, office.today())


def _metadata(old: Metadata, body: TeamChange | KeyLimits) -> Metadata:
    if "metadata" not in body.model_fields_set:
        return old
    with as_problem():
        return changed_metadata(old, body.metadata)
