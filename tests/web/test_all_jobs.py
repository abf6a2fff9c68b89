"""Everybody's jobs by the admin API: the documents that their keys have, whose they are, page by page, and deleted."""

from typing import Any

import httpx2
import pytest

from gateway.core.budgets import Rates
from gateway.core.keys import Limits
from tests.house import Gateway
from tests.waiting import eventually
from tests.web.office import KEYS, problem
from tests.web.test_jobs import IMAGES, caller, images, over, submitted

pytestmark = pytest.mark.asyncio(loop_scope="module")

JOBS = "/admin/api/jobs"


async def new_key(admin: httpx2.AsyncClient, team: str, **limits: Any) -> tuple[str, dict[str, str]]:
    """Its id, and the headers of whoever has it."""
    made = (await admin.post(KEYS, json={"team": team, **limits})).json()
    return made["id"], {"authorization": f"Bearer {made['key']}"}


async def drawn(stranger: httpx2.AsyncClient, headers: dict[str, str]) -> str:
    """The id of a job that is over."""
    answer = await stranger.post(IMAGES, json=images(), headers={**headers, "prefer": "respond-async"})
    job_id = str(answer.json()["id"])

    async def is_over() -> bool:
        job = (await stranger.get(f"/gateway/jobs/{job_id}", headers=headers)).json()
        return job["state"] not in ("queued", "running")

    await eventually(is_over)
    return job_id


async def listed(admin: httpx2.AsyncClient, **params: Any) -> list[str]:
    """The ids on all pages."""
    ids: list[str] = []
    while True:
        page = (await admin.get(JOBS, params=params)).json()
        ids += [each["id"] for each in page["jobs"]]
        if page["next"] is None:
            return ids
        params["cursor"] = page["next"]


async def test_a_job_is_told_as_to_its_key_and_whose_it_is(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    place, job = await submitted(shared.http, IMAGES, images())
    own = await over(shared.http, place)
    told = (await admin.get(f"{JOBS}/{job['id']}")).json()
    result = f"{JOBS}/{job['id']}/result"
    assert told == {**own, "team": "acme", "key_id": shared.key.id, "result": result}
    assert float(told["cost_usd"]) > 0
    assert (await admin.get(result)).content == (await shared.http.get(own["result"])).content
    page = (await admin.get(JOBS, params={"limit": 1})).json()
    assert page["jobs"] == [told]


async def test_one_that_waits_says_where_and_when_to_ask_again(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    async with caller(shared, Limits(rates=Rates(requests_per_minute=1))) as http:
        ids = [(await submitted(http, IMAGES, images()))[1]["id"] for _ in range(3)]

        async def two_wait() -> bool:
            states = [(await admin.get(f"{JOBS}/{each}")).json()["state"] for each in ids]
            return sorted(states) == ["queued", "queued", "succeeded"]

        await eventually(two_wait)
        answers = [await admin.get(f"{JOBS}/{each}") for each in ids]
        assert sorted(answer.json()["position"] or 0 for answer in answers) == [0, 1, 2]
        waiting = next(answer for answer in answers if answer.json()["state"] == "queued")
        assert waiting.headers["retry-after"]
        assert waiting.json()["result"] is None
        result = await admin.get(f"{JOBS}/{waiting.json()['id']}/result")
        assert problem(result) == (409, f"job {waiting.json()['id']} is queued; ask again")
        assert result.headers["retry-after"]
        for each in ids:
            await admin.delete(f"{JOBS}/{each}")


async def test_they_are_found_by_team_and_by_key(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    one, ones = await new_key(admin, "first")
    two, twos = await new_key(admin, "first")
    other, others = await new_key(admin, "second")
    ids = [await drawn(stranger, headers) for headers in (ones, twos, ones, others)]
    for limit in (1, 2, 100):
        assert await listed(admin, limit=limit, team="first") == [ids[2], ids[1], ids[0]]
        assert await listed(admin, limit=limit, key_id=one) == [ids[2], ids[0]]
    assert await listed(admin, key_id=two) == [ids[1]]
    assert await listed(admin, key_id=other, team="first") == [ids[3]]  # a key says more than a team
    assert await listed(admin, team="nobody") == []
    assert (await listed(admin, limit=3))[:4] == ids[::-1]
    assert problem(await admin.get(JOBS, params={"key_id": "key_1"})) == (404, "there is no key key_1")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "cursor=", "cursor=x", "cursor=5-0"])
async def test_what_makes_no_sense_is_refused(admin: httpx2.AsyncClient, query: str) -> None:
    assert problem(await admin.get(f"{JOBS}?{query}"))[0] == 422


async def test_one_that_is_deleted_is_gone_for_its_key_too_and_told_of(
    admin: httpx2.AsyncClient, shared: Gateway
) -> None:
    place, job = await submitted(shared.http, IMAGES, images())
    await over(shared.http, place)
    gone = await admin.delete(f"{JOBS}/{job['id']}")
    assert gone.json() == {"id": job["id"], "object": "job", "deleted": True, "may_be_billed": False}
    absent = f"there is no job {job['id']}; jobs are forgotten a day after they were made"
    for method, path in (("GET", ""), ("GET", "/result"), ("DELETE", "")):
        assert problem(await admin.request(method, f"{JOBS}/{job['id']}{path}")) == (404, absent)
        assert problem(await shared.http.request(method, f"{place}{path}")) == (404, absent)
    for subject in (job["id"], "acme"):
        (entry, *_) = (await admin.get("/admin/api/audit", params={"subject": subject})).json()["entries"]
        assert (entry["who"], entry["door"], entry["action"]) == ("admin", "api", "job.forgotten")
        assert (entry["subject"], entry["team"]) == (job["id"], "acme")
        assert entry["changes"]["key_id"] == {"before": shared.key.id, "after": None}
        assert entry["changes"]["state"] == {"before": "succeeded", "after": None}


async def test_what_its_own_key_deletes_is_no_row(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    place, job = await submitted(shared.http, IMAGES, images())
    await over(shared.http, place)
    assert (await shared.http.delete(place)).json()["deleted"] is True
    assert (await admin.get("/admin/api/audit", params={"subject": job["id"]})).json()["entries"] == []
