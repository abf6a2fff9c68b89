"""Jobs: `Prefer: respond-async` in every dialect, and what their key may ask of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.core.budgets import Rates
from gateway.core.keys import Limits
from tests.house import MODEL, Gateway, Simulator
from tests.waiting import PATIENCE_S, eventually

LOOP = pytest.mark.asyncio(loop_scope="module")
pytestmark = LOOP

LATER = {"prefer": "respond-async"}
NATIVE = f"/v1beta/models/{MODEL}:generateContent"
IMAGES = "/v1/images/generations"


@asynccontextmanager
async def caller(gateway: Gateway, limits: Limits | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    _, secret = await gateway.new_key(limits or Limits())
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as http:
        yield http


@pytest_asyncio.fixture(loop_scope="module")
async def http(shared: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with caller(shared) as http:
        yield http


async def submitted(
    http: httpx2.AsyncClient, path: str, body: Any, headers: Mapping[str, str] = {}
) -> tuple[str, dict[str, Any]]:
    answer = await http.post(path, json=body, headers={**LATER, **headers})
    assert answer.status_code == 202, answer.text
    assert answer.headers["preference-applied"] == "respond-async"
    assert int(answer.headers["retry-after"]) > 0
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/gateway/jobs/{job['id']}"
    return answer.headers["location"], job


async def over(http: httpx2.AsyncClient, place: str) -> dict[str, Any]:
    """How it stands in the end."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            job: dict[str, Any] = (await http.get(place)).json()
            if job["state"] not in ("queued", "running"):
                return job
            await asyncio.sleep(0.02)


def images(prompt: str = "a boat", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "prompt": prompt, **more}


WAYS: dict[str, tuple[str, Any]] = {
    "native": (NATIVE, {"contents": [{"parts": [{"text": "a boat"}]}]}),
    "native, streamed": (
        f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
        {"contents": [{"parts": [{"text": "a boat"}]}]},
    ),
    "images": (IMAGES, images()),
    "images, two": (IMAGES, images(n=2)),
    "images, streamed": (IMAGES, images(stream=True)),
    "chat": ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}),
    "responses": ("/v1/responses", {"model": MODEL, "input": "a boat"}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_answer_is_the_one_that_would_have_come(
    http: httpx2.AsyncClient, simulator: Simulator, way: str
) -> None:
    path, body = WAYS[way]
    place, job = await submitted(http, path, body, {"idempotency-key": "once"})
    assert job["state"] == "running"
    job = await over(http, place)
    assert (job["state"], job["status"], job["code"], job["tries"]) == ("succeeded", 200, "ok", 1)
    later = await http.get(job["result"])
    now = await http.post(path, json=body, headers={"idempotency-key": "once"})
    assert now.headers["x-gateway-replayed"] == "true"
    assert now.headers["x-gateway-call-id"] == later.headers["x-gateway-call-id"] == job["call_id"]
    assert later.status_code == now.status_code == 200
    assert later.content == now.content
    assert later.headers["content-type"] == now.headers["content-type"]
    bill = simulator.bill(job["call_id"])
    assert len(bill) == body.get("n", 1)
    usd = sum(row["nanos"] for row in bill) / 1e9
    assert float(job["cost_usd"]) == pytest.approx(usd)
    assert float((await http.get("/gateway/usage")).json()["spent_usd"]) == pytest.approx(usd)


async def test_a_form_is_asked_later_too(http: httpx2.AsyncClient) -> None:
    drawn = await http.post(IMAGES, json=images())
    picture = drawn.json()["data"][0]["b64_json"]
    body = images("make it night", image=f"data:image/png;base64,{picture}")
    place, _ = await submitted(http, "/v1/images/edits", body)
    assert (await over(http, place))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("prompt", "state", "status"),
    [("a boat [sim:bad-request]", "failed", 400), ("a boat [sim:blocked]", "blocked", 400)],
)
async def test_a_failure_is_the_answer_too(http: httpx2.AsyncClient, prompt: str, state: str, status: int) -> None:
    place, _ = await submitted(http, IMAGES, images(prompt))
    job = await over(http, place)
    assert (job["state"], job["status"]) == (state, status)
    result = await http.get(job["result"])
    assert result.status_code == status
    assert result.json()["error"]["code"] == job["code"]


async def test_what_is_wrong_is_told_at_once(http: httpx2.AsyncClient) -> None:
    for body in ({"model": MODEL}, {"model": "nobody", "prompt": "a boat"}):
        answer = await http.post(IMAGES, json=body, headers=LATER)
        assert answer.status_code in (400, 404)
        assert "error" in answer.json()
    assert (await http.get("/gateway/jobs")).json()["data"] == []


async def test_other_preferences_are_no_job(http: httpx2.AsyncClient) -> None:
    answer = await http.post(IMAGES, json=images(), headers={"prefer": "wait=10, return=representation"})
    assert answer.status_code == 200
    answer = await http.post(IMAGES, json=images(), headers={"prefer": "wait=10, Respond-Async; x=1"})
    assert answer.status_code == 202


