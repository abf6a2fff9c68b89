"""The answer of a job: whole, in parts, its head alone, and an error as it is; by its key and by administration."""

import time
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from gateway.core.errors import AnswerGone, GatewayBusy
from gateway.vault.folder import Folder
from gateway.vault.records import ResultCaps
from gateway.vault.results import Results
from gateway.web.kept_jobs import KeptJobs
from tests.house import Gateway
from tests.web.office import problem
from tests.web.test_jobs import IMAGES, images, over, submitted

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOORS = {"own": "/gateway/jobs", "admin": "/admin/api/jobs"}

Door = tuple[str, httpx2.AsyncClient]

# Of every answer another, or of the way on which it came.
NOT_OF_THE_ANSWER = {"date", "server", "x-request-id", "x-gateway-job-id", "etag", "accept-ranges", "content-length"}


async def drawn(shared: Gateway, prompt: str = "a boat", key: str | None = None) -> tuple[str, httpx2.Response]:
    """The id of a job that is over, and what its request is answered at once."""
    once = {"idempotency-key": key or f"once-{time.time_ns()}"}
    place, job = await submitted(shared.http, IMAGES, images(prompt), once)
    await over(shared.http, place)
    return job["id"], await shared.http.post(IMAGES, json=images(prompt), headers=once)


@pytest_asyncio.fixture(loop_scope="module", params=DOORS)
async def door(request: pytest.FixtureRequest, shared: Gateway, admin: httpx2.AsyncClient) -> Door:
    return DOORS[request.param], admin if request.param == "admin" else shared.http


async def test_status_headers_and_bytes_are_those_of_the_answer(shared: Gateway, door: Door) -> None:
    base, http = door
    job_id, now = await drawn(shared)
    later = await http.get(f"{base}/{job_id}/result")
    assert (later.status_code, later.content) == (now.status_code, now.content) == (200, now.content)
    assert later.headers["content-length"] == str(len(now.content))
    assert later.headers["x-gateway-job-id"] == job_id
    assert later.headers["accept-ranges"] == "bytes"
    told = {name: value for name, value in later.headers.items() if name not in NOT_OF_THE_ANSWER}
    expected = {name: value for name, value in now.headers.items() if name in told}
    replayed = {"x-gateway-replayed", "x-gateway-cost-usd", "x-gateway-hold-usd", "x-gateway-attempts"}
    assert {name: each for name, each in told.items() if name not in replayed} == {
        name: each for name, each in expected.items() if name not in replayed
    }
    assert told["cache-control"] == "no-store"


async def test_parts_of_an_answer(shared: Gateway, door: Door) -> None:
    base, http = door
    job_id, now = await drawn(shared)
    path, whole, size = f"{base}/{job_id}/result", now.content, len(now.content)
    first = await http.get(path)
    etag, kind = first.headers["etag"], first.headers["content-type"]
    for asked, part in (
        ("bytes=0-0", slice(0, 1)),
        ("bytes=100-299", slice(100, 300)),
        ("bytes=101-", slice(101, size)),
        ("bytes=-7", slice(size - 7, size)),
        (f"bytes=1-{size + 5}", slice(1, size)),
    ):
        got = await http.get(path, headers={"range": asked, "if-range": etag})
        assert (got.status_code, got.content) == (206, whole[part])
        assert got.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/{size}"
        assert (got.headers["content-length"], got.headers["content-type"]) == (str(part.stop - part.start), kind)
        assert got.headers["x-gateway-call-id"] == first.headers["x-gateway-call-id"]
    changed = await http.get(path, headers={"range": "bytes=1-2", "if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole)
    beyond = await http.get(path, headers={"range": f"bytes={size}-"})
    assert problem(beyond)[0] == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"
    head = await http.head(path, headers={"range": "bytes=1-2"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    assert (head.headers["etag"], head.headers["content-type"]) == (etag, kind)
    known = await http.get(path, headers={"if-none-match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert "content-type" not in known.headers


async def test_a_download_that_broke_off_goes_on_where_it_was(shared: Gateway) -> None:
    job_id, now = await drawn(shared)
    path = f"/gateway/jobs/{job_id}/result"
    got, etag, size = b"", "", len(now.content)
    while len(got) < size:
        headers = {"range": f"bytes={len(got)}-{len(got) + size // 3}", "if-range": etag} if got else {}
        async with shared.http.stream("GET", path, headers=headers) as answer:
            etag = answer.headers["etag"]
            pieces = answer.aiter_bytes(size // 4)
            got += await anext(pieces)
    assert got == now.content


@pytest.mark.parametrize("prompt", ["a boat [sim:bad-request]", "a boat [sim:blocked]"])
async def test_an_error_is_told_whole_and_as_it_is(shared: Gateway, door: Door, prompt: str) -> None:
    base, http = door
    place, job = await submitted(shared.http, IMAGES, images(prompt))
    await over(shared.http, place)
    path = f"{base}/{job['id']}/result"
    plain = await http.get(path)
    assert (plain.status_code, plain.json()["error"]["code"]) == (400, (await over(shared.http, place))["code"])
    assert plain.headers["x-gateway-billed"] in ("no", "yes")
    assert not {"etag", "accept-ranges", "content-range"} & set(plain.headers)
    conditions = {"range": "bytes=0-1", "if-none-match": "*"}
    assert (await http.get(path, headers=conditions)).content == plain.content
    head = await http.head(path, headers=conditions)
    assert (head.status_code, head.content) == (400, b"")
    assert head.headers["content-length"] == str(len(plain.content)) == plain.headers["content-length"]


async def test_the_request_that_fetches_it_has_its_own_id(shared: Gateway) -> None:
    job_id, _ = await drawn(shared)
    path = f"/gateway/jobs/{job_id}/result"
    assert (await shared.http.get(path, headers={"x-request-id": "mine"})).headers["x-request-id"] == "mine"
    first, second = [(await shared.http.get(path)).headers["x-request-id"] for _ in range(2)]
    assert first == second


async def test_what_is_kept_no_more_is_gone_and_what_cannot_be_read_may_be_there(
    shared: Gateway, tmp_path: Path
) -> None:
    jobs = shared.running.ledger.jobs
    job = await jobs.find((await drawn(shared))[0])
    empty = KeptJobs(jobs, Results(Folder(tmp_path), b"a secret", ResultCaps()), time.time)
    with pytest.raises(AnswerGone, match="not kept any more"):
        await empty.answer(job)
    (tmp_path / job.team).touch()
    with pytest.raises(GatewayBusy, match="at the moment"):
        await empty.answer(job)
