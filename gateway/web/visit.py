"""One request on a caller's route, from its head to its answer.

The order is the policy: who asks is known before a byte of the body is read, and what is asked is
checked before anything is spent.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.core import asks
from gateway.core.call import CHANCES, Call, Parsed, call_id
from gateway.core.catalog import Catalog
from gateway.core.claims import Claim
from gateway.core.errors import (
    BadRequest,
    CallerLeft,
    GatewayBusy,
    GatewayError,
    InternalError,
    MissingKey,
    NotAllowed,
    UnknownKey,
)
from gateway.core.events import CallRefused, Observer
from gateway.core.headers import FAILOVER, MAX_MULTIPLIER, QUOTE
from gateway.core.jobs import LONGEST_S
from gateway.core.keys import Key, Mode
from gateway.core.terms import tightened
from gateway.dialects import routes
from gateway.dialects.base import Asked, Dialect
from gateway.ledger.claims import Claims
from gateway.ledger.keys import Keys
from gateway.ledger.signatures import Signatures
from gateway.relay.serve import Relay
from gateway.relay.supervisor import Supervisor
from gateway.upstream.fetch import Fetcher
from gateway.web import claims, later, shapes
from gateway.web.bodies import Bodies
from gateway.web.deliveries import refuse_without_job
from gateway.web.files import Files
from gateway.web.links import Addresses
from gateway.web.reply import AsgiSink, send_error, send_json
from gateway.web.request import Scope, request_of
from gateway.web.workshop import Workshop

log = logging.getLogger("gateway")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the edge works with."""

    relay: Relay
    keys: Keys
    claims: Claims
    workshop: Workshop
    signatures: Signatures
    fetcher: Fetcher
    catalog: Catalog
    dialects: Mapping[str, Dialect]
    supervisor: Supervisor
    observe: Observer
    bodies: Bodies
    files: Files
    addresses: Addresses
    patience_s: float
    mode: Mode
    now: Callable[[], float]
    today: Callable[[], float]


