"""Races for real: an attempt that is stuck, another beside it, and what becomes of both in answer and books."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.sse import EventReader
from tests.house import MODEL, Gateway, Simulator, native_picture, open_gateway, pixels
from tests.relay.test_reports import rows
from tests.waiting import eventually

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"

# Late after a moment; at the simulator's speed an answer takes about a second, a slow one four.
FAILOVER = {"suspect_s": 0.3}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    with Simulator.started("--speed", "10", "--light") as slow:
        async with open_gateway(slow, tmp_path, failover=FAILOVER) as running:
            yield running


async def operator_usd(gateway: Gateway, least: int = 1) -> list[tuple[str, str]]:
    return [(row["why"], row["usd"]) for row in await rows(gateway, "operator_charged", least=least)]


async def test_the_first_picture_wins_and_the_other_is_the_operators(gateway: Gateway) -> None:
    answer = await gateway.native("a boat [sim:slow@Default]")
    assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (ENTERPRISE, "2")
    assert pixels(native_picture(answer.json())) == (1024, 1024)
    ((why, _),) = await operator_usd(gateway)
    assert why == "race_loss"


@pytest.mark.parametrize("fault", ["refusal", "text-only", "no-image"])
async def test_an_answer_without_a_picture_does_not_win_while_the_other_draws(gateway: Gateway, fault: str) -> None:
    answer = await gateway.native(f"a boat [sim:slow@Default] [sim:{fault}@NanoBananaEnterprise]")
    assert answer.headers["x-gateway-group"] == DEFAULT
    assert pixels(native_picture(answer.json())) == (1024, 1024)
    ((why, _),) = await operator_usd(gateway)
    assert why == "race_loss"


async def test_an_answer_without_a_picture_is_better_than_none(gateway: Gateway) -> None:
    answer = await gateway.native("a boat [sim:refusal]")
    assert answer.status_code == 200
    assert answer.json()["candidates"][0]["finishReason"] == "IMAGE_SAFETY"
    assert answer.headers["x-gateway-attempts"] == "2"


async def test_a_raced_stream_is_whole(gateway: Gateway) -> None:
    body = {"contents": [{"parts": [{"text": "a boat [sim:slow]"}]}]}
    answer = await gateway.http.post(f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", json=body)
    parts = [
        part
        for data in EventReader().feed(answer.content)
        for part in json.loads(data)["candidates"][0]["content"]["parts"]
    ]
    (picture,) = [part["inlineData"]["data"] for part in parts if "inlineData" in part]
    assert pixels(picture) == (1024, 1024)
    assert answer.headers["x-gateway-attempts"] == "2"


async def test_what_a_caller_pays_is_the_winners_price_alone(gateway: Gateway) -> None:
    answer = await gateway.native("a boat [sim:slow@Default]", aspectRatio="16:9")
    call_id = answer.headers["x-gateway-call-id"]
    await operator_usd(gateway)
    (charged,) = [row for row in await rows(gateway, "call") if row["call_id"] == call_id]
    assert charged["group"] == ENTERPRISE
    assert answer.headers["x-gateway-cost-usd"] == charged["usd"]


async def test_a_refusal_is_news_of_its_group_before_the_call_is_over(gateway: Gateway) -> None:
    answers = [asyncio.create_task(gateway.native("a boat [sim:busy@Default]")) for _ in range(6)]

    async def left() -> bool:
        text = (await gateway.http.get("/metrics")).text
        return f'gateway_group_standing{{group="{DEFAULT}",model="{MODEL}"}} 4.0' in text

    await eventually(left)
    assert not any(answer.done() for answer in answers), "the other group takes a second to draw"
    assert {(await answer).headers["x-gateway-group"] for answer in answers} == {ENTERPRISE}
