"""Everybody's jobs, by the admin API: the newest first, one by one, their answers, and deleting one."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse

from gateway.core.errors import NotFound
from gateway.core.jobs import Job
from gateway.ledger.jobs import Place
from gateway.ledger.ledger import Ledger
from gateway.web.answers import Answer
from gateway.web.jobs import DeletedJob, OneJob, add_result, again
from gateway.web.kept_jobs import KeptJobs
from gateway.web.problems import as_problem
from gateway.web.told_jobs import MOST, USUAL, ToldJobs, deleted


class AnyJob(OneJob):
    team: str
    key_id: str


class AnyJobs(Answer):
    jobs: list[AnyJob]
    next: str | None = Field(description="The `cursor` of the page behind this one; null: there is none.")


def add(routes: APIRouter, told: ToldJobs, kept: KeptJobs, acting: Callable[[Request], Ledger]) -> None:
    """`acting` is the ledger for what whoever asks does in it."""

    @routes.get("/jobs", summary="Jobs, the newest first", response_model=AnyJobs)
    async def list_jobs(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = USUAL,
        cursor: Annotated[str | None, Query(description="As `next` of the page before; none: the newest.")] = None,
        team: str | None = None,
        key_id: str | None = None,
    ) -> dict[str, Any]:
        if key_id is not None and await acting(request).keys.get(key_id) is None:
            raise NotFound(f"there is no key {key_id}", param="key_id")
        with as_problem():
            after = None if cursor is None else Place.of_cursor(cursor)
        return await told.page_of_any(team=team, key_id=key_id, after=after, limit=limit)

    @routes.get("/jobs/{job_id}", summary="How a job stands", response_model=AnyJob)
    async def get_job(job_id: str) -> JSONResponse:
        job = await told.jobs.find(job_id)
        return JSONResponse(await told.one_of_any(job), headers=again(job))

    @routes.delete("/jobs/{job_id}", summary="Forget a job and its answer, whosever it is", response_model=DeletedJob)
    async def delete_job(request: Request, job_id: str) -> dict[str, Any]:
        job = await told.jobs.find(job_id)
        return deleted(job, await kept.forget(job, acting(request).actor))

    async def find(_: Request, job_id: str) -> Job:
        return await told.jobs.find(job_id)

    add_result(routes, find, kept)
