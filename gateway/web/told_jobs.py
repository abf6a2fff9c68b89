"""Jobs as they are told: to the holder of a key, by the admin API, and by the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.core.jobs import Job, State
from gateway.ledger.calls import PastCalls
from gateway.ledger.jobs import Jobs, Place
from gateway.web import later

MOST = 100
USUAL = 20

# As far as anybody counts who stands before one.
_MOST_BEFORE = 100


@dataclass(frozen=True, slots=True)
class ToldJobs:
    """Jobs, and the calls that say what they cost. All methods raise `BooksAway`."""

    jobs: Jobs
    past: PastCalls

    async def one(self, job: Job) -> dict[str, Any]:
        """A job, with how many others of its key wait before it."""
        position = await self._position(job) if job.state is State.QUEUED else None
        [nanos] = await self._costs([job])
        return later.document(job, nanos=nanos, position=position)

    async def several(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Jobs; how many wait before one is told of one by itself alone."""
        costs = await self._costs(jobs)
        return [later.document(job, nanos=nanos) for job, nanos in zip(jobs, costs, strict=True)]

    async def one_of_any(self, job: Job) -> dict[str, Any]:
        """A job as administrators see it: whose it is too."""
        return _owned(job, await self.one(job))

    async def page_of_any(
        self, *, team: str | None, key_id: str | None, after: Place | None, limit: int
    ) -> dict[str, Any]:
        """A page of a key's, a team's or everybody's jobs, likewise."""
        page = await self.jobs.page(team=team, key_id=key_id, after=after, limit=limit)
        told = await self.several(page.jobs)
        owned = [_owned(job, each) for job, each in zip(page.jobs, told, strict=True)]
        return {"jobs": owned, "next": page.next and page.next.cursor}

    async def _costs(self, jobs: Sequence[Job]) -> list[int | None]:
        """What the calls of each cost, in nano-dollars; None: that is not known, or not yet."""
        spent = iter(await self.past.spent([(job.team, job.key_id, each) for job in jobs for each in job.calls]))
        known = [[nanos for nanos in islice(spent, len(job.calls)) if nanos is not None] for job in jobs]
        return [sum(each) if each else None for each in known]

    async def _position(self, job: Job) -> int:
        older = await self.jobs.page(key_id=job.key_id, after=Place(job.id), limit=_MOST_BEFORE)
        return 1 + sum(each.state is State.QUEUED for each in older.jobs)


def deleted(job: Job, state: State) -> dict[str, Any]:
    """What is told of one that is deleted, and that stood so."""
    return {"id": job.id, "object": "job", "deleted": True, "may_be_billed": state is State.RUNNING}


def _owned(job: Job, told: dict[str, Any]) -> dict[str, Any]:
    """Its answer is where administrators may ask for it."""
    result = f"/admin/api/jobs/{job.id}/result" if job.state.final else None
    return {**told, "team": job.team, "key_id": job.key_id, "result": result}
