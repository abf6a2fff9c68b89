"""Webhooks: a receiver hears that a job is over, and can tell that it is we who say so."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.core.keys import Limits
from tests.house import Gateway, Simulator, open_gateway
from tests.upstream.server import Received, Script, Server, head, in_turn, says
from tests.waiting import eventually
from tests.web.test_jobs import IMAGES, LATER, caller, images, over, submitted

LOOP = pytest.mark.asyncio(loop_scope="module")
pytestmark = LOOP

TAKEN = says(head(204, content_length=0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    webhooks = {"hosts": ["127.0.0.1", "*.example.org"], "networks": ["127.0.0.0/8"]}
    place = tmp_path_factory.mktemp("webhooks")
    async with open_gateway(simulator, place, webhooks=webhooks, public_url="https://images.example.org") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def http(telling: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with caller(telling) as http:
        yield http


async def told(
    http: httpx2.AsyncClient, script: Script, prompt: str = "a boat"
) -> tuple[list[Received], dict[str, Any]]:
    """What a receiver was sent for a job, and how the job stands when it was."""
    async with Server.running(script) as (server, url):
        place, _ = await submitted(http, IMAGES, images(prompt), {"x-gateway-webhook": f"{url}/hook"})

        async def done() -> bool:
            state: str = (await over(http, place))["webhook"]["state"]
            return state != "pending"

        await eventually(done)
        return server.received, await over(http, place)


def signatures(received: Received, secret: str) -> bool:
    """Whether one of the signatures is by this secret, computed as the specification says it."""
    signed = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode() + received.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return signature in received.headers["webhook-signature"].split(" ")


async def secret_of(http: httpx2.AsyncClient) -> str:
    answer = (await http.get("/gateway/webhook-secret")).json()
    assert answer["object"] == "webhook_secret"
    secret: str = answer["secret"]
    return secret


async def test_a_receiver_hears_how_a_job_ended(http: httpx2.AsyncClient) -> None:
    (received,), job = await told(http, TAKEN)
    message = json.loads(received.body)
    assert (received.target, received.headers["content-type"]) == ("/hook", "application/json")
    assert received.headers["webhook-id"] == job["id"]
    assert signatures(received, await secret_of(http))
    assert message["type"] == "job.succeeded"
    assert datetime.fromisoformat(message["timestamp"]).timestamp() == pytest.approx(job["ended_at"], abs=0.01)
    webhook = job.pop("webhook")
    assert message["data"] == {**job, "result": f"https://images.example.org{job['result']}"}
    assert float(job["cost_usd"]) > 0
    (delivery,) = webhook["deliveries"]
    assert (webhook["state"], webhook["next_at"]) == ("delivered", None)
    assert (delivery["status"], delivery["why"]) == (204, None)


async def test_it_hears_of_a_failure_too(http: httpx2.AsyncClient) -> None:
    (received,), job = await told(http, TAKEN, "a boat [sim:blocked]")
    message = json.loads(received.body)
    assert (message["type"], message["data"]["code"]) == ("job.blocked", job["code"])


async def test_one_that_does_not_take_it_is_told_again_the_same(http: httpx2.AsyncClient) -> None:
    received, job = await told(http, in_turn(says(head(503, content_length=0)), TAKEN))
    assert [each["status"] for each in job["webhook"]["deliveries"]] == [503, 204]
    first, second = received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 5
    text = (await http.get("/metrics")).text
    assert 'gateway_webhooks_total{state="pending"} 1.0' in text


async def test_one_that_is_gone_is_told_no_more(http: httpx2.AsyncClient) -> None:
    received, job = await told(http, says(head(410, content_length=0)))
    assert (len(received), job["webhook"]["state"]) == (1, "failed")


async def test_the_log_says_what_became_of_it(http: httpx2.AsyncClient, telling: Gateway) -> None:
    _, job = await told(http, TAKEN)
    lines = [json.loads(line) for line in telling.log.read_text().splitlines()]
    (line,) = [line for line in lines if line["event"] == "webhook_tried" and line["job_id"] == job["id"]]
    assert (line["host"], line["status"], line["state"], line["tries"]) == ("127.0.0.1", 204, "delivered", 1)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/", "has a host that is not in webhooks.hosts"),
        ("https://example.org/", "has a host that is not in webhooks.hosts"),
        ("ftp://a.example.org/", "is not an http or https address"),
        ("nonsense", "is not an http or https address"),
        ("https://me:secret@a.example.org/", "has a user or a password in it"),
    ],
)
async def test_what_may_not_be_told_is_refused_before_anything_is_drawn(
    http: httpx2.AsyncClient, url: str, why: str
) -> None:
    answer = await http.post(IMAGES, json=images(), headers={**LATER, "x-gateway-webhook": url})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"] == f"The address in X-Gateway-Webhook {why}. Nothing was drawn."
    assert error["param"] == "x-gateway-webhook"
    assert (await http.get("/gateway/jobs")).json()["data"] == []


async def test_a_name_that_leads_to_a_private_address_is_not_followed_there(
    http: httpx2.AsyncClient, simulator: Simulator
) -> None:
    """The name is allowed, and resolved when it is told: here it leads nowhere, and a job is a job all the same."""
    place, _ = await submitted(http, IMAGES, images(), {"x-gateway-webhook": "https://nothing.example.org/"})
    assert (await over(http, place))["state"] == "succeeded"

    async def tried() -> bool:
        return bool((await over(http, place))["webhook"]["deliveries"])

    await eventually(tried)
    webhook = (await over(http, place))["webhook"]
    assert webhook["state"] == "pending"
    assert webhook["deliveries"][0]["why"] == "the address has a host of which nothing is known"
    assert webhook["next_at"] > webhook["deliveries"][0]["at"]


async def test_whoever_waits_itself_is_told_what_it_forgot(http: httpx2.AsyncClient) -> None:
    answer = await http.post(IMAGES, json=images(), headers={"x-gateway-webhook": "https://a.example.org/"})
    assert answer.status_code == 400
    assert "send Prefer: respond-async with it" in answer.json()["error"]["message"]


async def test_where_nobody_is_told_that_is_said(shared: Gateway) -> None:
    async with caller(shared) as http:
        answer = await http.post(IMAGES, json=images(), headers={**LATER, "x-gateway-webhook": "https://a.example/"})
        assert answer.status_code == 400
        assert "webhooks.hosts" in answer.json()["error"]["message"]


async def test_after_a_rotation_both_secrets_are_good(telling: Gateway) -> None:
    key, old = await telling.new_key(Limits())
    async with httpx2.AsyncClient(base_url=telling.url, trust_env=False, timeout=60) as http:
        http.headers["authorization"] = f"Bearer {old}"
        before = await secret_of(http)
        _, new = await telling.running.ledger.keys.rotate(key.id, overlap_s=3600, now=key.created_at)
        assert await secret_of(http) == before
        http.headers["authorization"] = f"Bearer {new}"
        after = await secret_of(http)
        assert after != before
        (received,), _ = await told(http, TAKEN)
        assert signatures(received, before)
        assert signatures(received, after)
    async with caller(telling) as other:
        assert not signatures(received, await secret_of(other))
