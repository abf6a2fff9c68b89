"""An incident played for real: a simulated seller, gateways that share a Redis, and callers, all of them processes.

Everything runs so many times as fast as it is meant: the seller draws faster, the gateways' clocks run faster, the
callers call faster. Nothing in it is replaced, and nobody is told of the incident but the seller.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from redis import Redis

from gateway.config.settings import Settings
from gateway.core.keys import Limits
from gateway.core.move import Standing
from gateway.ledgers import ledger_of
from gateway.rehearse.played import Played, Shift
from gateway.rehearse.scenarios import Scenario
from tests.house import START_S, Simulator, settings_for
from tests.incidents import asked, joined
from tests.incidents.books import Audit, audit
from tests.incidents.callers import Came
from tests.ledger import servers

_TEAM = "rig"

# By the figures of `gateway_group_standing`.
_STANDINGS = (Standing.CLOSED, Standing.SUSPECT, Standing.RAMP, Standing.HALF, Standing.OPEN)

# How often is looked how the group stands, in seconds of the incident.
_LOOK_S = 2.0

# After the last call has come: the longest that an attempt may take, and a little.
_TAIL_S = 720.0


@dataclass(frozen=True, slots=True)
class Rig:
    """How it is played: by so many gateways, so many times as fast."""

    replicas: int = 1
    speed: float = 20.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `stillness` has for each gateway how often it stood still.

    `machine_s` is what the machine added to half of the answers, in seconds of the incident.
    """

    played: Played
    audit: Audit
    stillness: list[dict[str, float]]
    machine_s: float
    disagreements: list[str]
    unserved: list[Came]
    lost_books: int  # how often a gateway did not reach its books


@dataclass(frozen=True, slots=True)
class Clock:
    """The seconds of an incident that began at a moment of the machine's two clocks."""

    began: float
    wall: float
    speed: float

    @property
    def now(self) -> float:
        return (time.monotonic() - self.began) * self.speed

    def second_of(self, wall: float) -> float:
        return (wall - self.wall) * self.speed


@dataclass(frozen=True, slots=True)
class Replica:
    url: str
    process: "subprocess.Popen[str]"
    home: Path

    def vitals(self, http: httpx2.Client) -> str:
        return http.get(f"{self.url}/metrics").text

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.home / "gateway.log").read_text().splitlines()]

    def end(self) -> dict[str, float]:
        """Ends it in good order, by the end of its input; gives how often it stood still."""
        said, _ = self.process.communicate(timeout=START_S)
        stillness: dict[str, float] = json.loads(said)
        return stillness


def play(scenario: Scenario, rig: Rig, seed: int, home: Path) -> Result:
    """Plays a scenario to the end of its last attempt. `home` is a directory of its own."""
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        server = stack.enter_context(_store(home, rig.speed))
        options = ("--speed", str(rig.speed), "--light", "--seed", str(seed), "--latency", asked.latency_law())
        seller = stack.enter_context(Simulator.started(*options))
        settings = settings_for(seller, home, store=server.url, secret=secrets.token_hex(32))
        key = asyncio.run(_key(settings))
        replicas = [
            stack.enter_context(_replica(home / f"gateway-{number}", seller, settings, rig.speed))
            for number in range(rig.replicas)
        ]
        asks = asked.asks_of(scenario, settings, seed)
        asked.write(asked.calls_of(asks, [each.url for each in replicas], seed), home / "calls.jsonl")
        callers = stack.enter_context(_callers(home, key, rig.speed))
        groups = [group.name for group in settings.groups]
        clock = _begin(seller, asked.rules_of(scenario, groups, rig.speed), callers, rig.speed)
        shifts = _watched(clock, replicas, seller, groups[0], until_s=scenario.over_s)
        assert callers.wait(timeout=START_S) == 0
        stillness = [each.end() for each in replicas]
        came = [Came(**json.loads(line)) for line in (home / "came.jsonl").read_text().splitlines()]
        log = [row for each in replicas for row in each.log()]
        records = joined.Records(asks, came, seller.bill(), log, shifts, clock.second_of)
        store = stack.enter_context(Redis(unix_socket_path=str(server.socket), decode_responses=True))
        return Result(
            played=joined.played(records, [each.lane for each in settings.lanes]),
            audit=audit(store, _TEAM, records.bill),
            stillness=stillness,
            machine_s=joined.machine_s(records, rig.speed),
            disagreements=joined.disagreements(records),
            unserved=[each for each in came if not each.picture],
            lost_books=sum(row["event"] == "store_lost" for row in log),
        )


def _begin(seller: Simulator, rules: list[dict[str, Any]], callers: "subprocess.Popen[str]", speed: float) -> Clock:
    """Sets the schedule and lets the callers go, at one moment."""
    httpx2.post(f"{seller.url}/sim/schedule", json=rules, trust_env=False).raise_for_status()
    clock = Clock(time.monotonic(), time.time(), speed)
    assert callers.stdin is not None
    callers.stdin.write(f"{clock.began}\n")
    callers.stdin.flush()
    return clock


def _watched(
    clock: Clock, replicas: Sequence[Replica], seller: Simulator, group: str, *, until_s: float
) -> list[Shift]:
    """How the first gateway's belief in a group moved; returns when every attempt is over, and the seller's work."""
    shifts: list[Shift] = []
    before = Standing.CLOSED
    with httpx2.Client(trust_env=False, timeout=START_S) as http:
        while True:
            time.sleep(_LOOK_S / clock.speed)
            now, said = clock.now, replicas[0].vitals(http)
            for figure in joined.standings_in(said, group):
                if _STANDINGS[figure] is not before:
                    before = _STANDINGS[figure]
                    shifts.append(Shift(now, group, before))
            if now < until_s:
                continue
            assert now < until_s + _TAIL_S, "something is still in flight"
            still = sum(joined.in_flight_in(each.vitals(http)) for each in replicas)
            if not still and not http.get(f"{seller.url}/sim/status").json()["at_work"]:
                return shifts


async def _key(settings: Settings) -> str:
    async with ledger_of(settings) as ledger:
        await ledger.keys.create_team(_TEAM, now=time.time())
        _, secret = await ledger.keys.create_key(_TEAM, name="caller", limits=Limits(), now=time.time())
        return secret


@contextmanager
def _store(home: Path, speed: float) -> Iterator[servers.Server]:
    """Gateways tell each other what they saw by the store's clock, so that runs as fast as theirs.

    A Valkey: Debian's Redis brings an allocator that does not bear another clock.
    """
    (home / "store").mkdir()
    server = servers.start("valkey", home / "store", speed=speed)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _replica(home: Path, seller: Simulator, settings: Settings, speed: float) -> Iterator[Replica]:
    home.mkdir()
    assert settings.secret is not None
    words = ["--seller", seller.url, "--store", settings.store, "--home", str(home), "--speed", str(speed)]
    words += ["--secret", settings.secret.reveal()]
    with _program("replica", words) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("replica: http"), f"the gateway said {line!r}"
        yield Replica(line.removeprefix("replica: "), process, home)


@contextmanager
def _callers(home: Path, key: str, speed: float) -> Iterator["subprocess.Popen[str]"]:
    words = [str(home / "calls.jsonl"), str(home / "came.jsonl"), "--secret", key, "--speed", str(speed)]
    with _program("callers", words) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "callers: ready\n"
        yield process


@contextmanager
def _program(name: str, words: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """One of the programs beside this file, ended at the latest with the block."""
    command = [sys.executable, "-m", f"tests.incidents.{name}", *words]
    top = Path(__file__).parent.parent.parent
    with subprocess.Popen(command, cwd=top, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
