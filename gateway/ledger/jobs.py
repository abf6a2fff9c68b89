"""Jobs, as the store knows them: which there are, how they stand, and which process has them drawn.

What was asked and what was answered is in the vault. A job is its key's: to every other key it is not there.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from gateway.core.errors import NotFound
from gateway.core.jobs import Job, State
from gateway.core.keys import Key
from gateway.core.webhooks import Delivery, Webhook
from gateway.ledger import layout
from gateway.ledger.store import Store

# So often whoever runs a job says that it does.
HOLD_EVERY_S = 5.0

_TIMES = ("made_at", "begun_at", "ended_at")
_NUMBERS = ("status", "tries", "pictures")
_TEXTS = ("team", "route", "model", "asked", "call_id", "code")


class Jobs:
    """`owner` names this process. Everything raises `BooksAway`."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def add(self, job: Job) -> bool:
        """Whether it is new; then it is ours to run."""
        keys = [layout.job(job.id), layout.JOBS, layout.jobs_of(job.key_id)]
        args = [job.id, job.key_id, self._owner, *_words(job)]
        return await self._store.call("job_add", keys, args) == ["added"]

    async def take(self) -> Job | None:
        """A job that is not over and that nobody has any more; then it is ours."""
        found = await self._store.call("job_take", [layout.JOB_STEM, layout.JOBS], [self._owner])
        return await self._find(found[0]) if found else None

    async def hold(self, job_id: str) -> bool:
        """Whether it is still ours, which holds for some seconds more."""
        keys = [layout.job(job_id), layout.JOBS]
        return await self._store.call("job_hold", keys, [job_id, self._owner]) == ["held"]

    async def note(self, job: Job) -> bool:
        """Writes how it stands; whether it is still ours."""
        over = "1" if job.state.final else "0"
        keys, args = [layout.job(job.id), layout.JOBS, layout.JOBS_TOLD], [job.id, self._owner, over, *_words(job)]
        return await self._store.call("job_note", keys, args) == ["noted"]

    async def tell(self) -> Job | None:
        """A job whose receiver is to be told now; nobody else is given it for a minute."""
        found = await self._store.call("job_tell", [layout.JOB_STEM, layout.JOBS_TOLD], [])
        return await self._find(found[0]) if found else None

    async def told(self, job: Job) -> None:
        """Writes how its webhook stands, and that its receiver is to be told again, if it is."""
        if job.webhook is None:
            return
        keys, again_s = [layout.job(job.id), layout.JOBS_TOLD], job.webhook.again_s
        again = "" if again_s is None else str(round(again_s * 1000))
        await self._store.call("job_told", keys, [job.id, again, *_hook_words(job.webhook)])

    async def find(self, job_id: str, key: Key) -> Job:
        """Raises `NotFound` for another key's as for none."""
        job = await self._find(job_id)
        if job is None or job.key_id != key.id:
            raise _unknown(job_id)
        return job

    async def forget(self, job_id: str, key: Key) -> State:
        """Deletes it, and says how it stood; raises `NotFound` as `find` does."""
        keys = [layout.job(job_id), layout.JOBS, layout.jobs_of(key.id)]
        state, *rest = await self._store.call("job_forget", keys, [job_id, key.id])
        if state == "unknown":
            raise _unknown(job_id)
        return State(rest[0])

    async def of(self, key: Key, *, before: str = "", limit: int) -> AsyncIterator[Job]:
        """Those of a key that are not forgotten yet, the newest first."""
        ids = await self._store.call("jobs_of", [layout.JOB_STEM, layout.jobs_of(key.id)], [before, str(limit)])
        for job_id, record in zip(ids, await self._store.records([layout.job(each) for each in ids]), strict=True):
            if record:
                yield _job(job_id, record)

    async def _find(self, job_id: str) -> Job | None:
        record = await self._store.record(layout.job(job_id))
        return _job(job_id, record) if record.get("state") else None


def _unknown(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id}; jobs are forgotten a day after they were made", param="id")


def _words(job: Job) -> list[str]:
    fields = {name: getattr(job, name) for name in (*_TIMES, *_NUMBERS, *_TEXTS)}
    told = {"state": job.state.value, **{name: str(value) for name, value in fields.items() if value is not None}}
    if job.webhook is not None:
        told["webhook"] = job.webhook.url
    return [word for pair in told.items() for word in pair]


def _hook_words(webhook: Webhook) -> list[str]:
    deliveries = json.dumps([asdict(each) for each in webhook.deliveries])
    return ["deliveries", deliveries, "tell_at", "" if webhook.next_at is None else repr(webhook.next_at)]


def _hook(record: dict[str, str]) -> Webhook | None:
    if "webhook" not in record:
        return None
    deliveries = tuple(Delivery(**each) for each in json.loads(record.get("deliveries", "[]")))
    next_at = record.get("tell_at", "")
    return Webhook(record["webhook"], deliveries, float(next_at) if next_at else None)


def _job(job_id: str, record: dict[str, str]) -> Job:
    times: dict[str, Any] = {name: float(record[name]) for name in _TIMES if name in record}
    numbers: dict[str, Any] = {name: int(record[name]) for name in _NUMBERS if name in record}
    texts: dict[str, Any] = {name: record[name] for name in _TEXTS if name in record}
    state, webhook = State(record["state"]), _hook(record)
    return Job(id=job_id, key_id=record["key"], state=state, webhook=webhook, **times, **numbers, **texts)
