"""The books in a Cluster: every call on the master that has its team, and nothing sent twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from gateway.core.books import Balance, Hold
from gateway.core.budgets import Budget
from gateway.core.errors import BooksAway, OverBudget
from gateway.core.events import Event, StoreRolledBack
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout, library, writes
from gateway.ledger.budget import Books
from gateway.ledger.errors import StoreError
from gateway.ledger.frames import Write
from gateway.ledger.keys import Keys
from gateway.ledger.outbox import Outbox
from gateway.ledger.servers import Shut
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, PEPPER, USD, charge, reserve, settle, void
from tests.ledger.clusters import Node, RealCluster, cluster
from tests.ledger.everything import FUNCTIONS, everything
from tests.ledger.servers import free_port, listening
from tests.waiting import eventually

TEAMS = [f"team-{number}" for number in range(12)]  # on every master


@pytest.fixture(scope="session", params=["redis", "valkey"])
def shared_cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with cluster(request.param, tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def servers(shared_cluster: RealCluster) -> RealCluster:
    shared_cluster.clear()
    return shared_cluster


@pytest.fixture
async def store(servers: RealCluster, tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(servers.url, tmp_path) as store:
        yield store


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store, PEPPER)


@pytest.fixture
def books(store: Store) -> Books:
    return Books(store, time.time)


async def new_key(keys: Keys, team: str) -> Key:
    await keys.create_team(team, limits=TeamLimits(Budget(100 * USD)), now=NOW)
    key, _ = await keys.create_key(team, name="ci", limits=Limits(Budget(100 * USD)), now=NOW)
    return key


@pytest.fixture
async def key(keys: Keys) -> Key:
    return await new_key(keys, "acme")


@pytest.fixture
def holder(servers: RealCluster) -> Node:
    """The master that has team acme."""
    return servers.holder(layout.account("acme"))


async def sound(books: Books) -> bool:
    return not [fault async for each in verify(books) for fault in each.faults]


async def test_a_thousand_callers_with_a_budget_for_a_hundred(books: Books, key: Key) -> None:
    async def attempt(number: int) -> Hold | None:
        try:
            return await reserve(books, f"call_{number}", key, USD)
        except OverBudget:
            return None

    admitted = [hold for hold in await asyncio.gather(*map(attempt, range(1000))) if hold]
    assert len(admitted) == 100
    assert await books.balance(key) == Balance(0, 100 * USD, 100 * USD)
    assert await sound(books)

    paid = charge(700_000_001)
    voided = [void(books, hold, "the caller left") for hold in admitted for _ in range(2)]
    settled = [settle(books, hold, paid) for hold in admitted for _ in range(3)]
    await asyncio.gather(*voided, *settled)
    assert await books.team_balance("acme") == Balance(100 * 700_000_001, 0, 100 * USD)
    assert await sound(books)


async def test_the_functions_are_on_every_master_and_again_where_they_are_lost(
    servers: RealCluster, store: Store, books: Books, keys: Keys, tmp_path: Path
) -> None:
    assert [node.ran("function|load") for node in servers.masters] == [1, 1, 1]
    async with Store.open(servers.url, tmp_path):
        pass
    assert [node.ran("function|load") for node in servers.masters] == [1, 1, 1]
    for node in servers.masters:
        node.raw.function_flush()
    for team in TEAMS:
        await reserve(books, f"call_of_{team}", await new_key(keys, team), USD)
    assert [node.ran("function|load") for node in servers.masters] == [2, 2, 2]
    assert await sound(books)


async def test_every_function_finds_all_that_it_touches_in_one_slot(servers: RealCluster, store: Store) -> None:
    """A Cluster refuses one that touches another."""
    for node in servers.masters:
        node.raw.config_set("slowlog-log-slower-than", 0)
        node.raw.config_set("slowlog-max-len", 100_000)
    await everything(store, (*TEAMS, "acme"))
    called = {line.split()[1] for node in servers.masters for line in _commands(node) if line.startswith("FCALL")}
    assert called == {library.full_name(function) for function in FUNCTIONS}


def _commands(node: Node) -> list[str]:
    return [each["command"].decode() for each in node.raw.slowlog_get(100_000)]


async def test_many_records_come_in_the_order_asked_for(store: Store) -> None:
    names = [f"record_{number}" for number in range(1001)]
    for name in names[::100]:
        await store.put(name, {"name": name})
    found = await store.records([*names, names[0]])
    assert [place for place, record in enumerate(found) if record] == [*range(0, 1001, 100), 1001]
    assert found[500] == await store.record("record_500") == {"name": "record_500"}


async def test_a_command_that_was_not_answered_is_not_sent_again(
    servers: RealCluster, store: Store, books: Books, key: Key, holder: Node
) -> None:
    await eventually(lambda: _true(holder.ran() > 0))
    holder.raw.config_resetstat()
    with holder.server.paused(), pytest.raises(BooksAway):
        await reserve(books, "call_1", key, USD)
    # It had been sent, and nobody waited for the answer any more.
    await eventually(lambda: _true(holder.ran() > 0))
    await eventually(lambda: _answers(store))
    assert (await books.balance(key)).held_nanos == USD
    assert sum(node.ran() for node in servers.masters) == 1


async def test_a_command_whose_connection_is_lost_is_not_sent_again(
    store: Store, books: Books, key: Key, holder: Node
) -> None:
    holder.raw.client_pause(60_000, all=False)
    reserving = asyncio.create_task(reserve(books, "call_1", key, USD))
    while not _waiting(holder):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0)
    holder.raw.client_kill_filter(_type="normal", skipme=True)
    holder.raw.client_unpause()
    with pytest.raises(BooksAway):
        await reserving
    await eventually(lambda: _answers(store))
    assert not holder.raw.exists(layout.call("acme", "call_1"))


async def test_a_node_that_is_of_the_cluster_no_more_is_passed_over(servers: RealCluster, tmp_path: Path) -> None:
    stranger, port = listening(
        "redis", tmp_path / "stranger", "--cluster-enabled", "yes", "--cluster-port", str(free_port())
    )
    try:
        url = servers.url.replace("://", f"://127.0.0.1:{port},")
        async with Store.open(url, tmp_path) as store:
            await everything(store)
    finally:
        stranger.stop()


async def test_a_lost_connection_to_one_master_ends_none_to_another(
    servers: RealCluster, books: Books, keys: Keys
) -> None:
    for team in TEAMS:
        await new_key(keys, team)
    [lost, *others] = servers.masters
    before = [node.connections() for node in others]
    lost.raw.client_kill_filter(_type="normal", skipme=True)
    for team in TEAMS:
        with suppress(BooksAway):
            await books.team_balance(team)
    assert [node.connections() for node in others] == before


async def test_a_master_that_hangs_keeps_nobody_else_waiting(
    servers: RealCluster, books: Books, keys: Keys, holder: Node
) -> None:
    acme = await new_key(keys, "acme")
    others = [await new_key(keys, team) for team in TEAMS if servers.holder(layout.account(team)) is not holder]
    with holder.server.paused():
        stuck = asyncio.create_task(reserve(books, "stuck", acme, USD))
        await asyncio.gather(*(reserve(books, "goes", key, USD) for key in others))
        assert not stuck.done()
    assert (await stuck).nanos == USD


async def test_one_that_let_somebody_wait_in_vain_is_left_alone_for_a_moment_and_no_other(
    servers: RealCluster, books: Books, keys: Keys, holder: Node
) -> None:
    acme = await new_key(keys, "acme")
    others = [await new_key(keys, team) for team in TEAMS if servers.holder(layout.account(team)) is not holder]
    holder.raw.config_resetstat()
    with holder.server.paused():
        with pytest.raises(BooksAway):
            await reserve(books, "waits", acme, USD)
        refused = asyncio.create_task(reserve(books, "is told at once", acme, USD))
        await asyncio.gather(*(reserve(books, "goes on", key, USD) for key in others))
        with pytest.raises(BooksAway) as away:
            await refused
    assert isinstance(away.value.__cause__, Shut)


async def test_slots_that_move_are_followed(servers: RealCluster, store: Store) -> None:
    await store.put("moves", {"was": "here"})
    source = servers.holder("moves")
    target = next(node for node in servers.masters if node is not source)
    slot = source.told("CLUSTER", "KEYSLOT", "moves")
    target.told("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
    source.told("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    source.told("MIGRATE", "127.0.0.1", target.port, "moves", 0, 60_000)
    try:
        assert await asyncio.gather(*[store.record("moves")] * 40) == [{"was": "here"}] * 40
        assert await store.call("entered", ["{moves}:rows"], ["who", "cli", "did", "this"]) == ["entered"]
        assert await store.records(["stays", "moves"]) == [{}, {"was": "here"}]
        for node in (target, *servers.masters):
            node.told("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        assert await store.records(["stays", "moves"]) == [{}, {"was": "here"}]
        assert [row["who"] async for _, row in store.rows("{moves}:rows", "+")] == ["who"]
    finally:
        target.raw.delete("moves", "{moves}:rows")
        for node in servers.masters:
            node.told("CLUSTER", "SETSLOT", slot, "NODE", source.id)


async def test_a_slot_that_moves_whole_takes_its_calls_along(tmp_path: Path) -> None:
    """As Valkey 9 does it."""
    with cluster("valkey", tmp_path / "cluster") as servers:
        source = servers.holder(layout.account("acme"))
        target = next(node for node in servers.masters if node is not source)
        slot = source.told("CLUSTER", "KEYSLOT", layout.account("acme"))
        async with Store.open(servers.url, tmp_path) as store:
            keys, books = Keys(store, PEPPER), Books(store, time.time)
            key = await new_key(keys, "acme")
            spent = 0

            async def spend(number: int) -> None:
                hold = await reserve(books, f"call_{number}", key, 1000)
                await settle(books, hold, charge(1, attempt_id=f"att_{number}"))

            async def spend_some() -> None:
                nonlocal spent
                await asyncio.gather(*(spend(number) for number in range(spent, spent + 20)))
                spent += 20

            async def moved() -> bool:
                await spend_some()
                with suppress(ResponseError):  # it is not here
                    return bool(target.raw.exists(layout.account("acme")))
                return False

            source.told("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
            await eventually(moved)
            await spend_some()
            assert (await books.team_balance("acme")) == Balance(spent, 0, 100 * USD)
            assert await sound(books)


async def test_while_a_slot_moves_key_by_key_no_function_stops_in_the_middle(
    servers: RealCluster, store: Store, books: Books, key: Key, holder: Node
) -> None:
    settled, voided, lapsed = [await reserve(books, f"call_{number}", key, USD) for number in range(3)]
    target = next(node for node in servers.masters if node is not holder)
    slot = holder.told("CLUSTER", "KEYSLOT", layout.account("acme"))
    target.told("CLUSTER", "SETSLOT", slot, "IMPORTING", holder.id)
    holder.told("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    before = holder.raw.hgetall(layout.account("acme"))
    ends = (
        writes.settle(settled, charge(1)),
        writes.void(voided, "the caller left"),
        Write("expire", writes.call_keys(lapsed), (lapsed.call_id, lapsed.key_id, "1")),
    )
    try:
        _pass_on(holder, target, "{t:acme}:sums*")
        for write in ends:
            with pytest.raises(BooksAway):
                await store.make(write)
        with pytest.raises(BooksAway):
            await reserve(books, "call_9", key, USD)
        assert holder.raw.hgetall(layout.account("acme")) == before
        _pass_on(holder, target, "{t:acme}*")
        for node in (target, *servers.masters):
            node.told("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        for write in ends:
            await store.make(write)
        assert await books.team_balance("acme") == Balance(1, USD, 100 * USD)
        assert await sound(books)
    finally:
        target.raw.flushall()
        for node in servers.masters:
            node.told("CLUSTER", "SETSLOT", slot, "NODE", holder.id)


def _pass_on(source: Node, target: Node, names: str) -> None:
    for name in source.raw.keys(names):
        source.told("MIGRATE", "127.0.0.1", target.port, name, 0, 60_000)


async def test_a_replica_that_takes_over_is_found_and_told_what_it_has_not_heard(tmp_path: Path) -> None:
    told: list[Event] = []
    with cluster("redis", tmp_path / "cluster", replicas=1) as servers:
        lost, replica = servers.masters[0], servers.replicas[0]
        team = next(each for each in TEAMS if servers.holder(layout.account(each)) is lost)
        async with Store.open(servers.url, tmp_path) as store:
            keys, books = Keys(store, PEPPER), Books(store, time.time)
            key = await new_key(keys, team)
            async with Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW) as outbox:
                hold = await reserve(books, "call_1", key, USD)
                await outbox.heal()
                first = await store.run_id()
                lost.raw.set(layout.signature(team, "mark"), "the last that the replica hears of")
                assert lost.raw.wait(1, 0) == 1
                with replica.server.paused():
                    lost.raw.client_kill_filter(_type="replica")  # or what it is sent would wait for it
                    await outbox.surely("settle", [writes.settle(hold, charge(7))])
                    lost.server.stop()
                await eventually(lambda: _true(replica.told("CLUSTER", "FAILOVER", "TAKEOVER") == "OK"))
                await eventually(lambda: _answers(store))
                await eventually(lambda: _healed(outbox, told))
                assert await store.run_id() != first
                assert told == [StoreRolledBack(told=1)]
                assert (await books.team_balance(team)).spent_nanos == 7
                assert await sound(books)


async def test_a_cluster_that_is_down_and_a_wrong_kind_of_address_stop_the_start(
    servers: RealCluster, tmp_path: Path
) -> None:
    node = servers.masters[0]
    wrong = (
        (node.server.url, "is part of a Cluster; use redis+cluster://"),
        ("redis+cluster://" + node.place, None),
    )
    for url, said in wrong:
        assert await _refusal(url, tmp_path) == (said and f"the store at {url} {said}")
    node.told("CLUSTER", "DELSLOTS", 0)
    try:
        assert "is a Cluster that is down" in str(await _refusal(servers.url, tmp_path))
    finally:
        node.told("CLUSTER", "ADDSLOTS", 0)
        await eventually(lambda: _true("cluster_state:ok" in str(node.told("CLUSTER", "INFO"))))


async def _refusal(url: str, tmp_path: Path) -> str | None:
    try:
        async with Store.open(url, tmp_path):
            return None
    except StoreError as refused:
        return str(refused)


async def _healed(outbox: Outbox, told: list[Event]) -> bool:
    await outbox.heal()
    return bool(told)


async def _true(answer: bool) -> bool:
    return answer


async def _answers(store: Store) -> bool:
    with suppress(BooksAway):
        await store.ping()
        return True
    return False


def _waiting(node: Node) -> bool:
    """Whether a function waits for the server to go on."""
    return any(client["cmd"] == "fcall" and "b" in client["flags"] for client in node.raw.client_list())
