"""Dialogues: what the seller does, what the caller gets, what moves in the books, what the seller bills."""

import asyncio
import base64
import json
from pathlib import Path

import httpx2
import pytest

from gateway.core.money import nanos_of
from tests.house import MODEL, PRO, Gateway, Simulator, native_picture, open_gateway, pixels
from tests.waiting import eventually

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"

# What Default does, how often it was tried before Enterprise answered, and whether the seller bills Default for it.
FAILURES = [
    ("busy", 2, False),
    ("unavailable", 2, False),
    ("error", 2, False),
    ("bad-gateway", 2, False),
    ("edge", 2, False),
    ("quota", 2, False),
    ("bad-key", 2, False),
    ("reset", 2, False),
    ("close", 2, False),
    ("html", 2, True),
]


@pytest.mark.parametrize(("fault", "attempts", "billed"), FAILURES)
async def test_a_failing_group_is_left_for_the_next_and_charged_once_at_its_multiplier(
    gateway: Gateway, simulator: Simulator, fault: str, attempts: int, billed: bool
) -> None:
    answer = await gateway.native(f"a boat [sim:{fault}@Default]", model=PRO)
    assert answer.status_code == 200
    assert answer.headers["x-gateway-group"] == ENTERPRISE
    assert answer.headers["x-gateway-attempts"] == str(attempts)
    assert pixels(native_picture(answer.json())) == (1024, 1024)
    bill = simulator.bill(answer.headers["x-gateway-call-id"])
    assert [row["group"] for row in bill] == ([DEFAULT, ENTERPRISE] if billed else [ENTERPRISE])
    assert await gateway.spent_nanos() == nanos_of("0.126")
    assert (await gateway.usage())["held_usd"] == "0"


