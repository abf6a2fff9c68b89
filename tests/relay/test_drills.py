"""Drills for real: whose calls they touch, what failover makes of it, and who hears and pays nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.books import Balance
from tests.house import Gateway, Simulator, native_picture, open_gateway, pixels
from tests.relay.drills import another, begin, end, told
from tests.relay.test_reports import rows
from tests.waiting import eventually

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"

# The simulator answers at once: what is late by this is what a drill holds up. And a line that no test waits for.
QUICK = {"suspect_s": 2}
NEVER = {"suspect_s": 170}

NOTHING = Balance(0, 0, None)


@pytest.fixture
async def quick(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(simulator, tmp_path, failover=QUICK) as running:
        yield running


async def test_a_drilled_key_is_served_by_the_next_group_and_told_why(gateway: Gateway, simulator: Simulator) -> None:
    drill = await begin(gateway, kind="dead")
    answer = await gateway.native("a boat")
    assert pixels(native_picture(answer.json())) == (1024, 1024)
    assert answer.headers["x-gateway-drill"] == drill
    assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (ENTERPRISE, "2")
    call_id = answer.headers["x-gateway-call-id"]
    assert [row["headers"]["x-request-id"] for row in simulator.requests(call_id)] == [f"{call_id}-2"]
    (row,) = simulator.bill(call_id)
    assert await gateway.spent_nanos() == row["nanos"]
    (failed,) = await rows(gateway, "attempt_drilled")
    assert (failed["drill"], failed["verdict"], failed["billed"]) == (drill, "busy", "no")
    (call,) = await rows(gateway, "call")
    assert (call["drill"], call["code"]) == (drill, "ok")
    assert not await rows(gateway, "attempt_failed", least=0)


@pytest.mark.parametrize(("kind", "calls"), [("dead", 8), ("hang", 2)])
async def test_another_key_of_the_same_team_does_not_notice(quick: Gateway, kind: str, calls: int) -> None:
    await begin(quick, kind=kind)
    async with another(quick) as neighbour:
        for _ in range(calls):
            assert (await quick.native("a boat")).headers["x-gateway-group"] == ENTERPRISE
            answer = await neighbour.draws()
            assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (DEFAULT, "1")
            assert "x-gateway-drill" not in answer.headers


async def test_the_team_sees_its_group_left_and_the_board_of_all_others_hears_nothing(gateway: Gateway) -> None:
    await begin(gateway, kind="dead")
    tried = [(await gateway.native("a boat")).headers["x-gateway-attempts"] for _ in range(10)]
    assert (tried[0], tried[-1]) == ("2", "1"), "failover has put the group behind, for these calls"
    metrics = (await gateway.http.get("/metrics")).text.splitlines()
    standings = [line for line in metrics if line.startswith("gateway_group_standing{")]
    assert [line for line in standings if not line.endswith(" 0.0")] == []
    about = 'gateway_attempts_total{group="Default",'
    assert [line for line in metrics if line.startswith(about) and not line.endswith(" 0.0")] == []
    assert f'gateway_drilled_attempts_total{{group="Default",kind="dead"}} {tried.count("2")}.0' in metrics
    assert 'gateway_drills_active{kind="dead"} 1.0' in metrics


async def test_what_hangs_is_raced_and_costs_nobody_anything(quick: Gateway, simulator: Simulator) -> None:
    drill = await begin(quick, kind="hang")
    answer = await quick.native("a boat")
    assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (ENTERPRISE, "2")
    (row,) = simulator.bill(answer.headers["x-gateway-call-id"])
    assert row["group"] == ENTERPRISE
    (late,) = await rows(quick, "attempt_drilled_late")
    (over,) = await rows(quick, "attempt_drilled")
    assert (late["drill"], over["verdict"], over["billed"], over["late"]) == (drill, "silent", "no", True)
    assert over["seconds"] < 420, "it is let go of when it has lost and is late"
    assert await quick.spent_nanos() == row["nanos"]
    assert (await quick.usage())["held_usd"] == "0"
    assert await quick.running.ledger.books.operator_balance() == NOTHING
    assert not await rows(quick, "attempt_late", least=0)


async def test_a_hang_that_ends_lets_its_calls_fail_over(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path, failover=NEVER) as gateway:
        drill = await begin(gateway, kind="hang")
        waiting = asyncio.create_task(gateway.native("a boat"))
        await eventually(lambda: _held(gateway))
        await end(gateway, drill)
        answer = await waiting
        assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (ENTERPRISE, "2")
        assert answer.headers["x-gateway-drill"] == drill
        (ended,) = await rows(gateway, "attempt_drilled")
        assert (ended["verdict"], ended["billed"], ended["late"]) == ("unreachable", "no", False)
        assert len(simulator.bill(answer.headers["x-gateway-call-id"])) == 1
        row = await told(gateway, "drill_ended", drill)
        assert (row["stopped"], row["calls"]) == (True, 1)
        after = await gateway.native("a boat")
        assert (after.headers["x-gateway-group"], "x-gateway-drill" in after.headers) == (DEFAULT, False)


async def _held(gateway: Gateway) -> bool:
    return bool((await gateway.usage())["held_usd"] != "0")


async def test_where_there_is_no_other_group_the_caller_gets_the_error_and_pays_nothing(gateway: Gateway) -> None:
    async with another(gateway, groups=frozenset({DEFAULT})) as poor:
        drill = await begin(gateway, kind="dead", key=poor.key.id)
        answer = await poor.draws()
        assert answer.status_code == 503
        assert answer.headers["x-gateway-drill"] == drill
        assert (answer.headers["x-gateway-billed"], answer.headers["x-should-retry"]) == ("no", "true")
        assert await gateway.running.ledger.books.balance(poor.key) == NOTHING


async def test_a_hang_to_the_end_of_its_time_holds_and_owes_nothing(simulator: Simulator, tmp_path: Path) -> None:
    timeouts = {"total_s": 2, "total_long_s": 2}
    async with (
        open_gateway(simulator, tmp_path, failover=NEVER, timeouts=timeouts) as gateway,
        another(gateway, groups=frozenset({DEFAULT})) as poor,
    ):
        await begin(gateway, kind="hang", key=poor.key.id)
        answer = await poor.draws()
        assert answer.status_code == 504
        assert simulator.requests(answer.headers["x-gateway-call-id"]) == []
        assert await gateway.running.ledger.books.balance(poor.key) == NOTHING
        assert await gateway.running.ledger.books.operator_balance() == NOTHING


async def test_slow_is_really_sent_after_its_delay(gateway: Gateway, simulator: Simulator) -> None:
    await begin(gateway, kind="slow", delay_s=1.5)
    began = time.monotonic()
    answer = await gateway.native("a boat")
    assert time.monotonic() - began >= 1.5
    assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (DEFAULT, "1")
    (row,) = simulator.bill(answer.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == row["nanos"]


async def test_slow_is_not_sent_when_another_has_won(quick: Gateway, simulator: Simulator) -> None:
    await begin(quick, kind="slow", delay_s=300)
    answer = await quick.native("a boat")
    call_id = answer.headers["x-gateway-call-id"]
    (row,) = await rows(quick, "attempt_drilled")
    assert (row["attempt_id"], row["verdict"], row["billed"]) == (f"{call_id}-1", "unreachable", "no")
    assert [each["headers"]["x-request-id"] for each in simulator.requests(call_id)] == [f"{call_id}-2"]


async def test_a_caller_who_leaves_gets_what_is_slow_all_the_same(gateway: Gateway, simulator: Simulator) -> None:
    await begin(gateway, kind="slow", delay_s=1)
    waiting = asyncio.create_task(gateway.native("a boat"))
    await eventually(lambda: _held(gateway))
    waiting.cancel()
    (row,) = await rows(gateway, "call")
    assert (row["code"], row["group"]) == ("caller_left", DEFAULT)
    (billed,) = simulator.bill(row["call_id"])
    assert await gateway.spent_nanos() == billed["nanos"]


async def test_a_team_is_drilled_with_all_its_keys_and_no_other_team(gateway: Gateway) -> None:
    await begin(gateway, kind="dead", team="acme")
    async with another(gateway) as ours, another(gateway, "umbra") as theirs:
        assert "x-gateway-drill" in (await gateway.native("a boat")).headers
        assert "x-gateway-drill" in (await ours.draws()).headers
        assert (await theirs.draws()).headers["x-gateway-group"] == DEFAULT


async def test_a_share_touches_nobody_who_has_nowhere_else_to_go(gateway: Gateway) -> None:
    await begin(gateway, kind="dead", share=1)
    async with another(gateway, groups=frozenset({DEFAULT})) as poor:
        assert (await gateway.native("a boat")).headers["x-gateway-group"] == ENTERPRISE
        answer = await poor.draws()
        assert (answer.status_code, answer.headers["x-gateway-group"]) == (200, DEFAULT)


async def test_a_share_touches_nobody_where_calls_do_not_fail_over(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path, failover={"mode": "off"}) as gateway:
        await begin(gateway, kind="dead", share=1)
        assert (await gateway.native("a boat")).headers["x-gateway-group"] == DEFAULT


async def test_two_drills_of_two_groups_are_both_told(gateway: Gateway) -> None:
    both = {await begin(gateway, kind="dead", group=group) for group in (DEFAULT, ENTERPRISE)}
    answer = await gateway.images("a boat")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_overloaded")
    assert set(answer.headers["x-gateway-drill"].split(", ")) == both
    assert await gateway.spent_nanos() == 0


async def test_pictures_of_one_call_are_drilled_together(gateway: Gateway) -> None:
    drill = await begin(gateway, kind="dead", share=0.5)
    answer = await gateway.images("a boat", n=4)
    groups, drilled = answer.headers["x-gateway-group"], answer.headers.get("x-gateway-drill")
    assert (groups, drilled) in ((DEFAULT, None), (ENTERPRISE, drill))


async def test_a_gateway_that_stops_does_not_wait_for_what_a_drill_holds_up(
    simulator: Simulator, tmp_path: Path
) -> None:
    began = time.monotonic()
    async with open_gateway(simulator, tmp_path) as gateway:
        await begin(gateway, kind="hang")
        await begin(gateway, kind="hang", group=ENTERPRISE)
        waiting = asyncio.create_task(gateway.native("a boat"))
        await eventually(lambda: _held(gateway))
        waiting.cancel()
    assert time.monotonic() - began < 120.0, "an attempt may take 420 s"
