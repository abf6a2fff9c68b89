"""What a caller may ask about its jobs, with the key that they were made with: to any other they are not there."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from gateway.core.headers import CONTENT_LENGTH, JOB_ID, REQUEST_ID, RETRY_AFTER
from gateway.core.jobs import Job, State
from gateway.core.keys import Key
from gateway.ledger.calls import PastCalls
from gateway.ledger.jobs import Jobs
from gateway.web import later
from gateway.web.answers import Answer
from gateway.web.own_key import Window
from gateway.web.problems import DESCRIBED, Problem
from gateway.web.workshop import Workshop

_MOST = 100


class OneDelivery(Answer):
    at: float
    took_ms: int
    status: int | None = Field(description="Of the receiver's answer; null: there was none.")
    why: str | None = Field(description="Why there was none.")


class OneWebhook(Answer):
    url: str
    state: Literal["pending", "delivered", "failed"]
    next_at: float | None = Field(description="When it is tried again; null: not, or when the job is over.")
    deliveries: list[OneDelivery]


class OneJob(Answer):
    id: str
    object: str = Field(examples=["job"])
    state: State
    route: str
    model: str
    made_at: float = Field(description="In seconds since 1970, as the other times.")
    begun_at: float | None
    ended_at: float | None
    tries: int = Field(description="How often it was asked; what costs nothing is asked again.")
    position: int | None = Field(description="Among the jobs of the key that wait; null: it does not wait.")
    call_id: str | None = Field(description="The call that it has become; null until it is over.")
    status: int | None = Field(description="Of its answer.")
    code: str | None = Field(description="Of the error that is its answer, or why it waits; ok: it is a picture.")
    cost_usd: str | None = Field(description="Null: it is not over, or owes nothing that is known.")
    result: str | None = Field(description="Where the answer is; null: it is not over.")
    webhook: OneWebhook | None = Field(description="Who is told that it is over; null: nobody.")


class SomeJobs(Answer):
    object: str = Field(examples=["list"])
    data: list[OneJob]
    has_more: bool


class DeletedJob(Answer):
    id: str
    object: str = Field(examples=["job"])
    deleted: bool
    may_be_billed: bool = Field(description="It was being drawn: that goes on, and is charged when it is finished.")


def router(window: Window, workshop: Workshop) -> APIRouter:
    routes = APIRouter(prefix="/gateway/jobs", tags=["own key"], responses=DESCRIBED)
    jobs, past = window.ledger.jobs, PastCalls(window.ledger.store, window.shelf)

    @routes.get("", summary="The jobs of the key, the newest first", response_model=SomeJobs)
    async def list_jobs(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 20,
        after: Annotated[str, Query(description="The id of the last one that was seen.")] = "",
    ) -> dict[str, Any]:
        key = await window.holder(request)
        found = [job async for job in jobs.of(key, before=after, limit=limit + 1)]
        shown = [later.document(job, nanos=await later.cost(job, past)) for job in found[:limit]]
        return {"object": "list", "data": shown, "has_more": len(found) > limit}

    @routes.get("/{job_id}", summary="How a job stands", response_model=OneJob)
    async def get_job(request: Request, job_id: str) -> JSONResponse:
        key = await window.holder(request)
        job = await jobs.find(job_id, key)
        position = await _position(job, jobs, key) if job.state is State.QUEUED else None
        headers = {} if job.state.final else {RETRY_AFTER: later.head(job)[RETRY_AFTER]}
        return JSONResponse(later.document(job, nanos=await later.cost(job, past), position=position), headers=headers)

    @routes.get(
        "/{job_id}/result",
        summary="What the request would have been answered without Prefer: status, headers and body",
        response_class=Response,
    )
    async def get_result(request: Request, job_id: str) -> Response:
        """409 while it is not over: Retry-After says when to ask again. 410 when the answer is not kept any more."""
        key = await window.holder(request)
        job = await jobs.find(job_id, key)
        if not job.state.final:
            raise Problem(
                409, f"job {job_id} is {job.state}; ask again", headers={RETRY_AFTER: later.head(job)[RETRY_AFTER]}
            )
        result = await workshop.answer(job)
        if result is None:
            raise Problem(410, f"the answer of job {job_id} is not kept any more; it was charged if it was a picture")
        headers = {**result.facts["headers"], CONTENT_LENGTH: str(result.sizes[0]), JOB_ID: job.id}
        headers[REQUEST_ID] = request.headers.get(REQUEST_ID, headers.get(REQUEST_ID, job.id))
        pieces = workshop.pieces(result)
        return StreamingResponse(pieces, status_code=result.facts["status"], headers=headers)

    @routes.delete("/{job_id}", summary="Forget a job and its answer", response_model=DeletedJob)
    async def delete_job(request: Request, job_id: str) -> dict[str, Any]:
        state = await workshop.forget(job_id, await window.holder(request))
        return {"id": job_id, "object": "job", "deleted": True, "may_be_billed": state is State.RUNNING}

    return routes


async def _position(job: Job, jobs: Jobs, key: Key) -> int:
    older = [each async for each in jobs.of(key, before=job.id, limit=_MOST)]
    return 1 + sum(each.state is State.QUEUED for each in older)
