"""Gateways killed while somebody waits for what they draw: nothing is charged twice, what was finished is there."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.test_commands import CONFIG, gateway, serving
from tests.house import MODEL, START_S, Simulator
from tests.losable import LosableStore
from tests.waiting import PATIENCE_S, until

SLOW = ("--light", "--latency", "512=6,1K=6,2K=6,4K=6,thinking=0,sigma=0.01")

SHARED = """
store: {store}
secret: one-secret-for-all-gateways-of-this-store
"""

IMAGES = "/v1/images/generations"
LATER = {"prefer": "respond-async"}

# A job is taken over when its gateway has been silent for twenty seconds, and then asked about like any other call.
TAKEN_S = 4 * PATIENCE_S


class Pair:
    """Two gateways, each a process of its own, on one store and one `data_dir`."""

    def __init__(self, homes: list[Path], seller: Simulator, stack: ExitStack) -> None:
        self.homes = homes
        self.seller = seller
        told = json.loads(gateway(homes[0], "keys", "create", "--team", "acme", "--json"))
        self.key_id, self.secret = told["id"], told["key"]
        running = [stack.enter_context(serving(home)) for home in homes]
        self.urls = [url for url, _ in running]
        self.processes = [process for _, process in running]

    def ask(self, number: int, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        url = f"{self.urls[number]}{path}"
        return httpx2.request(method, url, headers=headers, timeout=START_S, trust_env=False, **more)

    def submit(self, number: int, prompt: str = "a boat") -> str:
        answer = self.ask(number, "POST", IMAGES, json={"model": MODEL, "prompt": prompt}, headers=LATER)
        assert answer.status_code == 202, answer.text
        return answer.headers["location"]

    def kill(self, number: int) -> None:
        self.processes[number].send_signal(signal.SIGKILL)
        self.processes[number].wait()

    def over(self, place: str) -> dict[str, Any]:
        ends_at = time.monotonic() + TAKEN_S
        while time.monotonic() < ends_at:
            job: dict[str, Any] = self.ask(1, "GET", place).json()
            if job["state"] not in ("queued", "running"):
                return job
            time.sleep(0.2)
        raise AssertionError(f"it does not end: {job}")

    def at_work(self) -> int:
        return int(httpx2.get(f"{self.seller.url}/sim/status", trust_env=False).json()["at_work"])

    def accounts(self) -> dict[str, Any]:
        until(lambda: self.usage()["held_usd"] == "0")
        return self.usage()

    def usage(self) -> dict[str, Any]:
        usage: dict[str, Any] = self.ask(1, "GET", "/gateway/usage").json()
        return usage

    def verified(self) -> bool:
        return bool(gateway(self.homes[1], "ledger", "verify"))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    (tmp_path / "store").mkdir()
    with ExitStack() as stack:
        store = stack.enter_context(LosableStore.started(tmp_path / "store"))
        seller = stack.enter_context(Simulator.started(*SLOW))
        homes = [tmp_path / name for name in ("a", "b")]
        for home in homes:
            home.mkdir()
            config = CONFIG.format(url=seller.url).replace("data_dir: ./data", f"data_dir: {tmp_path / 'data'}")
            (home / "config.yaml").write_text(config + SHARED.format(store=store.url))
        yield Pair(homes, seller, stack)


def test_a_job_whose_gateway_dies_while_it_is_drawn_is_unsettled_and_never_sent_again(pair: Pair) -> None:
    place = pair.submit(0)
    until(lambda: pair.at_work() == 1)
    pair.kill(0)
    job = pair.over(place)
    assert (job["state"], job["code"], job["status"]) == ("unsettled", "idempotency_unsettled", 409)
    assert pair.ask(1, "GET", f"{place}/result").status_code == 409
    until(lambda: len(pair.seller.bill()) == 1)
    usage = pair.accounts()
    assert (usage["spent_usd"], len(pair.seller.bill())) == ("0", 1)
    assert pair.verified()


def test_a_job_that_waited_is_drawn_by_another(pair: Pair) -> None:
    gateway(pair.homes[0], "keys", "update", pair.key_id, "--requests-per-minute", "1")
    until(lambda: _too_fast(pair))
    place = pair.submit(0)
    until(lambda: pair.ask(0, "GET", place).json()["state"] == "queued")
    before = len(pair.seller.bill())
    gateway(pair.homes[0], "keys", "update", pair.key_id, "--requests-per-minute", "none")
    pair.kill(0)
    job = pair.over(place)
    assert (job["state"], job["status"]) == ("succeeded", 200)
    assert "b64_json" in pair.ask(1, "GET", f"{place}/result").text
    assert len(pair.seller.bill(job["call_id"])) == 1
    assert len(pair.seller.bill()) == before + 1
    assert pair.verified()


def _too_fast(pair: Pair) -> bool:
    """Whether the key may ask no more for now."""
    body = {"model": MODEL, "prompt": "a ship [sim:unavailable]"}
    return pair.ask(0, "POST", IMAGES, json=body).status_code == 429


def test_what_was_finished_outlives_the_gateway_that_has_drawn_it(pair: Pair) -> None:
    place = pair.submit(0)
    job = pair.over(place)
    answer = pair.ask(0, "GET", f"{place}/result")
    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(
            f"{pair.urls[0]}{IMAGES}",
            json={"model": MODEL, "prompt": "a ship"},
            headers={"authorization": f"Bearer {pair.secret}"},
            timeout=1,
            trust_env=False,
        )
    until(lambda: len(pair.seller.bill()) == 2)
    until(lambda: pair.usage()["held_usd"] == "0")
    until(lambda: _kept(pair) == 2)
    pair.kill(0)
    assert pair.ask(1, "GET", f"{place}/result").content == answer.content
    again = pair.ask(1, "POST", IMAGES, json={"model": MODEL, "prompt": "a ship"})
    assert again.headers["x-gateway-replayed"] == "true"
    assert len(pair.seller.bill()) == 2
    assert job["state"] == "succeeded"
    assert pair.verified()


def _kept(pair: Pair) -> int:
    """How many calls have their answers in the vault."""
    calls = pair.ask(1, "GET", "/gateway/calls").json()["calls"]
    shown = [pair.ask(1, "GET", f"/gateway/calls/{call['id']}").json() for call in calls]
    return sum(bool(call["kept"]) for call in shown)


def test_whoever_waits_for_what_a_dead_gateway_drew_is_drawn_a_new_one_and_charged_once(pair: Pair) -> None:
    body = {"model": MODEL, "prompt": "a boat"}
    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(
            f"{pair.urls[0]}{IMAGES}",
            json=body,
            headers={"authorization": f"Bearer {pair.secret}"},
            timeout=1,
            trust_env=False,
        )
    pair.kill(0)
    answer = pair.ask(1, "POST", IMAGES, json=body)
    assert answer.status_code == 200
    assert "x-gateway-replayed" not in answer.headers
    bill = pair.seller.bill()
    assert len(bill) == 2
    spent = pair.accounts()["spent_usd"]
    assert float(spent) == pytest.approx(min(row["nanos"] for row in bill) / 1e9, rel=0.2)
    assert pair.verified()