class Visit:
    """`key` is whose it is, where that is known already: then it is a job's, and nobody waits for it.

    `error` is what the caller was told in place of an answer, or behind the beginning of one.
    """

    def __init__(self, desk: Desk, scope: Scope, receive: Any, send: Any, key: Key | None = None) -> None:
        self.error: GatewayError | None = None
        self._job_of = key
        self._desk = desk
        self._receive = receive
        self._send = send = desk.files.watched(scope["path"], send)
        self._scope = scope
        self._request = request_of(scope, new_id=f"req_{secrets.token_hex(12)}", arrived_at=desk.now())
        request = self._request
        self._gemini = routes.speaks_gemini(request.path, request.headers, request.query)
        self._dialect = desk.dialects[routes.GEMINI if self._gemini else routes.CHAT]
        self._operation = "unknown"
        self._call_id = call_id(desk.today(), secrets.token_hex(CHANCES))
        self._sink = AsgiSink(send, self._request.id, self._call_id)
        self._is_call = False
        self._grown = 0  # beyond the body that came

    async def answer(self) -> None:
        try:
            await self._answer()
        except CallerLeft:
            return
        except GatewayError as error:
            await self._tell(error)
        except Exception:
            # Whatever this is, it is a bug: the caller gets an answer in its own format all the same.
            log.exception("request %s failed", self._request.id)
            if not self._sink.started:
                await self._tell(InternalError("The gateway failed; try again, and tell its operator the request id."))

    async def _answer(self) -> None:
        desk, request = self._desk, self._request
        if desk.supervisor.draining:
            raise GatewayBusy("This gateway is shutting down; try again.")
        if desk.files.takes(request.path, gemini=self._gemini):
            self._dialect, self._operation = desk.dialects[routes.GEMINI], "files"
            await desk.files.answer(request, self._scope, self._receive, self._send, self._holder)
            return
        route = routes.route(request.method, request.path, gemini=self._gemini)
        self._dialect, self._operation = desk.dialects[route.dialect], route.operation
        key = self._as_asked(self._job_of or await self._holder())
        asked = Asked(
            operation=route.operation,
            version=route.version,
            model=route.model,
            query=request.query,
            body=await desk.bodies.read(request, self._receive),
            content_type=request.headers.get("content-type", ""),
            agent=request.headers.get("user-agent", ""),
            fetches=desk.fetcher.allowed,
            show=key.limits.chat_pictures,
        )
        size = len(asked.body)
        try:
            if route.operation.relayed:
                call = await self._translated(asked, key)
                del asked  # nobody needs what the call was translated from while it is drawn
                if call is not None:
                    await self._relay(call)
            else:
                allowed = tuple(model for model in desk.catalog.models if key.allows_model(model.id))
                await send_json(self._send, request.id, self._dialect.local(asked, desk.catalog, allowed))
        finally:
            desk.bodies.forgotten(size + self._grown)

    async def _translated(self, asked: Asked, key: Key) -> Call | None:
        """The call to relay; None: its caller was told at once, of a job or of a price."""
        desk = self._desk
        parsed = self._parsed(asked, key)
        if parsed.addresses or parsed.unsigned:
            parsed = await self._found(asked, key, parsed)
        if parsed.files:
            parsed = await desk.files.inlined(parsed, key.team, self._request, self._grow)
        call = self._called(asked, key, parsed, await claims.read(self._request, asked, key, desk.claims))
        return None if await self._told(call, asked.body) else call

    async def _holder(self) -> Key:
        request = self._request
        secret = routes.credential(request.headers, request.query)
        if secret is None:
            raise MissingKey("No API key in the request. Send yours as your SDK does: it begins with sk-gw-.")
        key = await self._desk.keys.find(secret, self._desk.today())
        if key is None or not key.live(self._desk.today()):
            raise UnknownKey("API key not valid. It is unknown here, revoked or expired; ask whoever gave it to you.")
        return key

    def _as_asked(self, key: Key) -> Key:
        """The key as this one request may use it."""
        headers = self._request.headers
        limits = tightened(
            key.limits,
            self._desk.mode,
            max_multiplier=headers.get(MAX_MULTIPLIER),
            failover=headers.get(FAILOVER),
        )
        return key if limits is key.limits else replace(key, limits=limits)

    async def _found(self, asked: Asked, key: Key, parsed: Parsed) -> Parsed:
        """The request with all that it leaves to be found: pictures at addresses, signatures of earlier answers."""
        pictures = await self._desk.fetcher.fetch(parsed.addresses)
        self._grow(sum(map(len, pictures.values())))
        if pictures:
            asked = replace(asked, pictures=pictures)
            parsed = self._parsed(asked, key)
        if known := await self._desk.signatures.recall(key.team, parsed.unsigned):
            parsed = self._parsed(replace(asked, signatures=known), key)
        return parsed

    def _grow(self, size: int) -> None:
        """Counts what the request grows by here, for as long as it lasts; raises `GatewayBusy`."""
        self._desk.bodies.grow(size)
        self._grown += size

    def _parsed(self, asked: Asked, key: Key) -> Parsed:
        parsed = self._dialect.parse(asked, self._desk.catalog)
        asks.check(parsed.ask)
        model = parsed.ask.model
        if not key.allows_model(model.id):
            raise NotAllowed(f"This key may not use {model.id}; ask whoever gave it to you.", param="model")
        return parsed

    def _called(self, asked: Asked, key: Key, parsed: Parsed, claim: Claim) -> Call:
        desk, request = self._desk, self._request
        return Call(
            id=self._call_id,
            request_id=request.id,
            key=key,
            dialect=self._dialect.name,
            operation=asked.operation,
            parsed=parsed,
            arrived_at=request.arrived_at,
            made_at=desk.today(),
            patience_s=request.patience_s(desk.patience_s) if self._job_of is None else LONGEST_S,
            claim=claim,
            address=desk.addresses.on(self._scope, request.headers),
        )

    async def _told(self, call: Call, body: bytes) -> bool:
        """Whether the caller is told at once, of a job or of a price, and nothing is to be relayed."""
        match self._request.headers.get(QUOTE):
            case None if self._job_of is None and later.wanted(self._request.headers):
                job = await self._desk.workshop.submit(self._request, body, call, self._ask)
                await send_json(self._send, self._request.id, later.accepted(job), status=202, headers=later.head(job))
                return True
            case None:
                refuse_without_job(self._request.headers)
                return False
            case "only":
                quote = shapes.quote(call, self._desk.relay.quote(call))
                await send_json(self._send, self._request.id, json.dumps(quote, indent=2).encode())
                return True
            case other:
                raise BadRequest(f"{other!r} is no way to ask for a quote; write only", param=QUOTE)

    async def _relay(self, call: Call) -> None:
        self._is_call = True
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch(), name=f"watch {call.id}")
            try:
                self.error = await self._desk.relay.serve(call, self._dialect, self._sink)
            except GatewayError as error:
                await self._tell(error)
            except CallerLeft:
                pass
            finally:
                watch.cancel()

    async def _watch(self) -> None:
        """Notes when the caller hangs up."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._sink.leave()

    async def _ask(self, scope: Scope, receive: Any, send: Any, key: Key) -> GatewayError | None:
        return await ask(self._desk, scope, receive, send, key)

    async def _tell(self, error: GatewayError) -> None:
        self.error = error
        request = self._request
        call_id = self._call_id if self._is_call else None
        await send_error(self._send, self._dialect, error, request.id, call_id)
        if not self._is_call:
            self._desk.observe(
                CallRefused(
                    request_id=request.id,
                    dialect=self._dialect.name,
                    operation=self._operation,
                    status=self._dialect.error(error)[0],
                    code=error.code,
                    total_s=self._desk.now() - request.arrived_at,
                )
            )


async def ask(desk: Desk, scope: Scope, receive: Any, send: Any, key: Key) -> GatewayError | None:
    """Asks for a job what a caller would have asked; the error that was told, None: an answer."""
    visit = Visit(desk, scope, receive, send, key)
    await visit.answer()
    return visit.error
