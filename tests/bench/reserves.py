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
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop
from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.claims import Claim
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout, library
from gateway.ledger.budget import Books
from gateway.ledger.claims import Bid
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, PEPPER, USD
from tests.ledger.servers import Server, start

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
CONNECTIONS = 4
IN_A_PIPELINE = 8
IN_A_FUNCTION = 32  # as many as gateways put into one
MOST_A_SECOND = 60_000
NANOS = 1000


WAYS = ("the store alone, one by one ", f"the store alone, {IN_A_FUNCTION} together", "by way of Books           ")


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


def alone(server: Server, key: Key, seconds: float, together: int) -> Rate:
    """Asks with commands that were written before, over several connections; for so many requests in each."""
    written = [_pipelines(key, seconds, together) for _ in range(CONNECTIONS)]

    def ask() -> int:
        with ThreadPoolExecutor() as threads:
            return sum(threads.map(lambda pipelines: _asked(server, pipelines, seconds, together), written))

    return measured(server, ask)


def _pipelines(key: Key, seconds: float, together: int) -> list[bytes]:
    asked, name = _words(key), f"call_{uuid4().hex[:20]}"
    ids = (f"{name}{number:012}" for number in count())
    return [
        b"".join(_command(asked(list(islice(ids, together)))) for _ in range(IN_A_PIPELINE))
        for _ in range(round(seconds * MOST_A_SECOND / CONNECTIONS / IN_A_PIPELINE / together))
    ]


def _words(key: Key) -> Callable[[list[str]], list[str]]:
    team = key.team
    when = Books(None, time.time)._when(team).words()  # type: ignore[arg-type]  # no store is asked for that
    keys = [layout.account(team), layout.key(team, key.id), layout.open_calls(team), layout.ledger(team)]

    def words(ids: list[str]) -> list[str]:
        bids = [_bid(key, each) for each in ids]
        requests = [word for bid in bids for word in (str(NANOS), "480000", "1", bid.call_id, bid.text)]
        named = [*keys, *(word for bid in bids for word in (layout.call(team, bid.call_id), bid.place))]
        return ["FCALL", library.full_name("reserve"), str(len(named)), *named, key.id, *when, *requests]

    return words


def _bid(key: Key, call_id: str) -> Bid:
    """As every call makes one; no two ask the same."""
    return Bid(Claim(call_id, left_s=600.0), key, call_id, "here")


def _command(words: list[str]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words)


def _asked(server: Server, pipelines: list[bytes], seconds: float, together: int) -> int:
    """How many were made in so many seconds."""
    made, until = 0, time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.socket))
        for pipeline in pipelines:
            connection.sendall(pipeline)
            answered = b""
            while answered.count(b"$4\r\nopen\r\n") < IN_A_PIPELINE * together:
                answered += connection.recv(1 << 20)
                assert b"-ERR" not in answered, answered
            made += IN_A_PIPELINE * together
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
                    call_id = f"call_{uuid4().hex}"
                    await books.admit([call_id], key, NANOS, lease_s=480.0, bid=_bid(key, call_id))
                    made += 1
                return made

            return sum(await asyncio.gather(*(call_on() for _ in range(calls))))


def played(home: Path, server: str, *, seconds: float, rounds: int, calls: int) -> list[Rate]:
    """The rates of all `WAYS`; each is that of the round in the middle."""
    running = start(server, home, *ALWAYS)
    try:
        key = asyncio.run(new_key(running))
        found = [
            (
                alone(running, key, seconds, 1),
                alone(running, key, seconds, IN_A_FUNCTION),
                by_books(running, key, seconds, calls),
            )
            for _ in range(rounds)
        ]
    finally:
        running.stop()
    return [sorted(rates, key=lambda rate: rate.a_second)[rounds // 2] for rates in zip(*found, strict=True)]


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reserves", description=__doc__)
    parser.add_argument("--server", choices=("redis", "valkey"), default="redis")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="the one in the middle counts (default: 5)")
    parser.add_argument("--calls", type=int, default=256, help="at a time (default: 256)")
    return parser


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        for name, rate in zip(WAYS, played(Path(home), **vars(words().parse_args())), strict=True):
            print(f"{name}: {rate}")


if __name__ == "__main__":
    main()
