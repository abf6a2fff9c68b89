"""`python -m tests.bench.bytes`: what a call takes in the store, by kind of key, before it is archived and after."""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis import Redis

from gateway.core.books import Charge
from gateway.core.keys import Key, Limits
from gateway.core.outcome import Verdict
from gateway.core.prices import Basis
from gateway.core.usage import Usage
from gateway.ledger import layout, writes
from gateway.ledger.archive import Archive
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.shelf import Shelf
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, PEPPER
from tests.ledger.servers import start

MODEL = "gemini-3.1-flash-image-preview"
NANOS = 55_000_000
KEYS = 10
AT_ONCE = 100
LOST_EVERY = 20  # one call in twenty has a second attempt, which lost its race

# At one call a second: for so long a call is remembered, and its rows stay in the store at the end of a day.
REMEMBERED = 35 * 86_400
STAYING = 4 * 86_400


def charge(attempt_id: str) -> Charge:
    """As a settlement has it."""
    usage = Usage(prompt=258, total=1548)
    return Charge(
        *(attempt_id, NANOS, Basis.CALL, usage, MODEL, "2K", "Default", "Default"),
        pictures=1,
        verdict=Verdict.PICTURE,
    )


async def call(books: Books, key: Key, number: int) -> None:
    call_id = f"call_{uuid4().hex}"
    (hold,) = await books.reserve([call_id], key, NANOS, lease_s=480)
    await books.store.make(writes.settle(hold, charge(f"{call_id}-1")))
    if number % LOST_EVERY == 0:
        lost, began_ms = charge(f"{call_id}-2"), round(time.time() * 1000)
        await books.store.make(
            writes.operator(lost, call_id=call_id, team=key.team, why="race_loss", began_ms=began_ms)
        )


async def calls(books: Books, keys: list[Key], count: int) -> None:
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(call(books, keys[each % KEYS], each) for each in range(first, first + AT_ONCE)))


def used(raw: Any) -> int:
    return int(raw.info("memory")["used_memory"])


def by_kind(raw: Any) -> Counter[str]:
    """Bytes of all keys of a kind, but for what the table of keys takes."""
    found = Counter[str]()
    for name in raw.scan_iter(count=1000):
        found[":".join(name.split(":")[: 3 if name.startswith("{t:") else 2])] += raw.memory_usage(name, samples=0)
    return found


@contextmanager
def step(raw: Any, says: str, count: int) -> Iterator[None]:
    """Prints what a call has added to the store meanwhile, and what of it is in the keys of each kind."""
    used_before, kinds_before = used(raw), by_kind(raw)
    yield
    print(f"  {says:32} {(used(raw) - used_before) / count:8.1f}")
    kinds = by_kind(raw)
    for kind in sorted({*kinds, *kinds_before}):
        if abs(added := (kinds[kind] - kinds_before[kind]) / count) >= 1:
            print(f"    {kind:30} {added:8.1f}")


async def measure(server: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        running = start(server, Path(place))
        try:
            with Redis(unix_socket_path=str(running.socket), decode_responses=True) as raw:
                async with Store.open(running.url, Path(place)) as store:
                    await _measure(server, raw, store, Path(place), count)
        finally:
            running.stop()


async def _measure(server: str, raw: Any, store: Store, place: Path, count: int) -> None:
    teams, books = Keys(store, PEPPER), Books(store, time.time)
    await teams.create_team("studio", now=NOW)
    keys = [(await teams.create_key("studio", name="k", limits=Limits(), now=NOW))[0] for _ in range(KEYS)]
    await calls(books, keys, AT_ONCE)  # connections, and keys that there is one of
    version = raw.info("server")
    print(f"{server} {version.get('valkey_version') or version['redis_version']}: bytes a call, of {count}")
    empty = used(raw)
    with step(raw, "calls", count):
        await calls(books, keys, count)
    whole = used(raw) - empty
    with step(raw, "archived", count):
        began = time.perf_counter()
        made = [each async for each in Archive(store, Shelf((place / "archive",))).put_away(2**42)]
        took = time.perf_counter() - began
    left = used(raw) - empty
    rows, size = sum(each.rows for each in made), sum(each.path.stat().st_size for each in made)
    print(f"  in files {size / count:.1f}; {rows / took:.0f} rows a second are put away")
    month = (left * REMEMBERED + (whole - left) * STAYING) / count
    print(f"  at a call a second: {month / 1e9:.2f} GB, with rows for {STAYING // 86_400} days")
    assert raw.xlen(layout.ledger("studio")) == 1


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bytes", description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    return parser


if __name__ == "__main__":
    asked = words().parse_args()
    for each in ("valkey", "redis"):
        asyncio.run(measure(each, asked.calls))
