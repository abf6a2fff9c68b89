"""A store over each of the two servers, emptied before every test, and the accounts in it."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, PEPPER, USD
from tests.ledger.servers import Server, start


@pytest.fixture(scope="session", params=["redis", "valkey"])
def shared_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: Server) -> Server:
    with Redis(unix_socket_path=str(shared_server.socket)) as client:
        client.flushall()
        client.function_flush()
        client.config_resetstat()
    return shared_server


@pytest.fixture
def raw(server: Server) -> Iterator[Redis]:
    """A plain client, to look behind the store."""
    with Redis(unix_socket_path=str(server.socket), decode_responses=True) as client:
        yield client


@pytest.fixture
async def store(server: Server, tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(server.url, tmp_path) as store:
        yield store


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store, PEPPER)


@pytest.fixture
def books(store: Store) -> Books:
    return Books(store, time.time)


@pytest.fixture
async def key(keys: Keys) -> Key:
    """A key of team acme; both may spend 100 dollars."""
    await keys.create_team("acme", limits=TeamLimits(Budget(100 * USD)), now=NOW)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(Budget(100 * USD)), now=NOW)
    return key
