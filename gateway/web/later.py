"""Requests that want no answer now but an address to ask at: `Prefer: respond-async` (RFC 7240), and what they get."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.core.headers import JOB_ID, LOCATION, PREFER, RETRY_AFTER
from gateway.core.jobs import Job, State
from gateway.core.money import usd_of
from gateway.core.webhooks import Webhook

_LATER = "respond-async"

# So often whoever waits for a job may ask how it stands.
ASK_EVERY_S = 5


def wanted(headers: Mapping[str, str]) -> bool:
    """Whether a request says so, among whatever else it prefers."""
    preferences = headers.get(PREFER, "").split(",")
    return any(each.partition(";")[0].strip().lower() == _LATER for each in preferences)


def head(job: Job) -> dict[str, str]:
    """The headers of the answer that it gets instead."""
    applied = {"preference-applied": _LATER}
    return {LOCATION: place(job), RETRY_AFTER: str(ASK_EVERY_S), JOB_ID: job.id, **applied}


def accepted(job: Job) -> bytes:
    return orjson.dumps(document(job))


def place(job: Job) -> str:
    return f"/gateway/jobs/{job.id}"


def document(job: Job, *, nanos: int | None = None, position: int | None = None) -> dict[str, Any]:
    """A job as its key sees it. `nanos`: what it cost, None: that is not known; `position` among those that wait."""
    return {
        "id": job.id,
        "object": "job",
        "state": job.state.value,
        "route": job.route,
        "model": job.model,
        "made_at": job.made_at,
        "begun_at": job.begun_at,
        "ended_at": job.ended_at,
        "tries": job.tries,
        "position": position if job.state is State.QUEUED else None,
        "call_id": job.call_id,
        "status": job.status,
        "code": job.code,
        "cost_usd": None if nanos is None else usd_of(nanos),
        "result": f"{place(job)}/result" if job.state.final else None,
        "webhook": job.webhook and _told(job.webhook),
    }


def _told(webhook: Webhook) -> dict[str, Any]:
    deliveries = [
        {"at": each.at, "took_ms": each.took_ms, "status": each.status, "why": each.why} for each in webhook.deliveries
    ]
    return {"url": webhook.url, "state": webhook.state, "next_at": webhook.next_at, "deliveries": deliveries}
