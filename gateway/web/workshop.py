"""Where jobs are drawn: each asked as its caller would have asked, and its answer put away.

What was asked is in the vault before the caller is told of the job. Whoever runs one says so every few seconds; when
that stops, another gateway goes on with it. It asks under the same Idempotency-Key, and so joins what was sent, has
what came of it, or hears that nobody knows: nothing is sent twice.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from gateway.core.call import Call
from gateway.core.claims import Claim
from gateway.core.errors import (
    BadRequest,
    BooksAway,
    GatewayBusy,
    GatewayError,
    InternalError,
    KeyReused,
    NotFound,
    UnknownKey,
)
from gateway.core.events import JobEnded, Observer
from gateway.core.headers import CALL_ID, IDEMPOTENCY_KEY, IDEMPOTENCY_RESEND, PREFER, WEBHOOK
from gateway.core.jobs import Job, State, Tried, again_s, came_to
from gateway.core.keys import Key
from gateway.ledger.jobs import Jobs
from gateway.ledger.keys import Keys
from gateway.relay.supervisor import Supervisor
from gateway.vault.errors import NoSuchResult
from gateway.vault.records import Label, Rank
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.tape import Tape
from gateway.web.deliveries import Deliveries
from gateway.web.kept_jobs import KeptJobs, asked_as
from gateway.web.request import Request, Scope

log = logging.getLogger("gateway")

# Asks for a key what a request asks; the error that was told, None: an answer.
Ask = Callable[[Scope, Any, Any, Key], Awaitable[GatewayError | None]]

# Of a request's headers these go with it: what it says of itself and of how it is to be drawn, and no credential.
_GO_WITH_IT = (IDEMPOTENCY_KEY, IDEMPOTENCY_RESEND, "content-type", "user-agent", "accept", "host")
_SO_DO = ("x-gateway-",)


@dataclass(frozen=True, slots=True)
class Bench:
    """What the workshop works with."""

    jobs: Jobs
    keys: Keys
    results: Results
    spools: Spools
    supervisor: Supervisor
    observe: Observer
    deliveries: Deliveries
    today: Callable[[], float]

    @property
    def kept(self) -> KeptJobs:
        return KeptJobs(self.jobs, self.results, self.today)


class Workshop:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._held: set[str] = set()

    async def submit(self, request: Request, body: bytes, call: Call, ask: Ask) -> Job:
        """A job for a request that was found right; under an Idempotency-Key the same for the same request.

        Raises `BadRequest` for a key that retains nothing and for a webhook that is not told, `GatewayBusy` where what
        it asks cannot be kept, and `BooksAway`.
        """
        bench, key = self._bench, call.key
        if not key.limits.retain:
            raise BadRequest("Nothing is kept for this key, so that it has no jobs; ask without Prefer.", param=PREFER)
        made_at, claim = bench.today(), call.claim
        asked = "" if claim is None else claim.asked
        job = Job(
            id=_id_of(claim),
            team=key.team,
            key_id=key.id,
            state=State.RUNNING,
            route=call.route,
            model=call.ask.model.id,
            asked=asked,
            pictures=call.parsed.count,
            made_at=made_at,
            webhook=bench.deliveries.wanted(request.headers),
        )
        known = await self._known(job.id, key)
        if known is None:
            await self._put_away(job, request, body)
            if await bench.jobs.add(job):
                self._begin(job, ask)
                return job
            known = await bench.jobs.find(job.id, key_id=key.id)  # another was faster
        if known.asked != asked:
            raise KeyReused
        return known

    async def turn(self, ask: Ask) -> None:
        """Says which jobs are ours, and goes on with one that nobody has; to be taken every few seconds."""
        bench = self._bench
        with suppress(BooksAway):  # others tell of that
            await asyncio.gather(*(bench.jobs.hold(job_id) for job_id in self._held))
            while not bench.supervisor.draining and (job := await bench.jobs.take()):
                self._begin(job, ask)

    def _begin(self, job: Job, ask: Ask) -> None:
        self._held.add(job.id)
        self._bench.supervisor.start(self._through(job, ask), name=job.id)

    async def _through(self, job: Job, ask: Ask) -> None:
        try:
            await self._run(job, ask)
        finally:
            self._held.discard(job.id)

    async def _run(self, job: Job, ask: Ask) -> None:
        bench = self._bench
        while True:
            begun_at = bench.today()
            job = replace(job, state=State.RUNNING, tries=job.tries + 1, begun_at=job.begun_at or begun_at)
            if not await self._noted(job):
                return
            tape = Tape(bench.spools)
            try:
                heard = await self._asked_once(job, tape, ask)
                wait_s = again_s(heard.tried, job.tries, bench.today() - job.made_at)
                if wait_s is None:
                    await self._end(job, heard, tape)
                    return
            finally:
                tape.drop()
            job = replace(job, state=State.QUEUED, code=heard.code)
            if not await self._noted(job):
                return
            await bench.supervisor.rest(wait_s)
            if bench.supervisor.draining:
                return

    async def _asked_once(self, job: Job, tape: Tape, ask: Ask) -> "Heard":
        heard = Heard(tape)
        try:
            heard.error = await self._ask(job, heard, ask)
        except BooksAway as away:
            heard.error = away
        except (OSError, NoSuchResult):
            log.exception("job %s cannot be read", job.id)
            heard.error = GatewayBusy("What is kept of this job cannot be read at the moment.")
        except Exception:
            # Whatever this is, it is a bug: whoever takes the job next would meet it too.
            log.exception("job %s failed", job.id)
            heard.error = InternalError("The gateway failed; tell its operator the job's id.")
        tape.close()
        return heard

    async def _ask(self, job: Job, heard: "Heard", ask: Ask) -> GatewayError | None:
        bench = self._bench
        asked = await bench.results.find(job.team, asked_as(job), bench.today())
        key = await bench.keys.get(job.key_id)
        if asked is None:
            return InternalError("What this job asked is not kept any more.")
        if key is None or not key.live(bench.today()):
            return UnknownKey("The key of this job is revoked or expired.")
        body = b"".join([piece async for piece in bench.results.read(asked, 0)])
        return await ask(_scope(asked.facts), _receive(body), heard.send, key)

    async def _end(self, job: Job, heard: "Heard", tape: Tape) -> None:
        """The answer first, and then that it is there. An error that nobody could word has no answer."""
        bench, facts = self._bench, {"status": heard.status, "headers": heard.headers}
        label = Label(job.team, job.id, job.key_id, Rank.KEYED, facts)
        kept = bool(heard.status) and await bench.results.keep(label, [tape], bench.today()) is None
        job = replace(
            job,
            state=came_to(heard.tried),
            ended_at=bench.today(),
            call_id=heard.headers.get(CALL_ID),
            status=heard.status or (heard.error.status if heard.error else None),
            code=heard.code if kept or heard.error else "answer_gone",
        )
        await self._noted(job)
        await bench.kept.throw_away(job.team, asked_as(job))
        bench.observe(JobEnded(job))
        if job.webhook is not None:
            bench.deliveries.soon()

    async def _noted(self, job: Job) -> bool:
        """Whether it is still ours; with the store away it is, for all that is known."""
        while True:
            try:
                return await self._bench.jobs.note(job)
            except BooksAway:
                if not job.state.final:
                    return True
                await asyncio.sleep(1.0)

    async def _known(self, job_id: str, key: Key) -> Job | None:
        try:
            return await self._bench.jobs.find(job_id, key_id=key.id)
        except NotFound:
            return None

    async def _put_away(self, job: Job, request: Request, body: bytes) -> None:
        bench, facts = self._bench, _facts(request, job)
        tape = Tape(bench.spools)
        try:
            await tape.put(body)
            tape.close()
            label = Label(job.team, asked_as(job), job.key_id, Rank.KEYED, facts)
            if await bench.results.keep(label, [tape], bench.today()) is not None:
                raise GatewayBusy("There is no room to keep this job; ask for it later, or without Prefer.")
        finally:
            tape.drop()


class Heard:
    """An answer as it is told to nobody: its head here, its body on the tape."""

    def __init__(self, tape: Tape) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.error: GatewayError | None = None
        self._tape = tape

    @property
    def tried(self) -> Tried:
        return Tried(self.status, self.error)

    @property
    def code(self) -> str | None:
        return self.error.code if self.error else "ok"

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            await self._tape.put(message.get("body", b""))


def _id_of(claim: Claim | None) -> str:
    """Under the same Idempotency-Key the same."""
    return f"job_{secrets.token_hex(16) if claim is None or claim.once is None else claim.once}"


def _facts(request: Request, job: Job) -> dict[str, Any]:
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in _GO_WITH_IT or (name.startswith(_SO_DO) and name != WEBHOOK)
    }
    return {
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "query": request.asked,
        "headers": {IDEMPOTENCY_KEY: job.id, **headers},
    }


def _scope(facts: Mapping[str, Any]) -> Scope:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in facts["headers"].items()]
    return {
        "type": "http",
        "scheme": facts["scheme"],
        "method": facts["method"],
        "path": facts["path"],
        "query_string": urlencode(facts["query"]).encode("latin-1"),
        "headers": headers,
    }


def _receive(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The body, and then nobody who would ever hang up."""
    told = False

    async def receive() -> dict[str, Any]:
        nonlocal told
        if told:
            await asyncio.get_running_loop().create_future()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
