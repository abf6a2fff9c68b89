"""An answer without a picture that is no decision: where a picture is all that is wanted, it is asked for once more."""

import asyncio
from pathlib import Path

import pytest

from gateway.core.money import nanos_of
from tests.house import MODEL, Gateway, Simulator, open_gateway, pixels
from tests.relay.test_reports import rows
from tests.waiting import eventually

EMPTY = "a boat [sim:no-image]"
EMPTY_ONCE = "a boat [sim:no-image#1]"


async def test_the_second_answer_is_the_callers_and_the_first_the_operators(
    gateway: Gateway, simulator: Simulator
) -> None:
    answer = await gateway.images(EMPTY_ONCE)
    assert answer.status_code == 200
    assert pixels(answer.json()["data"][0]["b64_json"]) == (1024, 1024)
    assert (answer.headers["x-gateway-attempts"], answer.headers["x-gateway-group"]) == ("2", "Default")
    first, second = simulator.bill(answer.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == second["nanos"]
    assert (await gateway.running.ledger.books.operator_balance()).spent_nanos == first["nanos"]
    assert (await gateway.usage())["held_usd"] == "0"
    (charged,) = await rows(gateway, "operator_charged", least=1)
    assert (charged["why"], nanos_of(charged["usd"])) == ("fruitless", first["nanos"])


async def test_it_is_asked_for_no_third_time(gateway: Gateway, simulator: Simulator) -> None:
    answer = await gateway.images(EMPTY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_image_generated")
    assert answer.headers["x-should-retry"] == "false"
    first, second = simulator.bill(answer.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == second["nanos"]
    assert (await gateway.running.ledger.books.operator_balance()).spent_nanos == first["nanos"]


@pytest.mark.parametrize("fault", ["refusal", "blocked", "text-only"])
async def test_a_decision_is_not_questioned(gateway: Gateway, simulator: Simulator, fault: str) -> None:
    answer = await gateway.images(f"a boat [sim:{fault}]")
    assert answer.status_code == 400
    assert len(simulator.bill(answer.headers["x-gateway-call-id"])) == 1
    assert (await gateway.running.ledger.books.operator_balance()).spent_nanos == 0


async def test_whoever_may_be_answered_in_words_is_told_of_the_first(gateway: Gateway, simulator: Simulator) -> None:
    for answer in (await gateway.chat(EMPTY_ONCE), await gateway.native(EMPTY_ONCE)):
        assert answer.status_code == 200
        assert len(simulator.bill(answer.headers["x-gateway-call-id"])) == 1


async def test_nobody_insists_for_a_caller_who_has_left(tmp_path: Path) -> None:
    with Simulator.started("--speed", "10", "--light") as slow:
        async with open_gateway(slow, tmp_path) as gateway:
            asking = asyncio.create_task(gateway.images(EMPTY))
            await eventually(lambda: _seen(slow))
            asking.cancel()
            (row,) = await rows(gateway, "call")
            assert row["code"] == "caller_left"
        assert len(slow.bill()) == 1


async def _seen(simulator: Simulator) -> bool:
    return bool(simulator.requests("call_"))


async def test_several_pictures_insist_each_for_itself(gateway: Gateway, simulator: Simulator) -> None:
    answer = await gateway.images(EMPTY_ONCE, n=2)
    assert len(answer.json()["data"]) == 2
    assert answer.headers["x-gateway-attempts"] == "4"


async def test_a_stream_insists_too(gateway: Gateway) -> None:
    answer = await gateway.images(EMPTY_ONCE, stream=True)
    assert answer.content.count(b"event: image_generation.completed\n") == 1


async def test_the_second_try_fails_over_as_the_first_did(gateway: Gateway) -> None:
    answer = await gateway.images("a boat [sim:no-image#1] [sim:busy#2]", model=MODEL)
    assert answer.status_code == 200
    assert (answer.headers["x-gateway-attempts"], answer.headers["x-gateway-group"]) == ("3", "NanoBananaEnterprise")
