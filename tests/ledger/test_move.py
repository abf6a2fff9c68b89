"""Everything of a store in another one, as it was."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.errors import BooksAway
from gateway.core.keys import Limits
from gateway.core.trail import Actor, Change, Door
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.errors import StoreError
from gateway.ledger.keys import Keys
from gateway.ledger.ledger import open_ledger
from gateway.ledger.move import move
from gateway.ledger.store import Store
from gateway.ledger.trail import Trail
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, PEPPER, USD, charge, reserve, settle
from tests.ledger.clusters import cluster
from tests.ledger.everything import everything
from tests.ledger.servers import Server, listening, start

SEEN_S = 0.0  # nobody else is there


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """A directory with an embedded store that has everything in it, and a ledger of some pages."""
    async with Store.open("embedded", tmp_path) as store:
        await everything(store, ("acme", "beta"))
        keys, books = Keys(store, PEPPER), Books(store, time.time)
        key, _ = await keys.create_key("beta", name="long", limits=Limits(), now=NOW)
        for number in range(600):
            await settle(books, await reserve(books, f"many_{number}", key, USD), charge(number))
    return tmp_path


READ: dict[str, Callable[[Any, str], Any]] = {
    "hash": lambda client, name: client.hgetall(name),
    "zset": lambda client, name: client.zrange(name, 0, -1, withscores=True),
    "string": lambda client, name: client.get(name),
    "stream": lambda client, name: client.xrange(name),
}


def _as_it_was(kind: str, read: Any) -> Any:
    """Without the rows that say that this store was filled."""
    return read if kind != "stream" else [row for row in read if row[1].get("action") != "store.moved"]


async def contents(store: Store) -> dict[str, tuple[Any, int]]:
    """All that other stores need too, with until when; but for what is over within seconds, now or at the next look."""
    found: dict[str, tuple[Any, int]] = {}
    for kind, read in READ.items():

        async def note(names: list[str], kind: str = kind, read: Callable[[Any, str], Any] = read) -> None:
            kept = [name for name in names if layout.kept(name) and not name.endswith(":lease")]
            ends = await store.ask_all(kept, lambda client, name: client.pexpiretime(name))
            were = [_as_it_was(kind, each) for each in await store.ask_all(kept, read)]
            found.update(zip(kept, zip(were, ends, strict=True), strict=True))

        await store.through(kind, note)
    return found


async def test_all_of_it_is_there_and_goes_on(filled: Path, server: Server) -> None:
    moved = await move("embedded", server.url, filled)
    assert [(each.whose, each.faults) for each in moved.ledgers] == [("acme", ()), ("beta", ()), ("operator", ())]
    assert moved.keys["stream"] == 3 + 5  # with the trails
    async with Store.open("embedded", filled) as old, Store.open(server.url, filled) as new:
        before = await contents(old)
        assert await contents(new) == before
        assert sum(moved.keys.values()) >= len(before), "a lease of five seconds may be over since"
        books = Books(new, time.time)
        for key in await Keys(new, PEPPER).keys("beta"):
            if key.revoked_at is None:
                await settle(books, await reserve(books, f"new_{key.id}", key, USD), charge(1))
        assert not [fault async for each in verify(books) for fault in each.faults]


async def test_the_trail_says_who_moved_it_and_from_where(filled: Path, server: Server) -> None:
    who = Actor("ana@desk", Door.CLI)
    moved = await move("embedded", server.url, filled, who)
    async with Store.open(server.url, filled) as new:
        page = await Trail(new).page(limit=1, subject="store")
    (deed,) = page.deeds
    assert (deed.who, deed.door, deed.action) == ("ana@desk", "cli", "store.moved")
    assert deed.changes == {"store": Change(moved.source, moved.target)}


async def test_nothing_is_left_behind(filled: Path) -> None:
    """Whatever the gateway writes is known to be kept, or to be of one store only."""
    names: set[str] = set()

    async def note(some: list[str]) -> None:
        names.update(name for name in some if not layout.kept(name))

    async with Store.open("embedded", filled) as store:
        for kind in ("hash", "zset", "string", "stream", "list", "set"):
            await store.through(kind, note)
    drawing = {name for name in names if name.startswith(layout.drawing(""))}
    assert names - drawing <= {layout.REAPER, layout.ARCHIVER}


async def test_a_cluster_is_filled_and_moved_out_of_again(filled: Path, server: Server) -> None:
    with cluster("redis", filled / "cluster") as servers:
        await move("embedded", servers.url, filled)
        async with Store.open("embedded", filled) as old, Store.open(servers.url, filled) as new:
            assert await contents(new) == await contents(old)
        await move(servers.url, server.url, filled, watched_s=SEEN_S)
        async with Store.open("embedded", filled) as old, Store.open(server.url, filled) as new:
            assert await contents(new) == await contents(old)


async def test_one_that_is_broken_off_is_no_store_for_a_gateway_and_may_be_repeated(
    filled: Path,
) -> None:
    target_server, port = listening("redis", filled / "target")
    try:
        with Redis(port=port) as target:
            target.execute_command(*["ACL", "SETUSER", "mover", "on", "nopass", "~*", "+@all", "-xadd"])
            url = f"redis://mover@127.0.0.1:{port}/0"
            with pytest.raises(BooksAway):
                await move("embedded", url, filled)
            assert await _refusal(url, filled) == (
                f"the store at redis://127.0.0.1:{port}/0 has not got all the books of "
                f"unix://{filled}/store/s yet: repeat `gateway store move`"
            )
            target.execute_command(*["ACL", "SETUSER", "mover", "+xadd"])
        await move("embedded", url, filled)
        assert await _refusal(url, filled) is None
        async with Store.open("embedded", filled) as old, Store.open(url, filled) as new:
            assert await contents(new) == await contents(old)
    finally:
        target_server.stop()


async def test_a_store_with_books_a_store_in_use_and_the_same_store_are_refused(
    filled: Path, server: Server, tmp_path: Path
) -> None:
    async with Store.open("embedded", filled):
        with pytest.raises(StoreError, match=r"^a gateway, or another command, uses the store in .*; stop it first$"):
            await move("embedded", server.url, filled)
    with pytest.raises(StoreError, match="this is the store that is configured already"):
        await move("embedded", "embedded", filled)
    await move("embedded", server.url, filled)
    with pytest.raises(StoreError, match="has books already; name one that is empty"):
        await move("embedded", server.url, filled)
    empty = start("redis", _made(tmp_path / "empty"))
    try:
        async with Store.open(server.url, filled) as store:
            await store.first(layout.REAPER, within_s=60)
        with pytest.raises(StoreError, match=r"a gateway uses the store at .*, or did a few seconds ago"):
            await move(server.url, empty.url, filled)
    finally:
        empty.stop()


def _made(path: Path) -> Path:
    path.mkdir()
    return path


async def _refusal(url: str, data_dir: Path) -> str | None:
    """What a gateway says that is to start on it."""
    try:
        async with open_ledger(url, data_dir, "a secret of thirty-two characters", {}):
            return None
    except StoreError as refused:
        return str(refused)
