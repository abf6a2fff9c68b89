"""What orchestrators and Prometheus ask: is the process alive, can it serve, how does it do."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.core.board import HealthBoard
from gateway.core.errors import BooksAway
from gateway.ledger.outbox import Outbox
from gateway.ledger.store import Store
from gateway.observe.metrics import CONTENT_TYPE, Metrics
from gateway.relay.serve import Relay
from gateway.relay.supervisor import Supervisor
from gateway.upstream.lanes import Lanes


@dataclass(frozen=True, slots=True)
class Vitals:
    """What there is to ask about."""

    store: Store
    outbox: Outbox
    lanes: Lanes
    board: HealthBoard
    metrics: Metrics
    supervisor: Supervisor
    relay: Relay
    now: Callable[[], float]


class Welcome(BaseModel):
    name: str
    base_url: str
    routes: str


class Alive(BaseModel):
    status: str


class Ready(BaseModel):
    """Each is "ok", or says what is wrong."""

    ready: bool
    store: str
    journal: str
    lanes: str
    draining: str


def router(vitals: Vitals) -> APIRouter:
    routes = APIRouter(tags=["ops"])

    @routes.get("/", summary="What this is", response_model=Welcome)
    async def root() -> dict[str, str]:
        return {"name": "Nano Banana Gateway", "base_url": "/v1 (OpenAI) or / (Gemini)", "routes": "/openapi.json"}

    @routes.get("/healthz", summary="Whether the process runs", response_model=Alive)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get(
        "/readyz",
        summary="Whether it can serve: store and journal can be written, and a lane is usable",
        response_model=Ready,
        responses={503: {"model": Ready, "description": "It cannot."}},
    )
    async def readyz() -> JSONResponse:
        checks = {
            "store": await _store(vitals.store),
            "journal": vitals.outbox.failure or "ok",
            "lanes": "ok" if any(state.usable(vitals.now()) for state in vitals.lanes) else "no usable lane",
            "draining": "ok" if not vitals.supervisor.draining else "shutting down",
        }
        ready = all(state == "ok" for state in checks.values())
        return JSONResponse({"ready": ready, **checks}, status_code=200 if ready else 503)

    @routes.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        in_flight = {state.access.lane: state.in_flight for state in vitals.lanes}
        standings = vitals.board.standings(vitals.now())
        text = vitals.metrics.exposition(in_flight, standings, vitals.outbox.promises, vitals.relay.orders.left)
        return Response(text, media_type=CONTENT_TYPE)

    return routes


async def _store(store: Store) -> str:
    try:
        await store.ping()
    except BooksAway as away:
        return str(away)
    return "ok"
