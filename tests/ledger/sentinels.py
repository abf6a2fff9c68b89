"""A real primary with a replica, and a real sentinel that watches them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.ledger.servers import Server, binary, free_port, listening
from tests.waiting import until

NAME = "books"

_FILE = """\
port {port}
bind 127.0.0.1
dir {home}
requirepass {password}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel down-after-milliseconds {name} 300
sentinel failover-timeout {name} 3000
"""
PASSWORD = "of-the-sentinel"


@dataclass(frozen=True, slots=True)
class Watched:
    port: int
    told: Redis
    primary: Server
    replica: Server
    ports: tuple[int, int]

    @property
    def url(self) -> str:
        """The first of the two is not there."""
        places = f"127.0.0.1:{free_port()},127.0.0.1:{self.port}"
        return f"redis+sentinel://{places}/{NAME}/0?sentinel_password={PASSWORD}"

    def known_primary(self) -> int:
        found: Any = self.told.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)  # type: ignore[no-untyped-call]
        return int(found[1])

    def fails_over(self) -> None:
        """The replica takes over, and the primary becomes a replica of it."""
        self.told.execute_command("SENTINEL", "FAILOVER", NAME)  # type: ignore[no-untyped-call]


@contextmanager
def watched(name: str, home: Path) -> Iterator[Watched]:
    primary, port = listening(name, home / "primary", "--repl-diskless-sync-delay", "0")
    replica, replica_port = listening(name, home / "replica", "--replicaof", "127.0.0.1", str(port))
    try:
        with (
            Redis(unix_socket_path=str(replica.socket), decode_responses=True) as raw,
            _sentinel(name, home / "sentinel", port) as (sentinel_port, told),
        ):
            until(lambda: in_step(raw))
            until(lambda: len(replicas(told)) == 1)
            yield Watched(sentinel_port, told, primary, replica, (port, replica_port))
    finally:
        primary.stop()
        replica.stop()


@contextmanager
def _sentinel(name: str, home: Path, primary: int) -> Iterator[tuple[int, Redis]]:
    home.mkdir()
    port, file = free_port(), home / "sentinel.conf"
    file.write_text(_FILE.format(port=port, home=home, name=NAME, primary=primary, password=PASSWORD))
    with subprocess.Popen([binary(name), str(file), "--sentinel"], stdout=subprocess.DEVNULL) as process:
        try:
            with Redis(port=port, password=PASSWORD, decode_responses=True) as told:
                until(lambda: _up(told))
                yield port, told
        finally:
            process.kill()


def _up(told: Redis) -> bool:
    with suppress(RedisError):
        return bool(told.ping())
    return False


def in_step(raw: Redis) -> bool:
    found: Any = raw.info("replication")
    return bool(found["master_link_status"] == "up")


def replicas(told: Redis) -> list[Any]:
    found: Any = told.execute_command("SENTINEL", "REPLICAS", NAME)  # type: ignore[no-untyped-call]
    return [each for each in found if "s_down" not in str(each)]
