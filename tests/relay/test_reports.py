"""What is told of a call to whoever watches: once, whatever became of it, and with the money."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core.budgets import Budget
from gateway.core.keys import Limits
from gateway.core.money import nanos_of
from tests.house import MODEL, Gateway, Simulator, open_gateway
from tests.losable import LosableStore
from tests.waiting import eventually


async def rows(gateway: Gateway, event: str, *, least: int = 1) -> list[dict[str, Any]]:
    """The log lines of an event, once there are so many."""

    async def there() -> bool:
        return len(_rows(gateway, event)) >= least

    await eventually(there)
    return _rows(gateway, event)


def _rows(gateway: Gateway, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


async def test_a_call_is_told_with_its_group_and_its_price(gateway: Gateway) -> None:
    answer = await gateway.native("a boat [sim:busy@Default]")
    (row,) = await rows(gateway, "call")
    assert row["call_id"] == answer.headers["x-gateway-call-id"]
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["group"], row["attempts"], row["code"]) == ("NanoBananaEnterprise", 2, "ok")
    assert nanos_of(row["usd"]) == await gateway.spent_nanos()


async def test_a_call_refused_for_its_budget_is_told_as_refused_with_whose_it_was(gateway: Gateway) -> None:
    key, secret = await gateway.new_key(Limits(Budget(1)))
    answer = await gateway.http.post(
        "/v1/images/generations",
        json={"model": MODEL, "prompt": "a boat"},
        headers={"authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 429
    (row,) = await rows(gateway, "refused")
    assert (row["status"], row["code"]) == (429, "insufficient_quota")
    assert (row["team"], row["key_id"], row["model"]) == (key.team, key.id, MODEL)
    assert row["call_id"] == answer.headers["x-gateway-call-id"]


@pytest.mark.parametrize("fault", ["cut", "garbage"])
async def test_a_stream_that_ended_in_an_error_is_not_told_as_ok(tmp_path: Path, fault: str) -> None:
    with Simulator.started("--speed", "0") as heavy:
        async with open_gateway(heavy, tmp_path) as gateway:
            answer = await gateway.chat(f"a boat [sim:{fault}]", stream=True)
            assert answer.status_code == 200 or answer.json()["error"]["code"] == "upstream_truncated"
            (row,) = await rows(gateway, "call")
            assert row["code"] == "upstream_truncated"
            assert not row["delivered"]
            assert "usd" not in row


async def test_a_caller_who_hangs_up_is_told_as_left_and_charged_when_it_is_over(
    simulator: Simulator, tmp_path: Path
) -> None:
    with Simulator.started("--speed", "8", "--light") as slow:
        async with open_gateway(slow, tmp_path) as gateway:
            waiting = asyncio.create_task(gateway.native("a boat"))
            await eventually(lambda: in_flight(gateway))
            waiting.cancel()
            (row,) = await rows(gateway, "call")
            assert (row["status"], row["code"], row["delivered"]) == (499, "caller_left", False)
            assert nanos_of(row["usd"]) == await gateway.spent_nanos() == slow.bill()[0]["nanos"]


async def in_flight(gateway: Gateway, calls: int = 1) -> bool:
    metrics = (await gateway.http.get("/metrics")).text
    return f'in_flight{{group="Default",lane="Default"}} {calls}.0' in metrics


async def test_an_attempt_past_the_suspect_line_is_told_at_the_crossing(simulator: Simulator, tmp_path: Path) -> None:
    timeouts = {"total_s": 3, "total_long_s": 3}
    async with open_gateway(simulator, tmp_path, failover={"suspect_s": 0.2}, timeouts=timeouts) as gateway:
        await gateway.native("a boat [sim:hang@Default]")
        (row,) = await rows(gateway, "attempt_late")
        assert row["lane"] == "Default"
        assert not _rows(gateway, "attempt_failed")
        (ended,) = await rows(gateway, "attempt_failed")
        assert (ended["verdict"], ended["late"]) == ("silent", True)
        (paid,) = await rows(gateway, "operator_charged")
        assert paid["why"] == "unsettled"


async def test_with_the_store_gone_answers_come_all_the_same_and_are_written_when_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with LosableStore.started(tmp_path / "store") as store, Simulator.started("--speed", "6", "--light") as slow:
        async with open_gateway(slow, tmp_path, store=store.url) as gateway:
            asked = [asyncio.create_task(gateway.native(prompt)) for prompt in ("a boat", "a boat [sim:error]")]
            await eventually(lambda: in_flight(gateway, 2))
            with store.away():
                drawn, failed = await asyncio.gather(*asked)
                assert (drawn.status_code, failed.status_code) == (200, 502)
                assert (await gateway.native("another")).status_code == 200
            lost = {row["doing"] for row in await rows(gateway, "store_lost")}
            assert lost - {"share"} == {"settle", "void", "correct"}
            await eventually(lambda: _nothing_held(gateway))
            await eventually(lambda: _is_billed(gateway, slow))


async def _is_billed(gateway: Gateway, seller: Simulator) -> bool:
    return bool(await gateway.spent_nanos() == sum(row["nanos"] for row in seller.bill()))


async def _nothing_held(gateway: Gateway) -> bool:
    answer = await gateway.http.get("/gateway/usage")
    return answer.status_code == 200 and answer.json()["held_usd"] == "0"
