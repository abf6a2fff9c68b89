"""The least rights with which a store can be used, as the README has them."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from gateway.core.errors import BooksAway
from gateway.ledger.errors import StoreError
from gateway.ledger.store import Store
from tests.ledger.clusters import cluster
from tests.ledger.everything import everything
from tests.ledger.sentinels import watched
from tests.ledger.servers import Server, listening

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
COMMAND = "redis-cli -u" + README.split("redis-cli -u", 1)[1].split("```", 1)[0]
PASSWORD = "of-the-gateway"

# Where a store is one server these are not needed: a Cluster has them, or sentinels.
ELSEWHERE = {"+cluster|slots", "+cluster|info", "+asking", "+role", "+config|get"}

RIGHTS = [word for word in shlex.split(COMMAND) if word[0] in "~+"]


@pytest.fixture(params=["redis", "valkey"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, int]]:
    server, port = listening(request.param, tmp_path / "server")
    yield server, port
    server.stop()


def allow(port: int, command: str = COMMAND) -> str:
    """Does what the README says, and gives the user and the place as they stand in an address."""
    place = f"127.0.0.1:{port}"
    environ = {**os.environ, "STORE_ADMIN": f"redis://{place}", "STORE_PASSWORD": PASSWORD}
    done = subprocess.run(["sh", "-eu", "-c", command], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "OK\n"
    return f"gateway:{PASSWORD}@{place}"


async def test_with_these_rights_everything_works(running: tuple[Server, int], tmp_path: Path) -> None:
    url = f"redis://{allow(running[1])}/0"
    async with Store.open(url, tmp_path) as store:
        await everything(store)


async def test_in_a_cluster_too(tmp_path: Path) -> None:
    with cluster("redis", tmp_path / "cluster") as servers:
        users = [allow(node.port) for node in servers.masters]
        async with Store.open(f"redis+cluster://{users[0]},{servers.masters[1].place}", tmp_path) as store:
            await everything(store, ("acme", "beta", "gamma"))


async def test_behind_sentinels_too(tmp_path: Path) -> None:
    with watched("redis", tmp_path / "servers") as servers:
        users = [allow(port) for port in servers.ports]
        url = servers.url.replace("//", f"//{users[0].partition('@')[0]}@")
        async with Store.open(url, tmp_path) as store:
            await everything(store)


async def test_none_of_them_can_be_left_out(running: tuple[Server, int], tmp_path: Path) -> None:
    server, port = running
    url = f"redis://{allow(port)}/0"
    needless = []
    with Redis(unix_socket_path=str(server.socket)) as raw:
        for right in RIGHTS:
            raw.flushall()
            raw.function_flush()
            allow(port, _without(right))
            try:
                async with Store.open(url, tmp_path) as store:
                    await everything(store)
            except (BooksAway, StoreError, AssertionError):
                continue
            needless.append(right)
    assert set(needless) == ELSEWHERE


def _without(right: str) -> str:
    quoted = right if f" {right} " in COMMAND.replace("\n", " ") else f"'{right}'"
    assert quoted in COMMAND
    words = [word for word in COMMAND.replace("\\\n", " ").split() if word != quoted]
    return " ".join(words)
