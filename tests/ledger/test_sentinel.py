"""A primary that sentinels watch: found through them, and again when another has taken over."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis

from gateway.core.errors import BooksAway
from gateway.core.events import Event, StoreRolledBack
from gateway.core.keys import Limits
from gateway.ledger import writes
from gateway.ledger.budget import Books
from gateway.ledger.errors import StoreError
from gateway.ledger.keys import Keys
from gateway.ledger.outbox import Outbox
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from tests.ledger.accounts import NOW, PEPPER, USD, charge, reserve
from tests.ledger.everything import everything
from tests.ledger.sentinels import PASSWORD, Watched, watched
from tests.waiting import eventually


@pytest.fixture(params=["redis", "valkey"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    with watched(request.param, tmp_path / "servers") as running:
        yield running


async def test_a_call_goes_to_the_primary_and_after_it_is_lost_to_whoever_took_over(
    servers: Watched, tmp_path: Path
) -> None:
    """A charge that the replica had not heard of is told to it from the journal."""
    told: list[Event] = []
    async with Store.open(servers.url, tmp_path) as store:
        keys, books = Keys(store, PEPPER), Books(store, time.time)
        await keys.create_team("acme", now=NOW)
        key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
        async with Outbox.open(store, tmp_path / "journal", told.append, lambda: NOW) as outbox:
            hold = await reserve(books, "call_1", key, USD)
            await outbox.heal()
            first = await store.run_id()
            with Redis(unix_socket_path=str(servers.primary.socket)) as primary:
                primary.set("mark", "the last that the replica hears of")
                assert primary.wait(1, 0) == 1
                with servers.replica.paused():
                    primary.client_kill_filter(_type="replica")  # or what it is sent would wait for it
                    await outbox.surely("settle", [writes.settle(hold, charge(7))])
                    servers.primary.stop()
            await eventually(lambda: _healed(outbox, told))
            assert told == [StoreRolledBack(told=1)]
            assert await store.run_id() != first
            assert (await books.team_balance("acme")).spent_nanos == 7
            assert not [fault async for each in verify(books) for fault in each.faults]


async def test_a_primary_that_became_a_replica_is_asked_for_nothing_any_more(servers: Watched, tmp_path: Path) -> None:
    async with Store.open(servers.url, tmp_path) as store:
        await everything(store)
        await store.put("before", {"it": "did"})
        with (
            Redis(unix_socket_path=str(servers.primary.socket), decode_responses=True) as demoted,
            Redis(unix_socket_path=str(servers.replica.socket), decode_responses=True) as primary,
        ):
            demoted.set("mark", "the last that the replica hears of")
            assert demoted.wait(1, 0) == 1
            servers.fails_over()
            await eventually(lambda: _is_replica(demoted))
            demoted.config_resetstat()
            await eventually(lambda: _reads(store))
            assert "cmdstat_hgetall" not in demoted.info("commandstats")
            await store.put("after", {"it": "did"})
            assert primary.hgetall("after") == {"it": "did"}


async def test_a_name_that_no_sentinel_knows_and_a_wrong_password_stop_the_start(
    servers: Watched, tmp_path: Path
) -> None:
    place = f"127.0.0.1:{servers.port}"
    unknown = await _refusal(f"redis+sentinel://{place}/ledger?sentinel_password={PASSWORD}", tmp_path)
    assert unknown == (
        f"cannot reach the store at redis+sentinel://{place}/ledger: "
        "no sentinel knows ledger; is it the name of a primary that they watch?"
    )
    wrong = await _refusal(f"redis+sentinel://{place}/books?sentinel_password=hidden", tmp_path)
    assert wrong == (
        f"cannot reach the store at redis+sentinel://{place}/books: "
        "it refuses the user or the password; set both in the address"
    )


async def _refusal(url: str, tmp_path: Path) -> str:
    with pytest.raises(StoreError) as refused:
        async with Store.open(url, tmp_path):
            pass
    return str(refused.value)


async def _healed(outbox: Outbox, told: list[Event]) -> bool:
    await outbox.heal()
    return bool(told)


async def _is_replica(raw: Redis) -> bool:
    return bool(raw.role()[0] == "slave")


async def _reads(store: Store) -> bool:
    with suppress(BooksAway):
        return await store.record("before") == {"it": "did"}
    return False