async def test_a_well_group_answers_at_its_own_price(gateway: Gateway, simulator: Simulator) -> None:
    answer = await gateway.native("a boat", aspectRatio="21:9", imageSize="4K")
    assert answer.status_code == 200
    assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (DEFAULT, "1")
    assert pixels(native_picture(answer.json())) == (6336, 2688)
    (row,) = simulator.bill(answer.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == row["nanos"]


async def test_a_native_answer_is_the_sellers_byte_for_byte(gateway: Gateway, simulator: Simulator) -> None:
    whole = await gateway.native("a boat")
    assert whole.content == simulator.reply(f"{whole.headers['x-gateway-call-id']}-1")
    assert whole.headers["content-length"] == str(len(whole.content))
    body = {"contents": [{"parts": [{"text": "a boat"}]}]}
    stream = await gateway.http.post(f"/v1/models/{MODEL}:streamGenerateContent?alt=sse", json=body)
    assert stream.content == simulator.reply(f"{stream.headers['x-gateway-call-id']}-1")


async def test_a_stuck_group_is_raced_and_the_loser_is_the_operators(simulator: Simulator, tmp_path: Path) -> None:
    timeouts = {"connect_s": 5, "idle_s": 30, "total_s": 4, "total_long_s": 4, "client_s": 60}
    async with open_gateway(simulator, tmp_path, failover={"suspect_s": 0.2}, timeouts=timeouts) as gateway:
        answer = await gateway.native("a boat [sim:hang@Default]", model=PRO)
        assert answer.headers["x-gateway-group"] == ENTERPRISE
        assert answer.headers["x-gateway-attempts"] == "2"
        assert await gateway.spent_nanos() == nanos_of("0.126")


@pytest.mark.parametrize("fault", ["busy", "error", "unavailable"])
async def test_when_every_group_fails_the_caller_pays_nothing(gateway: Gateway, fault: str) -> None:
    answer = await gateway.images(f"a boat [sim:{fault}]")
    assert answer.status_code in (502, 503)
    assert answer.headers["x-gateway-billed"] == "no"
    assert answer.headers["x-should-retry"] == "true"
    assert int(answer.headers["retry-after"]) >= 1
    assert await gateway.spent_nanos() == 0
    assert (await gateway.usage())["held_usd"] == "0"


async def test_a_request_that_the_seller_finds_wrong_is_tried_once(gateway: Gateway, simulator: Simulator) -> None:
    torn = base64.b64encode(b"\x89PNG\r\n\x1a\n and nothing more").decode()
    body = {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": torn}}]}]}
    answer = await gateway.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert "request id" not in answer.json()["error"]["message"]
    assert len(simulator.requests(answer.headers["x-gateway-call-id"])) == 1
    assert await gateway.spent_nanos() == 0


@pytest.mark.parametrize("fault", ["refusal", "blocked", "text-only"])
async def test_a_refusal_is_passed_on_charged_and_never_retried(
    gateway: Gateway, simulator: Simulator, fault: str
) -> None:
    answer = await gateway.native(f"a boat [sim:{fault}]")
    assert answer.status_code == 200
    (row,) = simulator.bill(answer.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == row["nanos"]


async def test_a_refusal_is_an_error_to_images_callers_which_no_sdk_repeats(
    gateway: Gateway, simulator: Simulator
) -> None:
    answer = await gateway.images("a boat [sim:refusal]")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert (answer.headers["x-gateway-billed"], answer.headers["x-should-retry"]) == ("yes", "false")
    (row,) = simulator.bill(answer.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == row["nanos"]


@pytest.mark.parametrize("fault", ["garbage", "cut"])
async def test_an_answer_that_makes_no_sense_is_an_error_on_every_route(gateway: Gateway, fault: str) -> None:
    for ask in (gateway.images, gateway.chat):
        answer = await ask(f"a boat [sim:{fault}]")
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_truncated")
    assert await gateway.spent_nanos() == 0


async def test_a_native_answer_that_breaks_off_breaks_off_for_the_caller_too(tmp_path: Path) -> None:
    with Simulator.started("--speed", "0") as heavy:  # pictures as heavy as real ones: the head is out before the cut
        async with open_gateway(heavy, tmp_path) as gateway:
            with pytest.raises(httpx2.RemoteProtocolError):
                await gateway.native("a boat [sim:cut]")
            await eventually(lambda: _nothing_held(gateway))
            assert await gateway.spent_nanos() == 0


async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole_and_costs_the_caller_nothing(
    gateway: Gateway, simulator: Simulator
) -> None:
    answer = await gateway.images("a boat [sim:cut]")
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_truncated"
    assert answer.headers["x-should-retry"] == "false"
    assert await gateway.spent_nanos() == 0
    assert len(simulator.bill(answer.headers["x-gateway-call-id"])) == 1


async def test_a_picture_without_reported_usage_is_charged_by_the_call(gateway: Gateway) -> None:
    await gateway.native("a boat [sim:no-usage]")
    assert await gateway.spent_nanos() == nanos_of("0.055")


async def test_whoever_hangs_up_has_paid(gateway: Gateway, simulator: Simulator) -> None:
    reader, writer = await asyncio.open_connection(*gateway.url.removeprefix("http://").split(":"))
    body = json.dumps({"contents": [{"parts": [{"text": "a boat [sim:trickle]"}]}]}).encode()
    head = f"POST /v1beta/models/{MODEL}:generateContent HTTP/1.1\r\nhost: x\r\nx-goog-api-key: {gateway.secret}\r\n"
    writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await eventually(lambda: _settled(gateway))
    (row,) = [row for row in simulator.bill() if row["nanos"] == await gateway.spent_nanos()][-1:]
    assert row["nanos"] == await gateway.spent_nanos()


async def _settled(gateway: Gateway) -> bool:
    usage = await gateway.usage()
    return bool(usage["spent_usd"] != "0" and usage["held_usd"] == "0")


async def _nothing_held(gateway: Gateway) -> bool:
    return bool((await gateway.usage())["held_usd"] == "0")


async def test_the_caller_is_told_before_it_would_hang_up(simulator: Simulator, tmp_path: Path) -> None:
    timeouts = {"connect_s": 5, "idle_s": 30, "total_s": 4, "total_long_s": 4, "client_s": 360}
    async with open_gateway(simulator, tmp_path, timeouts=timeouts) as gateway:
        headers = {"x-stainless-read-timeout": "3"}
        body = {"model": MODEL, "prompt": "a boat [sim:hang]"}
        answer = await gateway.http.post("/v1/images/generations", json=body, headers=headers)
        assert answer.status_code == 504
        assert answer.json()["error"]["code"] == "deferred"
        assert answer.headers["x-should-retry"] == "true"


async def test_no_credential_of_the_caller_reaches_the_seller(gateway: Gateway, simulator: Simulator) -> None:
    body = {"contents": [{"parts": [{"text": "a boat"}]}]}
    path = f"/v1beta/models/{MODEL}:generateContent?key={gateway.secret}&alt=sse"
    answer = await gateway.http.post(path, json=body, headers={"x-goog-api-key": gateway.secret, "cookie": "a=b"})
    assert answer.status_code == 200
    (seen,) = simulator.requests(answer.headers["x-gateway-call-id"])
    assert gateway.secret not in json.dumps(seen)
    assert seen["headers"]["authorization"] == "Bearer sim-key-default"
    assert "cookie" not in seen["headers"]
    assert gateway.secret not in gateway.log.read_text()
