"""What orchestrators and Prometheus ask: is the process alive, can it serve, how does it do.

Whichever worker of a gateway is asked answers for all of them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.core.errors import BooksAway
from gateway.ledger.outbox import Outbox
from gateway.ledger.store import Store
from gateway.observe.metrics import CONTENT_TYPE
from gateway.observe.siblings import Answer, Siblings
from gateway.observe.totals import Totals
from gateway.relay.supervisor import Supervisor
from gateway.upstream.lanes import Lanes

_OK = "ok"

# By the name of each: "ok", or what is wrong.
Checks = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vitals:
    """What there is to ask about. `siblings` None: there is one process, and nobody else is asked."""

    store: Store
    outbox: Outbox
    lanes: Lanes
    totals: Totals
    supervisor: Supervisor
    now: Callable[[], float]
    siblings: Siblings | None = None

    async def ready(self) -> Checks:
        """Of all workers that answer; a drain is of this one alone, since another may be replaced."""
        checks = await self._checks()
        if self.siblings is not None:
            said = await self.siblings.ask("checks")
            others = {number: json.loads(text) for number, text in said.items() if text}
            checks = worst({self.siblings.worker.number: checks} | others)
        return {**checks, "draining": "shutting down" if self.supervisor.draining else _OK}

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What other workers may ask of this one."""
        return {"checks": self._say_checks, "numbers": self.totals.answer}

    async def _say_checks(self) -> bytes:
        return json.dumps(await self._checks()).encode()

    async def _checks(self) -> Checks:
        return {
            "store": await _store(self.store),
            "journal": self.outbox.failure or _OK,
            "lanes": _OK if any(state.usable(self.now()) for state in self.lanes) else "no usable lane",
        }


def worst(checks: Mapping[int, Checks]) -> Checks:
    """Of each check the first worker's word that is not "ok", by their numbers, with that number."""
    found: dict[str, str] = {}
    for number, of_one in checks.items():
        for name, state in of_one.items():
            if found.setdefault(name, _OK) == _OK and state != _OK:
                found[name] = f"{state} (worker {number})"
    return found


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
        return {"status": _OK}

    @routes.get(
        "/readyz",
        summary="Whether it can serve: store and journal can be written, and a lane is usable",
        response_model=Ready,
        responses={503: {"model": Ready, "description": "It cannot."}},
    )
    async def readyz() -> JSONResponse:
        checks = await vitals.ready()
        ready = all(state == _OK for state in checks.values())
        return JSONResponse({"ready": ready, **checks}, status_code=200 if ready else 503)

    @routes.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(await vitals.totals.exposition(), media_type=CONTENT_TYPE)

    return routes


async def _store(store: Store) -> str:
    try:
        await store.ping()
    except BooksAway as away:
        return str(away)
    return _OK
