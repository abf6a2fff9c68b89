"""The door to Redis: fit or refused at the start, away or right afterwards."""

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.errors import BooksAway
from gateway.core.keys import Key
from gateway.ledger import layout, library
from gateway.ledger.budget import Books
from gateway.ledger.errors import StoreError
from gateway.ledger.fitness import forgetful, unfit
from gateway.ledger.store import Store
from tests.ledger.accounts import USD, charge, reserve, settle
from tests.ledger.servers import Server, start

LOOK = "; is it running, and is the address right?"
KNOWN = (
    "embedded, redis://, rediss://, unix://, redis+cluster://, rediss+cluster://, redis+sentinel:// or "
    "rediss+sentinel://"
)
SENTINEL = "redis+sentinel://host:26379,host:26379/name/0"
BOTH = pytest.mark.parametrize("name", ["redis", "valkey"])


async def reason(url: str, tmp_path: Path) -> str:
    """Why a start is refused."""
    with pytest.raises(StoreError) as refused:
        async with Store.open(url, tmp_path):
            pass
    return str(refused.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "redis://u:hidden@127.0.0.1:1/0",
            "cannot reach the store at redis://127.0.0.1:1/0: connection refused" + LOOK,
        ),
        (
            "unix:///nowhere/s?password=hidden",
            "cannot reach the store at unix:///nowhere/s: no such file or directory" + LOOK,
        ),
        (
            "redis+cluster://u:hidden@127.0.0.1:1,127.0.0.1:2",
            "cannot reach the store at redis+cluster://127.0.0.1:1,127.0.0.1:2: connection refused" + LOOK,
        ),
        (
            "rediss+sentinel://u:hidden@127.0.0.1:1/books/0?sentinel_password=hidden",
            "cannot reach the store at rediss+sentinel://127.0.0.1:1/books/0: connection refused" + LOOK,
        ),
        ("hidden@host", f"store: host is not supported; use {KNOWN}"),
        ("redis+clutser://u:hidden@host:1", f"store: redis+clutser://host:1 is not supported; use {KNOWN}"),
        (
            "redis+cluster://u:hidden@host:1/3",
            "store: redis+cluster://host:1/3 cannot be read; write it like redis+cluster://host:6379,host:6379",
        ),
        (
            "redis+cluster://u:hid,den@a:b,c:1",
            "store: redis+cluster://a:b,c:1 cannot be read; write it like redis+cluster://host:6379,host:6379",
        ),
        (
            "redis+sentinel://u:hidden@a,b",
            "store: redis+sentinel://a,b cannot be read; write it like redis+sentinel://host:26379,host:26379/name/0",
        ),
        (
            "redis://u:hid/hidden@host:port",
            "store: redis://host:port cannot be read; write it like redis://host:6379/0",
        ),
        (
            "redis://u:hidden@host/0?socket_timeuot=hidden",
            "store: redis://host/0 cannot be read; write it like redis://host:6379/0",
        ),
        ("redis://u:hidden@[::1/0", "store: redis://[::1/0 cannot be read; write it like redis://host:6379/0"),
    ],
)
async def test_a_store_that_cannot_be_reached_is_named_without_its_password(
    url: str, said: str, tmp_path: Path
) -> None:
    assert await reason(url, tmp_path) == said


@pytest.mark.parametrize(
    ("version", "role", "policy", "said"),
    [
        ("7.0.0", "master", "noeviction", None),
        ("8.2.3", "master", "noeviction", None),
        (
            "6.2.14",
            "master",
            "noeviction",
            "is version 6.2.14; the books need functions: use Redis 7 or newer, or Valkey",
        ),
        ("7.0.0", "slave", "noeviction", "is a replica and takes no writes; use the address of its primary"),
        (
            "7.0.0",
            "master",
            "volatile-lru",
            "may drop books when memory runs short: it has maxmemory-policy volatile-lru; set it to noeviction",
        ),
    ],
)
def test_a_server_that_cannot_hold_books_is_told_why(version: str, role: str, policy: str, said: str | None) -> None:
    assert unfit({"redis_version": version, "role": role, "maxmemory_policy": policy}) == said


@BOTH
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--maxmemory-policy", "allkeys-lru"], "may drop books when memory runs short"),
        (["--requirepass", "another"], "it refuses the user or the password; set both in the address"),
        (["--rename-command", "FUNCTION", ""], "it answers unknown command 'FUNCTION'"),
    ],
)
async def test_an_unfit_server_stops_the_start(name: str, options: list[str], said: str, tmp_path: Path) -> None:
    server = start(name, tmp_path, *options)
    try:
        assert said in await reason(server.url, tmp_path)
    finally:
        server.stop()


FORGETS = (
    "keeps nothing on disk, so that its next start begins with empty books: set appendonly yes, "
    "or store_may_forget: true in the configuration"
)


