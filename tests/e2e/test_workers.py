"""A gateway of several processes: one address, one set of numbers, one start and one end."""

import asyncio
import json
import os
import re
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

from tests.deploy.prometheus import prometheus
from tests.e2e.test_commands import CONFIG, draw, environment, gateway
from tests.house import ADMIN_KEY, START_S, Simulator
from tests.kills.home import workers_of
from tests.losable import LosableStore
from tests.observe.test_metrics import lint
from tests.waiting import eventually, until

WORKERS = 2
SLOW = ("--light", "--latency", "512=3,1K=3,2K=3,4K=3,thinking=0,sigma=0.01")
CALLS, REPLACED = "gateway_calls_total", "gateway_workers_replaced_total"
WANTED, ANSWERED = "gateway_workers ", "gateway_workers_answered"


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

    def told(self, *names: str) -> list[float]:
        """What whichever worker is asked says at this moment."""
        lines = httpx2.get(f"{self.url}/metrics", timeout=START_S, trust_env=False).text.splitlines()
        return [sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in names]

    def numbers(self, *names: str) -> list[float]:
        """The same, when all workers have answered."""
        found: list[float] = []

        def whole() -> bool:
            *found[:], answered = self.told(*names, ANSWERED)
            return answered == WORKERS and len(self.workers) == WORKERS

        until(whole)
        return found

    def counts_until(self, deaths: int) -> list[float]:
        """What is counted of calls, again and again, until so many workers were replaced and all answer."""
        counts = []

        def replaced() -> bool:
            calls, *others = self.told(CALLS, REPLACED, ANSWERED)
            counts.append(calls)
            return others == [deaths, WORKERS]

        until(replaced)
        return counts

    def draw(self) -> httpx2.Response:
        return draw(self.url, self.secret)

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
def serving(here: Path, seller: Simulator, **environ: str) -> Iterator[Crew]:
    (here / "config.yaml").write_text(CONFIG.format(url=seller.url))
    secret = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json", code=0, **environ))["key"]
    with (
        tempfile.TemporaryDirectory() as directory,
        (here / "log").open("w") as log,
        subprocess.Popen(
            ["gateway", "serve", "--workers", str(WORKERS)],
            cwd=here,
            env=environment({"TMPDIR": directory, **environ}),
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
        assert crew.numbers(CALLS) == [9]
        with crew.but(worker):
            assert crew.told(CALLS, ANSWERED, WANTED) == [9, 1, WORKERS]
    assert crew.numbers(CALLS, WANTED, "gateway_build") == [9, WORKERS, 1]
    assert lint(httpx2.get(f"{crew.url}/metrics", trust_env=False).content) == (0, "")
    assert len([row for row in crew.log() if row["event"] == "call"]) == 9
    assert json.loads(gateway(crew.here, "usage", "--json"))["rows"][0]["calls"] == 9


def test_one_that_stands_still_keeps_nobody_waiting(crew: Crew) -> None:
    for worker in crew.workers:
        with crew.but(worker):
            ready = httpx2.get(f"{crew.url}/readyz", timeout=START_S, trust_env=False)
            assert (ready.status_code, ready.json()["ready"]) == (200, True)


def test_one_that_is_killed_is_replaced_and_no_count_goes_back(crew: Crew) -> None:
    counts: list[float] = [0]
    for number, victim in enumerate(crew.workers, 1):
        assert [crew.draw().status_code for _ in range(5)] == [200] * 5
        counts += crew.numbers(CALLS)
        assert counts[-1] == 5 * number
        os.kill(victim, signal.SIGKILL)
        counts += crew.counts_until(number)
    assert counts == sorted(counts)
    told = [(row["worker"], row["why"]) for row in crew.log() if row["event"] == "worker_replaced"]
    assert told == [(1, "was killed by signal 9"), (2, "was killed by signal 9")]
    assert crew.draw().status_code == 200
    assert crew.numbers(CALLS) == [11]
    assert gateway(crew.here, "ledger", "verify")


def test_one_that_cannot_come_back_is_tried_again_until_it_can(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "store").mkdir()
    with (
        LosableStore.started(tmp_path / "store") as store,
        serving(tmp_path, simulator, GATEWAY__STORE=store.url) as crew,
    ):
        assert crew.process.stderr is not None
        assert crew.draw().status_code == 200
        victim, _ = crew.workers
        with store.away():
            os.kill(victim, signal.SIGKILL)
            said = [crew.process.stderr.readline() for _ in range(3)]
            assert [re.sub(r"process \d+", "process", line) for line in (said[0], said[2])] == [
                "gateway: worker 1 (process) was killed by signal 9; another is started in 0.1 s\n",
                "gateway: worker 1 (process) ended with code 2; another is started in 0.5 s\n",
            ]
            assert httpx2.get(f"{crew.url}/healthz", timeout=START_S, trust_env=False).status_code == 200
        assert crew.numbers(REPLACED) == [1]
        assert crew.draw().status_code == 200


async def test_prometheus_sees_no_count_begin_anew(crew: Crew, tmp_path: Path) -> None:
    async with prometheus(crew.url, tmp_path) as watching:

        async def sees(calls: float, answered: float) -> None:
            async def seen() -> bool:
                found = [await watching.numbers(f"sum({name})") for name in (CALLS, ANSWERED)]
                return found == [[calls], [answered]]

            await eventually(seen)

        for number, victim in enumerate(crew.workers, 1):
            for _ in range(3):
                assert (await asyncio.to_thread(crew.draw)).status_code == 200
            await sees(3 * number, WORKERS)
            os.kill(victim, signal.SIGKILL)
            await asyncio.to_thread(crew.gone, victim)
            await asyncio.to_thread(crew.numbers, CALLS)
        assert (await asyncio.to_thread(crew.draw)).status_code == 200
        await sees(7, WORKERS)
        assert await watching.numbers(f"sum(resets({CALLS}[10m]))") == [0]
        assert await watching.numbers("sum(resets(process_cpu_seconds_total[10m]))") == [0]


def test_one_that_is_told_to_end_is_replaced_with_all_that_it_counted(crew: Crew) -> None:
    assert [crew.draw().status_code for _ in range(5)] == [200] * 5
    for worker in crew.workers:
        os.kill(worker, signal.SIGTERM)
        crew.gone(worker)
        crew.numbers(CALLS)
    assert crew.numbers(CALLS, REPLACED) == [5, 2]


def test_each_serves_administrators_too_where_they_have_a_door_of_their_own(
    tmp_path: Path, simulator: Simulator
) -> None:
    door = f"{tmp_path}/admin"
    with (
        serving(tmp_path, simulator, GATEWAY__ADMIN__LISTEN=f"unix:{door}") as crew,
        httpx2.Client(transport=httpx2.HTTPTransport(uds=door), timeout=START_S) as http,
    ):
        headers = {"authorization": f"Bearer {ADMIN_KEY}", "connection": "close"}
        for worker in crew.workers:
            with crew.but(worker):
                teams = http.get("http://admin/admin/api/teams", headers=headers).json()["teams"]
                assert [team["id"] for team in teams] == ["acme"]


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


def test_a_directory_too_long_for_sockets_is_said_too(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url) + "workers: 2\n")
    long = tmp_path / ("x" * 100)
    long.mkdir()
    said = gateway(tmp_path, "serve", code=1, TMPDIR=str(long))
    assert said.endswith("is too long a name for what holds sockets; set TMPDIR to a shorter one\n")
    assert list(long.iterdir()) == []


def test_the_number_of_workers_is_shown_with_the_settings(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url) + "workers: 2\n")
    rows = json.loads(gateway(tmp_path, "check", "--json"))
    assert [row["value"] for row in rows if row["path"] == "workers"] == ["2"]
