"""What a call's attempts draw on allowances, where one is denied and another takes its number."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.core.allowance import Purpose
from gateway.core.books import Hold
from gateway.core.plan import Plan, Quoted
from gateway.ledger.allowances import Allowances
from gateway.ledger.outbox import Outbox
from gateway.relay.purse import Purse
from tests.facts import DEFAULT, ENTERPRISE, call, lane
from tests.house import Simulator, open_gateway

CHEAP, DEAR = lane(DEFAULT), lane(ENTERPRISE)
PLAN = Plan((Quoted(CHEAP, 55_000_000), Quoted(DEAR, 77_000_000)))
HOLD = Hold("call_1", "acme", "key_1", PLAN.ceiling_nanos)


@asynccontextmanager
async def opened(simulator: Simulator, place: Path, **caps: str) -> AsyncIterator[tuple[Purse, Allowances]]:
    """The purse of a call, and what it draws on."""
    async with open_gateway(simulator, place, failover=caps) as gateway:
        ledger = gateway.running.ledger
        async with Outbox.open(ledger.store, place / "another", lambda event: None, time.time) as outbox:
            yield Purse(call(), PLAN, HOLD, ledger.allowances, DEFAULT.multiplier, outbox), ledger.allowances


async def test_what_was_given_back_for_a_race_that_was_denied_is_drawn_by_the_attempt_that_takes_its_number(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with opened(simulator, tmp_path, premium_hour_usd="1", races_hour_usd="0.001") as (purse, allowances):
        spent = await purse.draw("call_1-2", DEAR, [CHEAP])
        assert spent is not None
        assert spent.purpose is Purpose.RACES
        assert (await allowances.of_installation(Purpose.PREMIUM)).hour_nanos == 0

        assert await purse.draw("call_1-2", DEAR, []) is None
        assert (await allowances.of_installation(Purpose.PREMIUM)).hour_nanos == 22_000_000


async def test_what_two_races_of_a_call_lost_is_drawn_together(simulator: Simulator, tmp_path: Path) -> None:
    async with opened(simulator, tmp_path, races_hour_usd="1") as (purse, allowances):
        assert await purse.draw("call_1-2", DEAR, [CHEAP]) is None
        await purse.close_races(50_000_000)
        assert await purse.draw("call_1-4", DEAR, [CHEAP]) is None
        await purse.close_races(40_000_000)
        assert (await allowances.of_installation(Purpose.RACES)).hour_nanos == 90_000_000
