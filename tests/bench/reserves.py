"""`python -m tests.bench.reserves`: how many reserves a second a store makes that has each on its disk first.

Twice: asked by nobody who needs time for anything else, and by gateways' own `Books`, as many calls at a time as
`--calls`. Of one team and one key, which have budgets; the store is a real server with `appendfsync always`.
"""

import argparse
import asyncio
import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import uvloop
from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout, library
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, PEPPER, USD
from tests.ledger.servers import Server, start

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
CONNECTIONS = 4
IN_A_PIPELINE = 64
NANOS = 1000


@dataclass(frozen=True)
class Rate:
    """Reserves a second, and what each took of the store's main thread and of whoever asked, in µs of a processor."""

    a_second: float
    store_us: float
    asking_us: float

    def __str__(self) -> str:
        return f"{self.a_second:8,.0f} a second   store {self.store_us:5.1f} µs   asking {self.asking_us:5.1f} µs"


def measured(server: Server, ask: Callable[[], int]) -> Rate:
    with Redis(unix_socket_path=str(server.socket)) as raw:
        cpu, own, began = _cpu_s(raw), time.process_time(), time.monotonic()
        made = ask()
        took = time.monotonic() - began
        return Rate(made / took, (_cpu_s(raw) - cpu) / made * 1e6, (time.process_time() - own) / made * 1e6)


def _cpu_s(raw: Redis) -> float:
    found: Any = raw.info("cpu")
    return float(found["used_cpu_user_main_thread"]) + float(found["used_cpu_sys_main_thread"])


async def new_key(server: Server) -> Key:
    with tempfile.TemporaryDirectory() as home:
        async with Store.open(server.url, Path(home)) as store:
            keys, team = Keys(store, PEPPER), f"team-{uuid4().hex[:8]}"
            budget = Budget(total_nanos=10**6 * USD, day_nanos=10**6 * USD)
            await keys.create_team(team, limits=TeamLimits(budget), now=NOW)
            return (await keys.create_key(team, name="ci", limits=Limits(budget), now=NOW))[0]


def alone(server: Server, key: Key, seconds: float) -> Rate:
    """Asks with commands that were written before, over several connections."""
    written = [_pipelines(key, seconds) for _ in range(CONNECTIONS)]

    def ask() -> int:
        with ThreadPoolExecutor() as threads:
            return sum(threads.map(lambda pipelines: _asked(server, pipelines, seconds), written))

    return measured(server, ask)


def _pipelines(key: Key, seconds: float) -> list[bytes]:
    asked, name = _words(key), f"call_{uuid4().hex[:20]}"
    return [
        b"".join(_command([*asked(f"{name}{number * IN_A_PIPELINE + each:012}")]) for each in range(IN_A_PIPELINE))
        for number in range(round(seconds * 40_000 / CONNECTIONS / IN_A_PIPELINE))
    ]


def _words(key: Key) -> Callable[[str], list[str]]:
    team = key.team
    when = Books(None, time.time)._when(team).words()  # type: ignore[arg-type]  # no store is asked for that
    keys = [layout.account(team), layout.key(team, key.id), layout.open_calls(team), layout.ledger(team)]
    begins = ["FCALL", library.full_name("reserve"), "5", *keys]
    ends = [key.id, str(NANOS), "480000", *when]
    return lambda call: [*begins, layout.call(team, call), *ends, call]


def _command(words: list[str]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words)


def _asked(server: Server, pipelines: list[bytes], seconds: float) -> int:
    """How many were made in so many seconds."""
    made, until = 0, time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.socket))
        for pipeline in pipelines:
            connection.sendall(pipeline)
            answered = b""
            while answered.count(b"$4\r\nopen\r\n") < IN_A_PIPELINE:
                answered += connection.recv(1 << 20)
                assert b"-ERR" not in answered, answered
            made += IN_A_PIPELINE
            if time.monotonic() > until:
                break
    return made


def by_books(server: Server, key: Key, seconds: float, calls: int) -> Rate:
    return measured(server, lambda: uvloop.run(_by_books(server, key, seconds, calls)))


async def _by_books(server: Server, key: Key, seconds: float, calls: int) -> int:
    with tempfile.TemporaryDirectory() as home:
        async with Store.open(server.url, Path(home)) as store:
            books, until = Books(store, time.time), time.monotonic() + seconds

            async def call_on() -> int:
                made = 0
                while time.monotonic() < until:
                    await books.reserve([f"call_{uuid4().hex}"], key, NANOS, lease_s=480.0)
                    made += 1
                return made

            return sum(await asyncio.gather(*(call_on() for _ in range(calls))))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reserves", description=__doc__)
    parser.add_argument("--server", choices=("redis", "valkey"), default="redis")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="the one in the middle counts (default: 5)")
    parser.add_argument("--calls", type=int, default=256, help="at a time (default: 256)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        server = start(asked.server, Path(home), *ALWAYS)
        try:
            key = asyncio.run(new_key(server))
            rounds = [
                (alone(server, key, asked.seconds), by_books(server, key, asked.seconds, asked.calls))
                for _ in range(asked.rounds)
            ]
        finally:
            server.stop()
    for name, rates in zip(("the store alone", "by way of Books"), zip(*rounds, strict=True), strict=True):
        middle = median(rate.a_second for rate in rates)
        print(f"{name}: {min(rates, key=lambda rate: abs(rate.a_second - middle))}")


if __name__ == "__main__":
    main()
