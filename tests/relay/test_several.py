"""Several pictures in one request: as many calls, one reservation for all, and honest partial results."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from gateway.core.budgets import Budget
from gateway.core.keys import Limits
from gateway.core.money import nanos_of, usd_of
from gateway.core.sse import EventReader
from tests.house import MODEL, PRO, Gateway, Simulator, open_gateway, pixels
from tests.relay.test_reports import rows

HALF = [{"fault": "refusal", "share": 0.5}]


@pytest.fixture
def whimsical() -> Iterator[Simulator]:
    """A seller that refuses every other picture, by its dice."""
    with Simulator.started("--speed", "0", "--light") as running:
        httpx2.post(f"{running.url}/sim/schedule", json=HALF, trust_env=False).raise_for_status()
        yield running


async def test_each_picture_is_a_call_of_its_own_in_the_sellers_bill_and_in_ours(
    gateway: Gateway, simulator: Simulator
) -> None:
    answer = await gateway.images("a boat", n=3, size="16:9")
    data = answer.json()["data"]
    bill = simulator.bill(answer.headers["x-gateway-call-id"])
    assert [pixels(each["b64_json"]) for each in data] == [(1376, 768)] * 3
    assert len({row["id"] for row in bill}) == 3
    assert await gateway.spent_nanos() == sum(row["nanos"] for row in bill)
    assert answer.headers["x-gateway-cost-usd"] == usd_of(sum(row["nanos"] for row in bill))
    assert answer.json()["usage"]["output_tokens"] == sum(row["output_tokens"] for row in bill)
    assert "x-gateway-partial" not in answer.headers


async def test_pictures_that_were_refused_are_left_out_and_said_to_be(whimsical: Simulator, tmp_path: Path) -> None:
    async with open_gateway(whimsical, tmp_path) as gateway:
        answer = await gateway.images("a boat", n=10)
        drawn = len(answer.json()["data"])
        assert 0 < drawn < 10
        assert answer.headers["x-gateway-partial"] == f"{drawn}/10"
        bill = whimsical.bill()
        assert (len(bill), sum(row["pictures"] for row in bill)) == (10, drawn)
        assert await gateway.spent_nanos() == sum(row["nanos"] for row in bill)


async def test_when_none_was_drawn_the_caller_is_told_why(gateway: Gateway, simulator: Simulator) -> None:
    answer = await gateway.images("a boat [sim:refusal]", n=2)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "moderation_blocked")
    assert len(simulator.bill(answer.headers["x-gateway-call-id"])) == 2


async def test_a_budget_for_two_admits_none_of_three(gateway: Gateway, simulator: Simulator) -> None:
    _, secret = await gateway.new_key(Limits(Budget(2 * nanos_of("0.126"))))
    body = {"model": PRO, "prompt": "a boat", "n": 3}
    headers = {"authorization": f"Bearer {secret}"}
    refused = await gateway.http.post("/v1/images/generations", json=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert simulator.requests(refused.headers["x-gateway-call-id"]) == []
    fits = await gateway.http.post("/v1/images/generations", json={**body, "n": 2}, headers=headers)
    assert len(fits.json()["data"]) == 2


async def test_each_picture_fails_over_by_itself(gateway: Gateway, simulator: Simulator) -> None:
    answer = await gateway.images("a boat [sim:busy@Default]", n=2)
    assert len(answer.json()["data"]) == 2
    assert (answer.headers["x-gateway-attempts"], answer.headers["x-gateway-group"]) == ("4", "NanoBananaEnterprise")
    assert await gateway.spent_nanos() == sum(
        row["nanos"] for row in simulator.bill(answer.headers["x-gateway-call-id"])
    )


async def test_streamed_pictures_come_one_by_one(gateway: Gateway) -> None:
    answer = await gateway.images("a boat", n=2, stream=True)
    assert answer.headers["content-type"] == "text/event-stream"
    told = [json.loads(data) for data in EventReader().feed(answer.content)]
    assert [each["type"] for each in told] == ["image_generation.completed"] * 2
    assert [pixels(each["b64_json"]) for each in told] == [(1024, 1024)] * 2


async def test_chat_gives_as_many_choices(gateway: Gateway) -> None:
    whole = (await gateway.chat("a boat", n=2)).json()
    assert [choice["index"] for choice in whole["choices"]] == [0, 1]
    stream = await gateway.chat("a boat", n=2, stream=True)
    events = [json.loads(data) for data in EventReader().feed(stream.content) if data != b"[DONE]"]
    finished = {choice["index"] for each in events for choice in each["choices"] if choice["finish_reason"]}
    assert finished == {0, 1}


async def test_every_picture_is_told_of_with_its_own_price(gateway: Gateway) -> None:
    answer = await gateway.images("a boat", n=2)
    call_id = answer.headers["x-gateway-call-id"]
    told = await rows(gateway, "call", least=2)
    assert {row["call_id"] for row in told} == {f"{call_id}.1", f"{call_id}.2"}
    assert len({row["request_id"] for row in told}) == 1
    assert sum(nanos_of(row["usd"]) for row in told) == await gateway.spent_nanos()
    assert MODEL in {row["model"] for row in told}
