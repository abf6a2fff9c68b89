"""What the books tell of a call afterwards: every attempt, who paid for it, and whether its caller was still there."""

import asyncio
from pathlib import Path
from typing import Any

from gateway.core.money import nanos_of
from tests.house import ADMIN_KEY, Gateway, Simulator, open_gateway
from tests.relay.test_reports import in_flight, rows
from tests.waiting import eventually


async def newest(gateway: Gateway) -> dict[str, Any]:
    """The newest call as its caller may see it, once it has ended."""
    told: list[dict[str, Any]] = []

    async def ended() -> bool:
        told[:] = (await gateway.http.get("/gateway/calls?limit=1")).json()["calls"]
        return bool(told) and told[0]["state"] != "open"

    await eventually(ended)
    return told[0]


async def test_who_lost_a_race_is_told_with_what_the_operator_paid(tmp_path: Path) -> None:
    admin = {"authorization": f"Bearer {ADMIN_KEY}"}
    with Simulator.started("--speed", "10", "--light") as slow:
        async with open_gateway(slow, tmp_path, failover={"suspect_s": 0.3}) as gateway:
            answer = await gateway.native("a boat [sim:slow@Default]")
            assert answer.headers["x-gateway-attempts"] == "2"
            call_id = answer.headers["x-gateway-call-id"]
            loser, winner = (await newest(gateway))["attempts"]
            assert (loser["group"], loser["usd"], loser["paid_by"]) == ("Default", None, None)
            assert (winner["verdict"], winner["paid_by"]) == ("picture", "key")
            await rows(gateway, "operator_charged")

            async def paid() -> bool:
                told = (await gateway.http.get(f"/admin/api/calls/{call_id}", headers=admin)).json()
                return bool(told["attempts"][0]["paid_by"] == "operator")

            await eventually(paid)
            told = (await gateway.http.get(f"/admin/api/calls/{call_id}", headers=admin)).json()
            first, second = told["attempts"]
            bill = {row["id"]: row["nanos"] for row in slow.bill(call_id)}
            assert {each["id"]: nanos_of(each["usd"]) for each in (first, second)} == bill
            assert (first["verdict"], first["billed"], first["why"]) == ("picture", "yes", "race_loss")
            assert first["took_ms"] > second["took_ms"]


async def test_a_caller_who_left_is_told_as_such(tmp_path: Path) -> None:
    with Simulator.started("--speed", "8", "--light") as slow:
        async with open_gateway(slow, tmp_path) as gateway:
            waiting = asyncio.create_task(gateway.native("a boat"))
            await eventually(lambda: in_flight(gateway))
            waiting.cancel()
            told = await newest(gateway)
            assert (told["state"], told["caller_left"]) == ("settled", True)
            assert nanos_of(told["usd"]) == await gateway.spent_nanos() == slow.bill()[0]["nanos"]
