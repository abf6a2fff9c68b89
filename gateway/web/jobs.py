"""What a caller may ask about its jobs, with the key that they were made with: to any other they are not there.


Administrators ask the same, about everybody's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from gateway.core.headers import REQUEST_ID, RETRY_AFTER
from gateway.core.jobs import Job, State
from gateway.core.webhooks import Told
from gateway.ledger.calls import PastCalls
from gateway.ledger.jobs import Place
from gateway.web import later
from gateway.web.answers import Answer
from gateway.web.downloads import answered
from gateway.web.fetching import REPLY
from gateway.web.kept_jobs import KeptJobs
from gateway.web.own_key import Window
from gateway.web.problems import DESCRIBED
from gateway.web.told_jobs import MOST, USUAL, ToldJobs, deleted

# The job of this id that somebody asks for, if it is theirs.
Find = Callable[[Request, str], Awaitable[Job]]


class OneDelivery(Answer):
    at: float
    took_ms: int
    status: int | None = Field(description="Of the receiver's answer; null: there was none.")
    why: str | None = Field(description="Why there was none.")


class OneWebhook(Answer):
    url: str
    state: Told
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


def router(window: Window) -> APIRouter:
    routes = APIRouter(prefix="/gateway", tags=["own key"], responses=DESCRIBED)
    jobs = window.ledger.jobs
    told = ToldJobs(jobs, PastCalls(window.ledger.store))
    kept = KeptJobs(jobs, window.results, window.today)

    async def find(request: Request, job_id: str) -> Job:
        return await jobs.find(job_id, key_id=(await window.holder(request)).id)

    @routes.get("/jobs", summary="The jobs of the key, the newest first", response_model=SomeJobs)
    async def list_jobs(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
        after: Annotated[str, Query(description="The id of the last one that was seen.")] = "",
    ) -> dict[str, Any]:
        key = await window.holder(request)
        page = await jobs.page(key_id=key.id, after=Place(after) if after else None, limit=limit)
        return {"object": "list", "data": await told.several(page.jobs), "has_more": page.next is not None}

    @routes.get("/jobs/{job_id}", summary="How a job stands", response_model=OneJob)
    async def get_job(request: Request, job_id: str) -> JSONResponse:
        job = await find(request, job_id)
        return JSONResponse(await told.one(job), headers=again(job))

    @routes.delete("/jobs/{job_id}", summary="Forget a job and its answer", response_model=DeletedJob)
    async def delete_job(request: Request, job_id: str) -> dict[str, Any]:
        job = await find(request, job_id)
        return deleted(job, await kept.forget(job, None))

    add_result(routes, find, kept)
    return routes


def add_result(routes: APIRouter, find: Find, kept: KeptJobs) -> None:
    @routes.head("/jobs/{job_id}/result", include_in_schema=False)
    @routes.get(
        "/jobs/{job_id}/result",
        summary="What the request would have been answered without Prefer: status, headers and body",
        response_class=Response,
        responses=REPLY,
    )
    async def get_result(request: Request, job_id: str) -> Response:
        """409 while it is not over: Retry-After says when to ask again. 410 when the answer is not kept any more.

        An answer of 200 is told in parts too, as Range asks for them.
        """
        answer = await kept.answer(await find(request, job_id))
        asked = {REQUEST_ID: request.headers[REQUEST_ID]} if REQUEST_ID in request.headers else {}
        return await answered(replace(answer, headers={**answer.headers, **asked}), request)


def again(job: Job) -> dict[str, str]:
    """When to ask again how a job stands; of one that is over nothing."""
    return {} if job.state.final else {RETRY_AFTER: str(later.ASK_EVERY_S)}
