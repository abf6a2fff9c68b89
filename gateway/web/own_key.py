"""What a caller may ask about its own key, and about the service, with that very key."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from gateway.core.board import HealthBoard
from gateway.core.keys import Key
from gateway.core.past import seen_by_caller
from gateway.core.terms import Offer
from gateway.dialects.routes import credential
from gateway.ledger.calls import PastCalls
from gateway.ledger.ledger import Ledger
from gateway.ledger.shelf import Shelf
from gateway.vault.results import Results
from gateway.web import calls, fetching, reported, shapes
from gateway.web.calls import CallsWords
from gateway.web.exports import CONTENT, Format, WantedFormat, exported
from gateway.web.kept import Kept
from gateway.web.kept_calls import KeptCalls
from gateway.web.problems import Problem, as_problem
from gateway.web.reports import UsageWords, question, used
from gateway.web.status import Allowed, status


@dataclass(frozen=True, slots=True)
class Window:
    """What key holders look through. `shelf` is where the archive is, None: nowhere."""

    ledger: Ledger
    offer: Offer
    board: HealthBoard
    now: Callable[[], float]
    today: Callable[[], float]
    shelf: Shelf | None
    results: Results

    @property
    def kept(self) -> KeptCalls:
        return KeptCalls(PastCalls(self.ledger.store, self.shelf), self.results, self.today)

    async def holder(self, request: Request) -> Key:
        """The key that somebody sent."""
        key, _ = await self.opened(request)
        return key

    async def opened(self, request: Request) -> tuple[Key, str]:
        """The same, and the secret that it was."""
        secret = credential(request.headers, request.query_params)
        key = await self.ledger.keys.find(secret, self.today()) if secret else None
        if key is None or secret is None or not key.live(self.today()):
            raise Problem(401, "Send your own key, as for any other call.")
        return key, secret


def router(window: Window) -> APIRouter:
    routes = APIRouter(prefix="/gateway", tags=["own key"])
    _usage(routes, window)
    _calls(routes, window)
    _status(routes, window)
    _webhooks(routes, window)
    return routes


def _usage(routes: APIRouter, window: Window) -> None:
    ledger = window.ledger

    @routes.get(
        "/usage",
        summary="What the key spent and has running, and its budgets: in all, today and this month",
        response_model=reported.OwnUsage | reported.OwnReport,
        responses=CONTENT,
    )
    async def usage(request: Request, words: Annotated[UsageWords, Depends()], chosen: WantedFormat) -> Response:
        """With `by`, `since` or `until` also what it spent by day, model, size, group, route or hour, as `rows`.

        These alone are what CSV and Parquet have.
        """
        key = await window.holder(request)
        told = {"key_id": key.id, "team": key.team, **shapes.money(await ledger.books.account(key.team, key.id))}
        if words == UsageWords() and chosen is Format.JSON:
            return JSONResponse(told)
        with as_problem():
            asked = question(words, window.today(), team=key.team, key_id=key.id)
        table = await used(ledger.store, asked)
        return await exported(table, chosen, {**told, **asked.days()}, name=asked.named("usage"))


def _calls(routes: APIRouter, window: Window) -> None:
    kept = window.kept
    past = kept.past

    @routes.get(
        "/calls",
        summary="Recent calls of the key, the newest first",
        response_model=reported.Calls,
        responses=CONTENT,
    )
    async def list_calls(request: Request, words: Annotated[CallsWords, Depends()], chosen: WantedFormat) -> Response:
        key = await window.holder(request)
        with as_problem():
            page = await calls.read_page(past, words, team=key.team, key_id=key.id)
        return await calls.told(replace(page, calls=list(map(seen_by_caller, page.calls))), chosen)

    @routes.get(
        "/calls/{call_id}",
        summary="A call of the key, with what became of each attempt",
        response_model=reported.CallAndKept,
    )
    async def get_call(request: Request, call_id: str) -> dict[str, Any]:
        key = await window.holder(request)
        found = await past.find(call_id, team=key.team, key_id=key.id)
        return {**calls.document(seen_by_caller(found)), "kept": await kept.document(found)}

    async def find(request: Request, call_id: str) -> Kept:
        key = await window.holder(request)
        return await kept.of_key(call_id, team=key.team, key_id=key.id)

    fetching.add(routes, find)


def _status(routes: APIRouter, window: Window) -> None:
    offer = window.offer

    @routes.get(
        "/status",
        summary="How the groups are, how long pictures take, and how many calls succeed",
        response_model=reported.Status,
    )
    async def service(request: Request) -> dict[str, Any]:
        key = await window.holder(request)
        groups = [group for group in offer.groups if key.allows_group(group)]
        models = [model for model in offer.catalog.models if key.allows_model(model.id)]
        lately = await window.ledger.served.lately(window.today())
        return status(Allowed(groups, models), window.board, lately, window.now())


def _webhooks(routes: APIRouter, window: Window) -> None:
    @routes.get(
        "/webhook-secret",
        summary="What the webhooks of the key's jobs are signed with",
        response_model=reported.WebhookSecret,
    )
    async def webhook_secret(request: Request) -> dict[str, Any]:
        """As Standard Webhooks has it. A key that is rotated has another, and until its old secret ends both sign."""
        key, secret = await window.opened(request)
        return {"object": "webhook_secret", "secret": window.ledger.keys.webhook_secret(key, secret)}
