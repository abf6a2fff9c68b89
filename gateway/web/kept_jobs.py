"""What is kept of a job: the answer to what it asked, for whoever may have it, and what it asked until it is over."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.errors import AnswerGone
from gateway.core.headers import CONTENT_LENGTH, CONTENT_TYPE, JOB_ID
from gateway.core.jobs import Job, State
from gateway.core.trail import Actor
from gateway.dialects.base import EVENT_STREAM
from gateway.ledger.jobs import Jobs
from gateway.vault.results import Results
from gateway.web import kept_calls, later
from gateway.web.downloads import Download


class NotOver(kept_calls.NotOver):
    code = "job_not_over"
    reason = "JOB_NOT_OVER"
    retry_after_s = later.ASK_EVERY_S


def asked_as(job: Job) -> str:
    """Under which name the vault has what a job asks: two that come under one Idempotency-Key may ask two things."""
    return f"{job.id}.{job.asked}"


@dataclass(frozen=True, slots=True)
class KeptJobs:
    """The answers in the vault, beside the jobs that they are of."""

    jobs: Jobs
    results: Results
    today: Callable[[], float]

    async def answer(self, job: Job) -> Download:
        """What its request would have been answered without Prefer: status, headers and body.

        Raises `NotOver`, `AnswerGone` and `GatewayBusy`.
        """
        if not job.state.final:
            raise NotOver(f"job {job.id} is {job.state}; ask again")
        result = await kept_calls.looked_for(self.results, job.team, job.id, self.today())
        if result is None:
            raise AnswerGone(f"the answer of job {job.id} is not kept any more; it was charged if it was a picture")

        def read(begin: int, end: int) -> AsyncGenerator[bytes]:
            return self.results.read(result, 0, begin, end)

        headers = {**result.facts["headers"], JOB_ID: job.id}
        headers.pop(CONTENT_LENGTH, None)
        suffix = "txt" if headers[CONTENT_TYPE].startswith(EVENT_STREAM) else "json"
        # One whose gateway stood still may have been answered twice; then the later answer is there.
        tag = f"{job.id}.{round(result.made_at * 1000):x}"
        return Download(f"{job.id}.{suffix}", tag, result.sizes[0], headers, read, result.facts["status"])

    async def forget(self, job: Job, by: Actor | None) -> State:
        """Deletes a job with its answer and what it asked, and says how it stood; raises `NotFound`.

        The trail tells of an administrator, None: its key does it.
        """
        state = await self.jobs.forget(job, by)
        for name in (job.id, asked_as(job)):
            await self.throw_away(job.team, name)
        return state

    async def throw_away(self, team: str, name: str) -> None:
        """Deletes what the vault has under a name; where it cannot, it goes by itself after a day."""
        with suppress(OSError):
            result = await self.results.find(team, name, self.today())
            if result is not None:
                await self.results.delete(result)
