"""A gateway of several processes: one address, one set of numbers, one start and one end."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.e2e.test_commands import CONFIG, draw, environment, gateway
from tests.e2e.test_replicas import metric
from tests.house import START_S, Simulator
from tests.kills.home import workers_of
from tests.observe.test_metrics import lint
from tests.waiting import until

WORKERS = 2
SLOW = ("--light", "--latency", "512=3,1K=3,2K=3,4K=3,thinking=0,sigma=0.01")
CALLS, ANSWERED, REPLACED = "gateway_calls_total", "gateway_workers_answered", "gateway_workers_replaced_total"


@dataclass(frozen=True)
class Crew:
    """A gateway of two workers, in a session of their own, and a key of it."""

    here: Path
    directory: Path
    process: "subprocess.Popen[str]"
    url: str
    secret: str

    @property
    def workers(self) -> list[int]:
        return workers_of(self.process)

    def metric(self, name: str) -> float:
        return metric(self.url, name)

    def draw(self) -> httpx2.Response:
        return draw(self.url, self.secret)

    def whole(self) -> None:
        """Returns when there are two that answer."""
        until(lambda: len(self.workers) == WORKERS and self.metric(ANSWERED) == WORKERS)

    def gone(self, worker: int) -> None:
        """Returns when this one is."""
        until(lambda: worker not in self.workers)

    @contextmanager
    def but(self, worker: int) -> Iterator[None]:
        """All but this one go on: whoever connects meanwhile is another's."""
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.here / "log").read_text().splitlines()]

    def refuses(self) -> bool:
        try:
            httpx2.get(f"{self.url}/healthz", timeout=START_S, trust_env=False)
        except httpx2.TransportError:
            return True
        return False


@contextmanager
def serving(here: Path, seller: Simulator) -> Iterator[Crew]:
    (here / "config.yaml").write_text(CONFIG.format(url=seller.url))
    secret = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))["key"]
    with (
        tempfile.TemporaryDirectory() as directory,
        (here / "log").open("w") as log,
        subprocess.Popen(
            ["gateway", "serve", "--workers", str(WORKERS)],
            cwd=here,
            env=environment({"TMPDIR": directory}),
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("gateway: serving on http"), line
        try:
            yield Crew(here, Path(directory), process, line.split()[-1], secret)
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=START_S)


@pytest.fixture
def crew(tmp_path: Path, simulator: Simulator) -> Iterator[Crew]:
    with serving(tmp_path, simulator) as running:
        yield running


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Crew, Simulator]]:
    """One whose pictures take seconds."""
    with Simulator.started(*SLOW) as seller, serving(tmp_path, seller) as running:
        yield running, seller


def test_each_serves_and_whichever_is_asked_tells_the_numbers_of_all(crew: Crew) -> None:
    for number, worker in enumerate(crew.workers, 1):
        with crew.but(worker):
            assert [crew.draw().status_code for _ in range(3 * number)] == [200] * 3 * number
    for worker in crew.workers:
        crew.whole()
        with crew.but(worker):
            told = {name: crew.metric(name) for name in (CALLS, ANSWERED, "gateway_workers ")}
        assert told == {CALLS: 9, ANSWERED: 1, "gateway_workers ": WORKERS}
    crew.whole()
    answer = httpx2.get(f"{crew.url}/metrics", trust_env=False)
    assert lint(answer.content) == (0, "")
    assert crew.metric("gateway_build") == 1
    assert httpx2.get(f"{crew.url}/readyz", trust_env=False).json()["ready"] is True
    assert len([row for row in crew.log() if row["event"] == "call"]) == 9
    assert json.loads(gateway(crew.here, "usage", "--json"))["rows"][0]["calls"] == 9


def test_of_one_that_stands_still_what_it_told_counts_and_the_gateway_is_ready(crew: Crew) -> None:
    first, other = crew.workers
    with crew.but(other):
        assert crew.draw().status_code == 200
    assert crew.metric(CALLS) == 1
    with crew.but(first):
        assert (crew.metric(CALLS), crew.metric(ANSWERED)) == (1, 1)
        assert httpx2.get(f"{crew.url}/readyz", trust_env=False).status_code == 200