@BOTH
async def test_a_server_that_keeps_nothing_stops_the_start_unless_it_may(name: str, tmp_path: Path) -> None:
    server = start(name, tmp_path, "--save", "", "--appendonly", "no")
    try:
        assert await reason(server.url, tmp_path) == f"the store at {server.url} {FORGETS}"
        async with Store.open(server.url, tmp_path, may_forget=True) as store:
            await store.ping()
        with Redis(unix_socket_path=str(server.socket)) as raw:
            for setting, value in (("save", "3600 1"), ("save", ""), ("appendonly", "yes")):
                raw.config_set(setting, value)
                if value:
                    async with Store.open(server.url, tmp_path):
                        pass
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("aof", "save_points", "said"),
    [(1, "", None), (1, None, None), (0, "3600 1", None), (0, None, None), (0, "", FORGETS)],
)
def test_what_is_not_to_be_known_is_let_pass(aof: int, save_points: str | None, said: str | None) -> None:
    assert forgetful({"aof_enabled": aof}, save_points) == said


@BOTH
@pytest.mark.parametrize("rule", ["--rename-command CONFIG ''", "--user default on nopass ~* +@all -config"])
async def test_a_server_that_does_not_tell_is_let_pass(name: str, rule: str, tmp_path: Path) -> None:
    server = start(name, tmp_path, "--save", "", *shlex.split(rule))
    try:
        async with Store.open(server.url, tmp_path) as store:
            await store.ping()
    finally:
        server.stop()


async def test_the_library_is_loaded_once_and_that_of_another_release_stays_beside_it(
    server: Server, raw: Redis, tmp_path: Path
) -> None:
    other = library.CODE.replace(library.NAME, "gateway_other").replace(library.full_name(""), "gw_other_")
    raw.function_load(other)
    for _ in range(2):
        async with Store.open(server.url, tmp_path) as store:
            await store.call("create", ["team", "trail"], ["who", "cli", "did", "this", "created", "1"])
    assert raw.fcall("gw_other_create", 1, "team", "created", "1") == ["exists"]
    stats: Any = raw.info("commandstats")
    assert stats["cmdstat_function|load"]["calls"] == 1 + 1


async def test_a_flush_of_the_functions_heals_under_load(books: Books, key: Key, raw: Redis) -> None:
    holds = await asyncio.gather(*(reserve(books, f"call_{n}", key, USD, lease_s=480) for n in range(20)))
    raw.function_flush()
    await asyncio.gather(*(settle(books, hold, charge(1)) for hold in holds))
    assert (await books.team_balance("acme")).spent_nanos == 20


async def test_a_command_that_was_not_answered_is_not_sent_again(
    store: Store, books: Books, key: Key, raw: Redis
) -> None:
    raw.client_pause(60_000, all=False)
    reserving = asyncio.create_task(reserve(books, "call_1", key, USD, lease_s=480))
    while not waiting(raw):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0)
    raw.client_kill_filter(_type="normal", skipme=True)
    raw.client_unpause()
    with pytest.raises(BooksAway):
        await reserving
    await store.ping()
    assert not raw.exists(layout.call("acme", "call_1"))


def waiting(raw: Redis) -> bool:
    """Whether a function waits for the server to go on."""
    clients: Any = raw.client_list()
    return any(client["cmd"] == "fcall" and "b" in client["flags"] for client in clients)


@BOTH
async def test_a_store_that_goes_away_and_comes_back_empty_is_used_again(name: str, tmp_path: Path) -> None:
    server = start(name, tmp_path)
    async with Store.open(server.url, tmp_path) as store:
        server.stop()
        for asking in (
            store.ping(),
            store.call("revoke", ["a"], ["1"]),
            store.record("a"),
            store.put("a", {"b": "c"}),
        ):
            with pytest.raises(BooksAway, match="nothing was spent"):
                await asking
        server = start(name, tmp_path)
        assert await store.call("revoke", ["a"], ["1"]) == ["unknown"]
    server.stop()


async def test_many_records_come_in_the_order_asked_for(store: Store) -> None:
    names = [f"record_{n}" for n in range(1001)]
    for name in names[::500]:
        await store.put(name, {"name": name})
    found = await store.records(names)
    assert [at for at, record in enumerate(found) if record] == [0, 500, 1000]
    assert found[500] == await store.record("record_500") == {"name": "record_500"}


async def test_an_amount_that_is_none_moves_nothing(store: Store, raw: Redis) -> None:
    keys = [layout.account("acme"), "b", "c", "d", "e"]
    for amount in ("-1", "1.5", "1e9", "", "007", "9000000000000001"):
        with pytest.raises(BooksAway):
            await store.call("settle", [*keys, "f"], ["call_1", "key_1", "0", amount, "line", "0", "0", "0"])
    assert raw.dbsize() == 0
