"""What a caller has left is there for it when it is charged, and delivered after all it was not paid in vain."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.core.past import ms_of
from gateway.ledger import layout
from tests.house import ADMIN_KEY, Gateway, Simulator, open_gateway
from tests.relay.test_again import IMAGES, SLOW, Asking, images, new_caller, replayed
from tests.waiting import eventually

ONCE = {"idempotency-key": "5f0c9f3e"}


@pytest_asyncio.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    with Simulator.started(*SLOW) as seller:
        async with open_gateway(seller, tmp_path) as gateway, new_caller(gateway, seller) as asking:
            yield asking


async def in_vain(gateway: Gateway) -> dict[str, int]:
    """How many answers were, by cause."""
    told = await gateway.http.get("/admin/api/waste", headers={"authorization": f"Bearer {ADMIN_KEY}"})
    return {row["cause"]: row["answers"] for row in told.json()["rows"]}


WAYS = pytest.mark.parametrize("headers", [{}, ONCE], ids=["by itself", "by its key"])


@WAYS
async def test_what_was_left_is_kept_before_it_is_charged(
    asking: Asking, tmp_path: Path, headers: dict[str, Any]
) -> None:
    await asking.leave(IMAGES, images(n=4), headers)
    await asking.all_drawn()
    await eventually(asking.balanced)
    rows = asking.gateway.running.ledger.store.rows(layout.ledger("acme"), "+")
    charged_ms = [ms_of(name) async for name, row in rows if row["do"] == "settle"]
    assert len(charged_ms) == 4
    (record,) = (tmp_path / "data" / "vault" / "results").rglob("*.json")
    assert record.stat().st_mtime_ns // 1_000_000 <= min(charged_ms)


@WAYS
async def test_who_had_left_and_has_it_from_the_vault_has_not_paid_in_vain(
    asking: Asking, headers: dict[str, Any]
) -> None:
    async def so_many(left: dict[str, int]) -> None:
        async def told() -> bool:
            return await in_vain(asking.gateway) == left

        await eventually(told)

    body = images(n=2)
    await asking.leave(IMAGES, body, headers)
    await so_many({"caller_left": 2})
    assert replayed(await asking.post(IMAGES, body, headers))
    await so_many({})
    assert replayed(await asking.post(IMAGES, body, headers)) == bool(headers)
    await so_many({})


async def test_who_joins_what_it_had_left_has_not_paid_in_vain(asking: Asking) -> None:
    await asking.leave(IMAGES, images())
    assert replayed(await asking.post(IMAGES, images()))
    await eventually(asking.balanced)
    assert await in_vain(asking.gateway) == {}