def test_one_that_is_killed_is_replaced_and_no_count_goes_back(crew: Crew) -> None:
    counts = [0.0]
    for number, victim in enumerate(crew.workers, 1):
        for _ in range(5):
            assert crew.draw().status_code == 200
        counts.append(crew.metric(CALLS))
        assert counts[-1] == 5 * number
        os.kill(victim, signal.SIGKILL)

        def replaced(victim: int = victim, number: int = number) -> bool:
            counts.append(crew.metric(CALLS))
            return victim not in crew.workers and crew.metric(REPLACED) == number and crew.metric(ANSWERED) == WORKERS

        until(replaced)
    assert counts == sorted(counts)
    told = [row for row in crew.log() if row["event"] == "worker_replaced"]
    assert [(row["worker"], row["why"]) for row in told] == [
        (1, "was killed by signal 9"),
        (2, "was killed by signal 9"),
    ]
    assert crew.draw().status_code == 200
    assert crew.metric(CALLS) == 11
    assert gateway(crew.here, "ledger", "verify")


def test_one_that_is_told_to_end_is_replaced_with_all_that_it_counted(crew: Crew) -> None:
    assert [crew.draw().status_code for _ in range(5)] == [200] * 5
    for worker in crew.workers:
        os.kill(worker, signal.SIGTERM)
        crew.gone(worker)
        crew.whole()
    assert (crew.metric(CALLS), crew.metric(REPLACED)) == (5, 2)


def in_flight(crew: Crew, seller: Simulator) -> tuple[list[threading.Thread], list[int]]:
    """Callers of each worker who wait for a picture, and the answers that they will have."""
    statuses: list[int] = []
    callers = [threading.Thread(target=lambda: statuses.append(crew.draw().status_code)) for _ in range(2 * WORKERS)]
    for number, worker in enumerate(crew.workers):
        with crew.but(worker):
            for caller in callers[2 * number : 2 * number + 2]:
                caller.start()
            draws(seller, 2 * number + 2)
    return callers, statuses


def draws(seller: Simulator, pictures: int) -> None:
    """Returns when so many are being drawn."""
    until(lambda: httpx2.get(f"{seller.url}/sim/status", trust_env=False).json()["at_work"] == pictures)


ENDS: dict[str, Callable[["subprocess.Popen[str]"], None]] = {
    "the parent is told to end": lambda process: process.terminate(),
    "an init system tells all of them": lambda process: os.killpg(process.pid, signal.SIGTERM),
    "Ctrl-C": lambda process: os.killpg(process.pid, signal.SIGINT),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_all_finish_what_is_in_flight(
    slow: tuple[Crew, Simulator], end: Callable[["subprocess.Popen[str]"], None]
) -> None:
    crew, seller = slow
    callers, statuses = in_flight(crew, seller)
    end(crew.process)
    until(crew.refuses)
    for caller in callers:
        caller.join()
    assert crew.process.wait(timeout=START_S) == 0
    assert statuses == [200] * len(callers)
    assert list(crew.directory.iterdir()) == []
    assert gateway(crew.here, "ledger", "verify")


def test_a_second_signal_leaves_what_is_in_flight(slow: tuple[Crew, Simulator]) -> None:
    crew, seller = slow
    callers, _ = in_flight(crew, seller)
    crew.process.terminate()
    until(crew.refuses)
    crew.process.terminate()
    assert crew.process.wait(timeout=START_S) == 1
    assert crew.process.stderr is not None
    assert "gateway: ended before everything in flight was finished" in crew.process.stderr.read()
    for caller in callers:
        caller.join()


def test_without_their_parent_they_finish_and_leave_nothing_behind(slow: tuple[Crew, Simulator]) -> None:
    crew, seller = slow
    workers = crew.workers
    callers, statuses = in_flight(crew, seller)
    crew.process.kill()
    until(crew.refuses)
    for caller in callers:
        caller.join()
    assert statuses == [200] * len(callers)
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    assert list(crew.directory.iterdir()) == []
    assert gateway(crew.here, "ledger", "verify")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"GATEWAY__WORKERS": "none"}, 2),
        ({"GATEWAY__STORE": "redis://127.0.0.1:1"}, 2),
        ({"GATEWAY__LIMITS__BODY_BYTES": "1"}, 2),
        ({"GATEWAY_VALKEY": "/no/such/program"}, 2),
        ({"GATEWAY__LISTEN": "unix:/no/such/place"}, 1),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_one_line(
    tmp_path: Path, simulator: Simulator, wrong: dict[str, str], code: int
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url) + "workers: 2\n")
    said = gateway(tmp_path, "serve", code=code, **wrong)
    assert said.startswith("gateway: ")
    assert said.count("\n") == 1


def test_the_number_of_workers_is_shown_with_the_settings(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url) + "workers: 2\n")
    rows = json.loads(gateway(tmp_path, "check", "--json"))
    assert [row["value"] for row in rows if row["path"] == "workers"] == ["2"]
