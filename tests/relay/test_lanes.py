"""Several addresses and several keys in a group: each call finds one that serves it, at no cost to its caller."""

import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.core.money import nanos_of
from tests.house import ADMIN_KEY, Gateway, Simulator, open_gateway
from tests.relay.test_reports import rows

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that refuses every connection, for as long as the test lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def groups(simulator: Simulator, *lanes: dict[str, Any]) -> list[dict[str, Any]]:
    usual = {"billing": "pay-as-you-go-priority"}
    dear = [{"url": simulator.url, "key": "sim-key-enterprise"}]
    return [
        {"name": DEFAULT, "multiplier": 1.0, "lanes": list(lanes), **usual},
        {"name": ENTERPRISE, "multiplier": 1.4, "lanes": dear, **usual},
    ]


async def test_an_address_that_cannot_be_reached_is_left_for_the_next_and_not_asked_again_at_once(
    simulator: Simulator, tmp_path: Path, nowhere: str
) -> None:
    lanes = [{"url": nowhere, "key": "sim-key-default"}, {"url": simulator.url, "key": "sim-key-default"}]
    async with open_gateway(simulator, tmp_path, groups=groups(simulator, *lanes)) as gateway:
        first, second = await gateway.native("a boat"), await gateway.native("a boat")
        assert [each.headers["x-gateway-group"] for each in (first, second)] == [DEFAULT, DEFAULT]
        assert [each.headers["x-gateway-attempts"] for each in (first, second)] == ["2", "1"]
        assert len(simulator.bill(first.headers["x-gateway-call-id"])) == 1


async def test_a_key_that_the_seller_refuses_is_out_and_its_caller_does_not_notice(
    simulator: Simulator, tmp_path: Path
) -> None:
    lanes = [{"url": simulator.url, "key": "sim-key-revoked"}, {"url": simulator.url, "key": "sim-key-default"}]
    async with open_gateway(simulator, tmp_path, groups=groups(simulator, *lanes)) as gateway:
        first, second = await gateway.native("a boat"), await gateway.images("a boat")
        assert [each.status_code for each in (first, second)] == [200, 200]
        assert (first.headers["x-gateway-group"], first.headers["x-gateway-attempts"]) == (DEFAULT, "2")
        assert (second.headers["x-gateway-group"], second.headers["x-gateway-attempts"]) == (DEFAULT, "1")
        ((refused),) = await rows(gateway, "credential_refused", least=1)
        assert (refused["lane"], refused["upstream_status"]) == (DEFAULT, 401)


BOTH = [
    {"name": "by-token", "key": "sim-key-default"},
    {"name": "by-call", "key": "sim-key-default-calls", "billing": "pay-per-request"},
]


async def test_where_a_group_has_lanes_of_both_kinds_each_call_takes_the_cheaper_and_reports_tell_what_that_saved(
    simulator: Simulator, tmp_path: Path
) -> None:
    lanes = [{"url": simulator.url, **lane} for lane in BOTH]
    async with open_gateway(simulator, tmp_path, groups=groups(simulator, *lanes)) as gateway:
        taken = {size: await _basis(gateway, simulator, size) for size in ("512", "1K", "2K", "4K")}
        assert taken == {"512": "tokens", "1K": "tokens", "2K": "tokens", "4K": "call"}
        admin = {"authorization": f"Bearer {ADMIN_KEY}"}
        used = (await gateway.http.get("/admin/api/usage", headers=admin)).json()["rows"]
        assert len(used) == 4
        for row in used:
            by_token = row["input_tokens"] * 140 + row["output_tokens"] * 16_800
            paid, other = (55_000_000, by_token) if row["size"] == "4K" else (by_token, 55_000_000)
            assert nanos_of(row["usd"]) == paid
            assert Decimal(row["saved_usd"]) * 10**9 == other - paid


async def test_a_seller_that_counts_fewer_tokens_than_the_catalogue_is_found_out(
    simulator: Simulator, tmp_path: Path
) -> None:
    lanes = [{"url": simulator.url, **lane} for lane in BOTH]
    async with open_gateway(simulator, tmp_path, groups=groups(simulator, *lanes)) as gateway:
        taken = [await _basis(gateway, simulator, "4K") for _ in range(12)]
        assert taken[0] == "call"
        assert taken[-1] == "tokens"  # the simulator's take about 2900, which cost less


async def _basis(gateway: Gateway, simulator: Simulator, size: str) -> str:
    answer = await gateway.native("a boat", imageSize=size)
    (row,) = simulator.bill(answer.headers["x-gateway-call-id"])
    return str(row["basis"])
