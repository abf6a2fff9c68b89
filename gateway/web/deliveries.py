"""Where those are told who want to hear that a job is over, by whichever gateway of a store comes to it first."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import BadRequest, BooksAway
from gateway.core.events import Observer, WebhookTried
from gateway.core.headers import WEBHOOK
from gateway.core.jobs import Job
from gateway.core.reach import OutOfReach
from gateway.core.webhooks import Webhook, headers, message
from gateway.ledger.jobs import Jobs
from gateway.ledger.keys import Keys
from gateway.relay.supervisor import Supervisor
from gateway.upstream.telling import Teller
from gateway.web.told_jobs import ToldJobs

# So many receivers are told at a time, so that one that is silent keeps no other waiting.
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Post:
    """What deliveries work with. `public_url` is the address that callers know; None: it is not known."""

    jobs: Jobs
    keys: Keys
    told: ToldJobs
    teller: Teller
    supervisor: Supervisor
    observe: Observer
    today: Callable[[], float]
    public_url: str | None


class Deliveries:
    def __init__(self, post: Post) -> None:
        self._post = post
        self._telling = 0

    def wanted(self, headers: Mapping[str, str]) -> Webhook | None:
        """Who is to be told, by the headers of a request for a job; raises `BadRequest` for whom we tell nothing."""
        url = headers.get(WEBHOOK)
        if url is None:
            return None
        receivers = self._post.teller.receivers
        if not receivers.hosts:
            raise BadRequest(
                "This gateway tells nobody that a job is over: ask without X-Gateway-Webhook, and look at the job. Its "
                "operator can name hosts that may be told, in webhooks.hosts.",
                param=WEBHOOK,
            )
        try:
            receivers.target(url)
        except OutOfReach as reason:
            raise BadRequest(f"The address in X-Gateway-Webhook {reason}. Nothing was drawn.", param=WEBHOOK) from None
        return Webhook(url)

    def soon(self) -> None:
        """A job is over, of which somebody may want to hear."""
        self._post.supervisor.start(self.turn(), name="webhooks")

    async def turn(self) -> None:
        """Tells all whose time has come; to be taken every few seconds."""
        post = self._post
        with suppress(BooksAway):  # others tell of that
            while self._telling < _AT_ONCE and not post.supervisor.draining and (job := await post.jobs.tell()):
                self._telling += 1
                post.supervisor.start(self._through(job), name=f"webhook of {job.id}")

    async def _through(self, job: Job) -> None:
        try:
            with suppress(BooksAway):  # the next who looks tells it, perhaps again
                await self._tell(job)
        finally:
            self._telling -= 1

    async def _tell(self, job: Job) -> None:
        post, webhook, now = self._post, job.webhook, self._post.today()
        key = await post.keys.get(job.key_id)
        if webhook is None or key is None:
            return
        body = message(await self._shown(job), job.ended_at or now)
        signed = headers(job.id, now, body, post.keys.webhook_secrets(key, now))
        delivery = await post.teller.tell(webhook.url, body, signed)
        webhook = webhook.after(delivery)
        post.observe(WebhookTried(job, webhook))
        await post.jobs.told(job.id, webhook)

    async def _shown(self, job: Job) -> dict[str, Any]:
        """The job as its key sees it, but for what became of telling; with a whole address where there is one."""
        shown = await self._post.told.one(job)
        del shown["webhook"]
        base = (self._post.public_url or "").rstrip("/")
        return {**shown, "result": f"{base}{shown['result']}"}


def refuse_without_job(headers: Mapping[str, str]) -> None:
    """Raises `BadRequest` for a request that names somebody to tell and waits itself."""
    if WEBHOOK in headers:
        raise BadRequest("X-Gateway-Webhook is for jobs; send Prefer: respond-async with it.", param=WEBHOOK)
