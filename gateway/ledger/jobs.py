"""Jobs, as the store knows them: which there are, how they stand, and which process has them drawn.

What was asked and what was answered is in the vault. A job is its key's: to every other key it is not there.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Self

from gateway.core.errors import BadRequest, NotFound
from gateway.core.jobs import Job, State
from gateway.core.trail import Action, Actor
from gateway.core.webhooks import Delivery, Webhook
from gateway.ledger import layout
from gateway.ledger.store import Store

# So often whoever runs a job says that it does.
HOLD_EVERY_S = 5.0

_TIMES = ("made_at", "begun_at", "ended_at")
_NUMBERS = ("status", "tries", "pictures")
_TEXTS = ("team", "route", "model", "asked", "call_id", "code")

_CURSOR = re.compile(r"([0-9]{1,15})@(\S{1,100})")


class Place(NamedTuple):
    """Behind which job a page begins. Without `made_ms`, of the store's clock, the job must still be there."""

    job_id: str
    made_ms: int | None = None

    @property
    def cursor(self) -> str:
        """As it is handed out, and handed back for the next page."""
        return f"{self.made_ms}@{self.job_id}"

    @classmethod
    def of_cursor(cls, cursor: str) -> Self:
        """Raises `BadRequest`."""
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise BadRequest("is not one that was handed out; leave it away for the newest", param="cursor")
        return cls(match[2], int(match[1]))


class Page(NamedTuple):
    """Jobs, the newest first, and where the next page begins; None: there is none."""

    jobs: Sequence[Job]
    next: Place | None


class Jobs:
    """`owner` names this process. Everything raises `BooksAway`."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def add(self, job: Job) -> bool:
        """Whether it is new; then it is ours to run."""
        keys = [layout.job(job.id), layout.JOBS, *_indexes(job)]
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

    async def told(self, job_id: str, webhook: Webhook) -> None:
        """Writes how a job's webhook stands, and that its receiver is to be told again, if it is."""
        again = "" if webhook.again_s is None else str(round(webhook.again_s * 1000))
        keys = [layout.job(job_id), layout.JOBS_TOLD]
        await self._store.call("job_told", keys, [job_id, again, *_hook_words(webhook)])

    async def find(self, job_id: str, *, key_id: str | None = None) -> Job:
        """One job, of a key or of any. Raises `NotFound` for another key's as for none."""
        job = await self._find(job_id)
        if job is None or key_id not in (None, job.key_id):
            raise _unknown(job_id)
        return job

    async def forget(self, job: Job, by: Actor | None) -> State:
        """Deletes it, and says how it stood; raises `NotFound`. The trail tells of an administrator, None: its key."""
        keys = [layout.job(job.id), layout.JOBS, layout.JOBS_TRAIL, *_indexes(job)]
        words = [] if by is None else by.words(Action.JOB_FORGOTTEN, job.id)
        state, *rest = await self._store.call("job_forget", keys, [job.id, *words])
        if state == "unknown":
            raise _unknown(job.id)
        if by is not None:
            by.tell(Action.JOB_FORGOTTEN, job.id)
        return State(rest[0])

    async def page(
        self, *, team: str | None = None, key_id: str | None = None, after: Place | None = None, limit: int
    ) -> Page:
        """Those of a key, of a team or of all that are not forgotten yet and come behind a place."""
        index = layout.ALL_JOBS if team is None else layout.jobs_of_team(team)
        index = index if key_id is None else layout.jobs_of(key_id)
        last, made_ms = after or Place("")
        args = [str(limit + 1), last, "" if made_ms is None else str(made_ms)]
        rows = await self._store.call("jobs_of", [layout.JOB_STEM, index], args)
        places = [Place(job_id, int(ms)) for job_id, ms in zip(rows[::2], rows[1::2], strict=True)]
        shown = places[:limit]
        records = await self._store.records([layout.job(each.job_id) for each in shown])
        jobs = [_job(each.job_id, record) for each, record in zip(shown, records, strict=True) if record]
        return Page(jobs, shown[-1] if len(places) > limit else None)

    async def _find(self, job_id: str) -> Job | None:
        record = await self._store.record(layout.job(job_id))
        return _job(job_id, record) if record.get("state") else None


def _indexes(job: Job) -> list[str]:
    """By which it is found among others."""
    return [layout.jobs_of(job.key_id), layout.jobs_of_team(job.team), layout.ALL_JOBS]


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
