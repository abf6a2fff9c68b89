"""A gateway that stood still for a while, stopped for real: what came meanwhile is not late, and nobody is raced."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.test_commands import CONFIG, draw, gateway, serving
from tests.house import Simulator, native_picture, pixels

FAILOVER = "failover: {suspect_s: 3}\n"


@pytest.fixture
def slow() -> Iterator[Simulator]:
    with Simulator.started("--speed", "8", "--light") as running:
        yield running


def test_what_came_while_a_gateway_stood_still_is_not_late(tmp_path: Path, slow: Simulator) -> None:
    here = tmp_path
    (here / "config.yaml").write_text(CONFIG.format(url=slow.url) + FAILOVER)
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))
    answers: list[httpx2.Response] = []
    with serving(here) as (url, process):
        caller = threading.Thread(target=lambda: answers.append(draw(url, made["key"])))
        caller.start()
        _until_sent(slow)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(5.0)  # longer than the line, and than the seller takes
        os.kill(process.pid, signal.SIGCONT)
        caller.join()
    (answer,) = answers
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "1")
    assert answer.headers["x-gateway-group"] == "Default"
    assert pixels(native_picture(answer.json())) == (1024, 1024)


def _until_sent(slow: Simulator) -> None:
    until = time.monotonic() + 30.0
    while not slow.requests("call_"):
        assert time.monotonic() < until
        time.sleep(0.05)
