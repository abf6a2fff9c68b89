"""What orchestrators ask: whether it runs, whether it can serve, and what it says when it cannot."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.core.budgets import Budget
from gateway.core.keys import Limits
from gateway.core.money import nanos_of
from gateway.web.ops import Checks, worst
from tests.house import Gateway, Simulator, open_gateway
from tests.ledger.servers import Server, start


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Redis of this test's own, which it may end."""
    home = tmp_path / "r"
    home.mkdir()
    running = start("redis", home)
    yield running
    running.stop()


@pytest.fixture
async def on_redis(simulator: Simulator, tmp_path: Path, server: Server) -> AsyncIterator[Gateway]:
    async with open_gateway(simulator, tmp_path, store=server.url) as running:
        yield running


async def test_a_well_gateway_is_alive_and_ready(gateway: Gateway) -> None:
    alive = await gateway.http.get("/healthz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    ready = await gateway.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "store": "ok", "journal": "ok", "lanes": "ok", "draining": "ok"}


async def test_without_its_store_it_is_alive_but_not_ready_and_says_why(on_redis: Gateway, server: Server) -> None:
    assert (await on_redis.http.get("/readyz")).status_code == 200
    server.stop()
    ready = await on_redis.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["ready"] is False
    assert "cannot be reached" in ready.json()["store"]
    assert ready.json()["lanes"] == "ok"
    assert (await on_redis.http.get("/healthz")).status_code == 200
    assert (await on_redis.http.get("/metrics")).status_code == 200


async def test_without_its_store_it_spends_nothing_of_budgets_and_turns_nobody_away_for_good(
    on_redis: Gateway, simulator: Simulator, server: Server
) -> None:
    _, secret = await on_redis.new_key(Limits(Budget(nanos_of("0.5"))))
    on_redis.http.headers["authorization"] = f"Bearer {secret}"
    assert (await on_redis.images("a boat")).status_code == 200
    server.stop()
    known = await on_redis.images("a boat")
    assert (known.status_code, known.json()["error"]["code"]) == (503, "admission_unavailable")
    assert (known.headers["x-should-retry"], known.headers["retry-after"]) == ("true", "5")
    assert simulator.requests(known.headers["x-gateway-call-id"]) == []
    headers = {"authorization": "Bearer sk-gw-" + "A" * 43}
    unknown = await on_redis.http.get("/v1/models", headers=headers)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "admission_unavailable")
    own = await on_redis.http.get("/gateway/usage")
    assert (own.status_code, own.headers["content-type"]) == (503, "application/problem+json")
    assert own.headers["retry-after"] == "5"


async def test_without_a_lane_whose_key_is_taken_it_is_not_ready(gateway: Gateway) -> None:
    answer = await gateway.images("a boat [sim:bad-key]")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_unavailable")
    ready = await gateway.http.get("/readyz")
    assert (ready.status_code, ready.json()["lanes"]) == (503, "no usable lane")


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        ({1: {"store": "ok", "lanes": "ok"}}, {"store": "ok", "lanes": "ok"}),
        ({1: {"store": "ok"}, 2: {"store": "ok"}}, {"store": "ok"}),
        ({1: {"store": "ok"}, 2: {"store": "away"}}, {"store": "away (worker 2)"}),
        ({2: {"store": "full"}, 1: {"store": "away"}}, {"store": "full (worker 2)"}),
        (
            {1: {"store": "away", "lanes": "ok"}, 2: {"store": "ok", "lanes": "none"}},
            {"store": "away (worker 1)", "lanes": "none (worker 2)"},
        ),
    ],
)
def test_a_gateway_of_several_workers_is_as_ready_as_the_worst(checks: dict[int, Checks], told: Checks) -> None:
    assert worst(checks) == told


async def test_nothing_of_the_gateway_is_where_nothing_is(gateway: Gateway) -> None:
    answer = await gateway.http.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
