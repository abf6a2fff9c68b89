"""Two gateways on one Redis, each a process of its own: what one finds out the other knows; without it both go on."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.e2e.test_commands import CONFIG, draw, gateway, serving
from tests.house import MODEL, Simulator
from tests.losable import LosableStore
from tests.waiting import until

# The line is passed after a second, and nobody waits much longer for what hangs; what is left stays behind.
SHARED = """
store: {store}
secret: one-secret-for-all-gateways-of-this-store
failover: {{suspect_s: 1, dwell_s: 600, dwell_max_s: 600}}
timeouts: {{total_s: 5, total_long_s: 5}}
"""
OPENS = 6
OPEN = 4.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LosableStore]:
    (tmp_path / "store").mkdir()
    with LosableStore.started(tmp_path / "store") as running:
        yield running


def metric(url: str, name: str) -> float:
    """The value of one series; 0 before it is there."""
    lines = httpx2.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def standing(url: str) -> float:
    return metric(url, f'gateway_group_standing{{group="Default",model="{MODEL}"}}')


def shared(url: str) -> float:
    return metric(url, "gateway_evidence_shared_seconds_count")


def lost(url: str) -> float:
    return metric(url, 'gateway_store_failures_total{doing="share"}')


def test_what_one_gateway_finds_out_the_other_knows_before_its_first_call(
    tmp_path: Path, simulator: Simulator, store: LosableStore
) -> None:
    homes = [tmp_path / name for name in ("a", "b")]
    for home in homes:
        home.mkdir()
        (home / "config.yaml").write_text(CONFIG.format(url=simulator.url) + SHARED.format(store=store.url))
    secret = json.loads(gateway(homes[0], "keys", "create", "--team", "acme", "--json"))["key"]
    with ExitStack() as stack:
        one, other = (stack.enter_context(serving(home))[0] for home in homes)
        hanging = [threading.Thread(target=draw, args=(one, secret, "a boat [sim:hang@Default]")) for _ in range(OPENS)]
        for caller in hanging:
            caller.start()
        for caller in hanging:
            caller.join()
        until(lambda: standing(one) == OPEN)
        until(lambda: standing(other) == OPEN)
        first = draw(other, secret)
        assert (first.status_code, first.headers["x-gateway-attempts"]) == (200, "1")
        assert first.headers["x-gateway-group"] == "NanoBananaEnterprise"

        with store.away():
            until(lambda: min(lost(one), lost(other)) == 1)
            assert standing(one) == standing(other) == OPEN
        before = shared(one), shared(other)
        assert draw(one, secret).headers["x-gateway-group"] == "NanoBananaEnterprise"
        until(lambda: shared(one) > before[0])
        assert draw(other, secret).headers["x-gateway-group"] == "NanoBananaEnterprise"
        until(lambda: shared(other) > before[1])
        assert (lost(one), lost(other)) == (1, 1)
