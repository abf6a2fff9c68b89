"""Everything of one store, copied into another.

Key by key and type by type: what one server writes out (DUMP), another need not read. Until all of it is there the
other store is marked, so that no gateway takes it for the books; a copy that was broken off is begun again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from gateway.core.trail import GATEWAY, Action, Actor
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.errors import StoreError
from gateway.ledger.reaper import REAP_EVERY_S
from gateway.ledger.store import Store
from gateway.ledger.verify import Verified, verify

# A gateway that uses a store leaves a sign of it as often, which is there for half of that time.
WATCHED_S = 1.2 * REAP_EVERY_S
_LOOK_EVERY_S = 0.2

_ROWS = 500


@dataclass(frozen=True, slots=True)
class Moved:
    """From where to where, as addresses may be shown; how many keys of which type; the ledgers, as both have them."""

    source: str
    target: str
    keys: Mapping[str, int]
    ledgers: tuple[Verified, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    read: Callable[[Redis, str], Any]
    write: Callable[[Redis, str, Any], Any]


_KINDS = (
    _Kind(
        "hash",
        lambda client, key: client.hgetall(key),
        lambda client, key, fields: client.hset(key, items=[word for pair in fields.items() for word in pair]),
    ),
    _Kind(
        "zset",
        lambda client, key: client.zrange(key, 0, -1, withscores=True),
        lambda client, key, members: client.zadd(key, dict(members)),
    ),
    _Kind(
        "string",
        lambda client, key: client.get(key),
        lambda client, key, text: client.set(key, text),
    ),
)


async def move(
    source: str,
    target: str,
    data_dir: Path,
    actor: Actor = GATEWAY,
    *,
    may_forget: bool = False,
    watched_s: float = WATCHED_S,
) -> Moved:
    """Copies all there is to the other address; may be repeated, and then begins again. The trail there says by whom.

    Raises `StoreError` where somebody uses the source, where the target has books already, or where the two are not
    alike at the end; `BooksAway` where one of them is lost meanwhile.
    """
    if source == target:
        raise StoreError("this is the store that is configured already; name another one")
    async with (
        Store.open(source, data_dir, may_forget=True, alone=True) as old,
        Store.open(target, data_dir, may_forget=may_forget) as new,
    ):
        await refuse_unfinished(old)
        await _refuse_books(new, old.where)
        if source != "embedded":
            await _refuse_used(old, watched_s)
        await new.put(layout.MOVING, {"from": old.where})
        keys = await _copy(old, new)
        ledgers = await _verified(old)
        if ledgers != await _verified(new):
            raise StoreError(f"the books changed while they were copied to {new.where}; stop all gateways, repeat it")
        # Before a gateway can use it. Should this be broken off now, the trail is copied anew when it is repeated.
        words = [*actor.words(Action.STORE_MOVED, "store"), "was:store", old.where, "now:store", new.where]
        await new.call("entered", [layout.OPERATOR_TRAIL], words)
        await new.ask(layout.MOVING, lambda client: client.delete(layout.MOVING))
        return Moved(old.where, new.where, keys, ledgers)


async def refuse_unfinished(store: Store) -> None:
    """Raises `StoreError` where only some of the books may have been copied yet."""
    if mark := await store.record(layout.MOVING):
        raise StoreError(
            f"the store at {store.where} has not got all the books of {mark['from']} yet: repeat `gateway store move`"
        )


async def _refuse_books(store: Store, source: str) -> None:
    mark, *books = await store.records([layout.MOVING, layout.TEAMS, layout.OPERATOR])
    if mark and mark["from"] != source:
        raise StoreError(f"the store at {store.where} is being filled with the books of {mark['from']}")
    if any(books) and not mark:
        raise StoreError(f"the store at {store.where} has books already; name one that is empty")


async def _refuse_used(store: Store, watched_s: float) -> None:
    gives_up = time.monotonic() + watched_s
    while time.monotonic() < gives_up:
        if await store.ask(layout.REAPER, lambda client: client.exists(layout.REAPER)):
            raise StoreError(f"a gateway uses the store at {store.where}, or did a few seconds ago; stop it first")
        await asyncio.sleep(_LOOK_EVERY_S)


async def _copy(source: Store, target: Store) -> Counter[str]:
    copied = Counter({"hash": 0, "zset": 0, "string": 0, "stream": 0})
    for kind in _KINDS:

        async def some(names: list[str], kind: _Kind = kind) -> None:
            copied[kind.name] += await _copy_some(source, target, kind, [name for name in names if layout.kept(name)])

        await source.through(kind.name, some)

    async def streams(names: list[str]) -> None:
        for name in filter(layout.kept, names):
            await _copy_stream(source, target, name)
            copied["stream"] += 1

    await source.through("stream", streams)
    return copied


async def _copy_some(source: Store, target: Store, kind: _Kind, names: list[str]) -> int:
    """How many of them there still were."""
    read = await source.ask_all(names, kind.read)
    ends = await source.ask_all(names, lambda client, key: client.pexpiretime(key))
    found = {name: (each, end) for name, each, end in zip(names, read, ends, strict=True) if each not in (None, {}, [])}
    await target.ask_all(list(found), lambda client, key: client.delete(key))
    await target.ask_all(list(found), lambda client, key: kind.write(client, key, found[key][0]))
    ending = [name for name, (_, end) in found.items() if end != -1]
    await target.ask_all(ending, lambda client, key: client.pexpireat(key, found[key][1]))
    return len(found)


async def _copy_stream(source: Store, target: Store, name: str) -> None:
    """Its rows under the names that they have."""
    await target.ask(name, lambda client: client.delete(name))
    page: list[tuple[str, dict[str, str]]] = []

    async def add(client: Redis) -> None:
        async with client.pipeline(transaction=True) as pipeline:
            for row, fields in page:
                pipeline.xadd(name, fields, id=row)  # type: ignore[arg-type]
            await pipeline.execute()

    async for each in source.rows(name, "+"):
        page.append(each)
        if len(page) == _ROWS:
            await target.ask(name, add)
            page.clear()
    if page:
        await target.ask(name, add)


async def _verified(store: Store) -> tuple[Verified, ...]:
    return tuple([each async for each in verify(Books(store, time.time))])
