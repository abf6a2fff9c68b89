"""The simulator as one ASGI app, and the door to this room.

`build_sim` makes the app, `serve` runs it on a port. The routes that draw are the seller's; those
under /sim/ are for whoever rehearses: the bill, what was received, what was sent, the schedule.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.sim import script, seller, sheet, tables, wire
from gateway.sim.bill import Bill, SimKey
from gateway.sim.calls import Calls
from gateway.sim.faults import FAULTS
from gateway.sim.record import Record, Recording
from gateway.sim.script import Schedule
from gateway.sim.seller import Refused
from gateway.sim.settings import SimSettings
from gateway.sim.turns import Turns

__all__ = ["SimKey", "SimSettings", "build_sim", "serve"]


def build_sim(settings: SimSettings) -> ASGIApp:
    """The simulator. Under `serve` its connections can be reset; another server knows no such thing."""
    books, record = Bill(), Record()
    schedule = Schedule(settings.schedule, time.monotonic())
    turns = Turns(settings, schedule)
    calls = Calls(turns, books=books, record=record, light=settings.weight == "light")
    lists = _Lists(turns)
    desk = _Desk(settings, books=books, record=record, schedule=schedule, calls=calls)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        calls.stop()

    native = calls.route(partial(sheet.native, strict_signatures=settings.strict_signatures))
    completions = calls.route(sheet.completions)
    app = Starlette(
        routes=[
            Route("/v1beta/models/{target:path}", native, methods=["POST"]),
            Route("/v1/models/{target:path}", native, methods=["POST"]),
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/models", lists.models),
            Route("/v1beta/models", lists.native_models),
            Route("/sim/bill", desk.bill, methods=["GET", "DELETE"]),
            Route("/sim/requests", desk.requests),
            Route("/sim/replies/{id:path}", desk.reply),
            Route("/sim/schedule", desk.rules, methods=["GET", "POST", "DELETE"]),
            Route("/sim/status", desk.status),
        ],
        exception_handlers={HTTPException: _no_route, Refused: _refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Recording(app, record)


def serve(settings: SimSettings, host: str, port: int, *, ready: Callable[[int], None] | None = None) -> None:
    """Runs the simulator until a signal ends it. Says where it listens; `ready` is told the port."""

    def announce(bound: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"sim: http://{shown}:{bound}\n")
        sys.stdout.flush()
        if ready is not None:
            ready(bound)

    wire.run(build_sim(settings), wire.listen(host, port), ready=announce)


class _Lists:
    """What the seller answers without drawing: the lists of its models."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def models(self, request: Request) -> Response:
        """The list in the caller's dialect, which on this path only the credential tells."""
        if "x-goog-api-key" in request.headers or "key" in request.query_params:
            return await self.native_models(request)
        self._turns.key(request)
        rows = [
            {"id": each, "object": "model", "created": 1626777600, "owned_by": "google"} for each in tables.MODEL_IDS
        ]
        return JSONResponse({"object": "list", "data": rows})

    async def native_models(self, request: Request) -> Response:
        """Bare names and no next page, as the seller's software has it."""
        self._turns.key(request)
        rows = [{"name": each, "displayName": each} for each in tables.MODEL_IDS]
        return JSONResponse({"models": rows, "nextPageToken": None})


class _Desk:
    """The routes under /sim/."""

    def __init__(self, settings: SimSettings, *, books: Bill, record: Record, schedule: Schedule, calls: Calls) -> None:
        self._settings = settings
        self._books = books
        self._record = record
        self._schedule = schedule
        self._calls = calls
        self._since = time.monotonic()

    async def bill(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._books.clear()
        return JSONResponse(self._books.as_json())

    async def requests(self, request: Request) -> Response:
        return JSONResponse(self._record.requests())

    async def reply(self, request: Request) -> Response:
        sent = self._record.reply(request.path_params["id"])
        if sent is None:
            return JSONResponse({"error": "no reply is kept under this id"}, status_code=404)
        return Response(sent, media_type="application/octet-stream")

    async def rules(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse(self._schedule.as_json())
        try:
            document = await request.json() if request.method == "POST" else []
            rules = script.read_rules(document, tuple(FAULTS))
        except ValueError as exc:
            return JSONResponse({"error": str(exc)}, status_code=400)
        self._schedule.replace(rules, time.monotonic())
        return JSONResponse(self._schedule.as_json())

    async def status(self, request: Request) -> Response:
        settings = self._settings
        return JSONResponse(
            {
                "up_s": round(time.monotonic() - self._since, 3),
                "speed": settings.speed,
                "seed": settings.seed,
                "weight": settings.weight,
                "groups": [asdict(key) for key in settings.keys.values()],
                "faults": list(FAULTS),
                "schedule": self._schedule.as_json(),
                "requests": self._record.noted,
                "waiting": self._calls.waiting,
                "at_work": self._calls.at_work,
                "answers": len(self._books),
                "total_nanos": str(self._books.total_nanos),
            }
        )


async def _no_route(request: Request, _: Exception) -> Response:
    return _response(seller.no_route(request.method, request.url.path).answer("sim"))


async def _refused(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refused)
    return _response(exc.complaint.answer("sim"))


def _response(answer: seller.Answer) -> Response:
    return Response(b"".join(answer.body), status_code=answer.status, media_type=answer.media_type)
