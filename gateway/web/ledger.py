"""The books by the admin API: proven, what in them is not certain, and beside the seller's log."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from gateway.core.terms import Offer, amount_of
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger.comparison import comparison_of
from gateway.ledger.ledger import Ledger
from gateway.ledger.shelf import Shelf
from gateway.ledger.unsettled import UnsettledBooks, everything
from gateway.ledger.verify import verify
from gateway.web import answers, shapes
from gateway.web.forms import LogQuery, Verdict
from gateway.web.problems import Problem, as_problem
from gateway.web.reconciled import document

# Some hundred thousand calls. A longer log is for the command, which reads it from a file.
MOST_LOG_BYTES = 16 << 20

_LOG = {
    "requestBody": {
        "required": True,
        "description": f"The seller's log as it was exported, in UTF-8, at most {MOST_LOG_BYTES} bytes: CSV with a "
        "header, JSON lines, or the JSON of its log route.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "created_at,model_name,group,usd\n1796000000,gemini-3-pro-image-preview,Default,0.05\n",
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {}},
        },
    }
}


@dataclass(frozen=True, slots=True)
class Desk:
    """`acting` is the ledger for what whoever asks does in it; `shelf` where its archive is, None: nowhere."""

    offer: Offer
    acting: Callable[[Request], Ledger]
    today: Callable[[], float]
    shelf: Shelf | None


def add(routes: APIRouter, desk: Desk) -> None:
    _proof(routes, desk)
    _unsettled(routes, desk)
    _comparison(routes, desk)


def _proof(routes: APIRouter, desk: Desk) -> None:
    Acting = Annotated[Ledger, Depends(desk.acting)]  # noqa: N806  a type

    @routes.get(
        "/ledger/verify",
        summary="Every balance computed again from the rows of its ledger",
        response_model=answers.Verified,
    )
    async def verify_ledgers(
        acting: Acting,
        team: Annotated[str | None, Query(description="Only this team's.")] = None,
        store_alone: Annotated[
            bool, Query(description="Begin with what the store has noted of its archive, and do not read that.")
        ] = False,
    ) -> dict[str, Any]:
        shelf = None if store_alone else desk.shelf
        if team is not None:
            await acting.books.team_balance(team)  # or there is no such team
        found = [each async for each in verify(acting.books, team=team, shelf=shelf)]
        return {"right": not any(each.faults for each in found), "ledgers": list(map(shapes.verified, found))}


def _unsettled(routes: APIRouter, desk: Desk) -> None:
    Acting = Annotated[Ledger, Depends(desk.acting)]  # noqa: N806  a type

    @routes.get(
        "/ledger/unsettled",
        summary="Attempts and calls of which nobody knows whether they were billed",
        response_model=answers.Unsettled,
    )
    async def list_unsettled(acting: Acting) -> dict[str, Any]:
        return shapes.unsettled(await everything(acting.books), desk.today())

    @routes.post(
        "/ledger/unsettled/{attempt}/resolve",
        summary="Say whether an attempt was billed; it is said once",
        response_model=answers.Resolution,
    )
    async def resolve(attempt: str, body: Verdict, acting: Acting) -> dict[str, Any]:
        resolved = Resolved.BILLED if body.billed else Resolved.UNBILLED
        if body.usd is not None and not body.billed:
            raise Problem(422, "usd: what was not billed has no amount")
        with as_problem():
            nanos = amount_of(body.usd, "usd")
        books = UnsettledBooks(acting.store, acting.actor)
        return shapes.resolution(attempt, await books.resolve(attempt, resolved, Reason.HAND, nanos=nanos))


def _comparison(routes: APIRouter, desk: Desk) -> None:
    Acting = Annotated[Ledger, Depends(desk.acting)]  # noqa: N806  a type
    one_at_a_time = asyncio.Lock()

    @routes.post(
        "/ledger/reconcile",
        summary="The seller's call log beside the books",
        openapi_extra=_LOG,
        response_model=answers.Reconciled,
    )
    async def reconcile(request: Request, acting: Acting, asked: Annotated[LogQuery, Query()]) -> dict[str, Any]:
        with as_problem():
            comparison = comparison_of(asked.terms(), desk.offer)
        log = await _body(request)
        async with one_at_a_time:  # two would not be done sooner, and hold twice as much
            books = UnsettledBooks(acting.store, acting.actor)
            lines = io.TextIOWrapper(io.BytesIO(log), encoding="utf-8-sig", newline="")
            with as_problem():
                found = await comparison.made(books, lines, desk.today(), desk.shelf)
        return document(found, comparison.tolerance)


async def _body(request: Request) -> bytes:
    """The whole log; refused as soon as it is longer than may be."""
    said = request.headers.get("content-length", "0")
    body = bytearray()
    if not said.isdecimal() or int(said) <= MOST_LOG_BYTES:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_LOG_BYTES:
                break
        else:
            return bytes(body)
    raise Problem(
        413, f"The log is longer than {MOST_LOG_BYTES} bytes: send it day by day, or use `gateway ledger reconcile`."
    )