async def test_the_same_idempotency_key_is_the_same_job(http: httpx2.AsyncClient, simulator: Simulator) -> None:
    once = {"idempotency-key": "again"}
    places = {(await submitted(http, IMAGES, images(), once))[0] for _ in range(3)}
    assert len(places) == 1
    job = await over(http, places.pop())
    assert (await submitted(http, IMAGES, images(), once))[1]["ended_at"] == job["ended_at"]
    other = await http.post(IMAGES, json=images("a ship"), headers={**LATER, **once})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert len(simulator.bill(job["call_id"])) == 1


async def test_of_two_requests_under_one_key_at_once_one_is_drawn_as_it_was_asked(
    http: httpx2.AsyncClient, simulator: Simulator
) -> None:
    once = {**LATER, "idempotency-key": "both"}
    prompts = [f"a boat [sim:bad-request] {number}" if number % 2 else "a boat" for number in range(8)]
    answers = await asyncio.gather(*(http.post(IMAGES, json=images(prompt), headers=once) for prompt in prompts))
    taken = {prompt for prompt, answer in zip(prompts, answers, strict=True) if answer.status_code == 202}
    assert len(taken) == 1
    assert {answer.status_code for answer in answers} == {202, 422}
    place = next(answer.headers["location"] for answer in answers if answer.status_code == 202)
    assert (await over(http, place))["state"] == ("succeeded" if taken == {"a boat"} else "failed")


async def test_its_addresses_are_on_the_origin_that_its_caller_knows(http: httpx2.AsyncClient) -> None:
    behind = {"x-forwarded-proto": "https", "host": "images.example.org"}
    place, _ = await submitted(http, IMAGES, images(response_format="url"), behind)
    await over(http, place)
    url = (await http.get(f"{place}/result")).json()["data"][0]["url"]
    assert url.startswith("https://images.example.org/gateway/pictures/")


async def test_one_that_is_not_over_has_no_answer_yet(shared: Gateway) -> None:
    async with caller(shared, Limits(rates=Rates(requests_per_minute=1))) as http:
        await submitted(http, IMAGES, images())
        place, _ = await submitted(http, IMAGES, images())
        result = await http.get(f"{place}/result")
        assert result.status_code == 409
        assert result.headers["retry-after"]
        assert result.headers["content-type"] == "application/problem+json"
        assert (await http.delete(place)).json()["deleted"] is True
        assert (await http.get(place)).status_code == 404


async def test_one_that_comes_too_fast_waits_for_its_turn(shared: Gateway) -> None:
    async with caller(shared, Limits(rates=Rates(requests_per_minute=1))) as http:
        first, _ = await submitted(http, IMAGES, images())
        assert (await over(http, first))["state"] == "succeeded"
        places = [(await submitted(http, IMAGES, images()))[0] for _ in range(2)]

        async def all_wait() -> bool:
            return all([(await http.get(place)).json()["state"] == "queued" for place in places])

        await eventually(all_wait)
        jobs = [(await http.get(place)).json() for place in places]
        assert [job["position"] for job in jobs] == [1, 2]
        assert {job["code"] for job in jobs} == {"rate_limit_exceeded"}
        for place in places:
            assert (await http.delete(place)).json()["may_be_billed"] is False


async def test_they_are_listed_the_newest_first(http: httpx2.AsyncClient) -> None:
    ids = [(await submitted(http, IMAGES, images()))[1]["id"] for _ in range(3)]
    for each in ids:
        await over(http, f"/gateway/jobs/{each}")
    page = (await http.get("/gateway/jobs", params={"limit": 2})).json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = (await http.get("/gateway/jobs", params={"limit": 2, "after": ids[1]})).json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == (ids[:1], False)


async def test_without_a_key_nothing_is_told(shared: Gateway, http: httpx2.AsyncClient) -> None:
    place, _ = await submitted(http, IMAGES, images())
    async with httpx2.AsyncClient(base_url=shared.url, trust_env=False) as nobody:
        for path in ("/gateway/jobs", place, f"{place}/result"):
            assert (await nobody.get(path)).status_code == 401


async def test_no_credential_is_kept(http: httpx2.AsyncClient, shared: Gateway) -> None:
    secret = http.headers["authorization"].removeprefix("Bearer ")
    place, _ = await submitted(http, f"{NATIVE}?key={secret}", WAYS["native"][1])
    await over(http, place)
    for file in (shared.log.parent / "data" / "vault").rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes()


async def test_the_log_and_the_metrics_tell_of_its_end(http: httpx2.AsyncClient, shared: Gateway) -> None:
    place, job = await submitted(http, IMAGES, images())
    await over(http, place)

    def rows() -> list[dict[str, Any]]:
        return [json.loads(line) for line in shared.log.read_text().splitlines()]

    async def told() -> bool:
        return any(row["event"] == "job_ended" and row["job_id"] == job["id"] for row in rows())

    await eventually(told)
    assert 'gateway_jobs_total{state="succeeded"}' in (await http.get("/metrics")).text
