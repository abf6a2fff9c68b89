"""The embedded store: shared by whoever comes, stopped by whoever goes last."""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from gateway.ledger.embedded import _socket_path, embedded
from gateway.ledger.errors import StoreError
from gateway.ledger.store import Store
from tests.ledger.servers import binary

USER = Path(__file__).with_name("user.py")


@pytest.fixture(params=["redis", "valkey"], autouse=True)
def server_binary(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_VALKEY", binary(request.param))


@contextmanager
def another_user(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A second process with the store open; inside, it may be told to go or be killed."""
    root = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, str(USER), str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def running(data_dir: Path) -> bool:
    """Whether a server holds the lock of the store."""
    with (data_dir / "store" / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def server_pid(socket: Path) -> int:
    with Redis(unix_socket_path=str(socket)) as client:
        server = client.info("server")
        assert isinstance(server, dict)
        return int(server["process_id"])


async def test_a_command_alone_starts_and_stops_its_own(tmp_path: Path) -> None:
    async with Store.open("embedded", tmp_path) as store:
        await store.ping()
        assert running(tmp_path)
    assert not running(tmp_path)


async def test_what_was_kept_is_there_at_the_next_start(tmp_path: Path) -> None:
    async with Store.open("embedded", tmp_path) as store:
        await store.put("team", {"name": "acme"})
    async with Store.open("embedded", tmp_path) as store:
        assert await store.record("team") == {"name": "acme"}


async def test_a_command_does_not_stop_the_store_of_a_running_gateway(tmp_path: Path) -> None:
    async with embedded(tmp_path) as socket:
        started = server_pid(socket)
        async with embedded(tmp_path) as same:
            assert same == socket
        assert server_pid(socket) == started
    assert not running(tmp_path)


async def test_a_gateway_keeps_the_store_a_command_started(tmp_path: Path) -> None:
    with another_user(tmp_path) as command:
        async with Store.open("embedded", tmp_path) as store:
            leave(command)
            assert await store.record("visitor") == {"was": "here"}
            assert running(tmp_path)
    assert not running(tmp_path)


async def test_users_who_come_and_go_at_once_lose_nothing(tmp_path: Path) -> None:
    async def visit(name: str) -> None:
        for _ in range(3):
            async with Store.open("embedded", tmp_path) as store:
                await store.put("visitors", {name: "was here"})

    names = [f"visitor_{n}" for n in range(8)]
    await asyncio.gather(*map(visit, names))
    assert not running(tmp_path)
    async with Store.open("embedded", tmp_path) as store:
        assert sorted(await store.record("visitors")) == names


async def test_the_store_outlives_a_killed_owner_and_is_adopted_with_its_data(tmp_path: Path) -> None:
    with another_user(tmp_path) as owner:
        orphan = server_pid(_socket_path(tmp_path / "store"))
        owner.kill()
    assert running(tmp_path)
    async with Store.open("embedded", tmp_path) as store:
        assert await store.record("visitor") == {"was": "here"}
        assert server_pid(_socket_path(tmp_path / "store")) == orphan
    assert not running(tmp_path)


async def test_a_killed_server_is_started_again_with_its_data(tmp_path: Path) -> None:
    with another_user(tmp_path) as owner:
        os.kill(server_pid(_socket_path(tmp_path / "store")), 9)
        leave(owner)
    async with Store.open("embedded", tmp_path) as store:
        assert await store.record("visitor") == {"was": "here"}


async def test_a_deep_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    async with embedded(deep) as socket:
        assert len(str(socket)) < 100
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        async with embedded(deep) as same:
            assert same == socket
    shutil.rmtree(socket.parent)


async def test_the_store_is_for_its_user_only(tmp_path: Path) -> None:
    async with embedded(tmp_path) as socket:
        assert socket.stat().st_mode & 0o777 == 0o700
        assert socket.parent.stat().st_mode & 0o777 == 0o700


async def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_VALKEY", "/nowhere/valkey-server")
    with pytest.raises(StoreError, match="cannot run /nowhere/valkey-server: No such file or directory"):
        async with embedded(tmp_path):
            pass


async def test_damaged_data_is_not_overwritten_and_named(tmp_path: Path) -> None:
    async with Store.open("embedded", tmp_path) as store:
        await store.put("team", {"name": "acme"})
    [log] = (tmp_path / "store" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"nonsense\r\n")
    with pytest.raises(StoreError, match=r"the embedded store stops while it starts: .*Bad file format"):
        async with embedded(tmp_path):
            pass
    assert log.read_bytes() == b"nonsense\r\n"
