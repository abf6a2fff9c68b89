"""Stores to which something can be done while gateways write to them, each of real servers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from redis import Redis, RedisCluster

from gateway.ledger import layout
from gateway.ledger.embedded import _socket_path
from tests.kills.ways import StoreWay, way_to_store
from tests.ledger.clusters import Node, cluster, node, replicate
from tests.ledger.sentinels import Watched, in_step, replicas, watched
from tests.ledger.servers import Server, listening
from tests.losable import LosableStore
from tests.waiting import until


class RealStore(Protocol):
    @property
    def url(self) -> str:
        """Where a gateway finds it."""

    def read(self) -> Any:
        """A client that decodes what it reads, and is to be closed."""


@dataclass(frozen=True)
class EmbeddedStore:
    data_dir: Path
    url: str = "embedded"

    def read(self) -> Any:
        return Redis.from_url(f"unix://{_socket_path(self.data_dir / 'store')}", decode_responses=True)


@contextmanager
def embedded(place: Path) -> Iterator[EmbeddedStore]:
    yield EmbeddedStore(place / "data")


@dataclass(frozen=True)
class LoneStore:
    """One server, and the way that leads to it."""

    server: LosableStore
    way: StoreWay

    @property
    def url(self) -> str:
        return self.way.url

    def read(self) -> Any:
        return Redis.from_url(self.server.url, decode_responses=True)


@contextmanager
def lone(place: Path, fsync: str = "always") -> Iterator[LoneStore]:
    (place / "store").mkdir()
    with (
        LosableStore.started(place / "store", fsync=fsync) as server,
        way_to_store(Path(server.url.removeprefix("unix://")), place / "way") as way,
    ):
        yield LoneStore(server, way)


@dataclass
class WatchedStore:
    """A primary that a sentinel watches, and its replica; when that has taken over it has another."""

    home: Path
    watched: Watched
    url: str
    stack: ExitStack
    primary: Server
    replica: Server
    port: int  # of the replica
    _numbers: Iterator[int] = field(default_factory=count)

    def read(self) -> Any:
        return Redis(unix_socket_path=str(self.primary.socket), decode_responses=True)

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """The replica hears nothing of what is written in the block; then the primary is gone, and it takes over."""
        with self.replica.paused():
            with self.read() as raw:
                raw.client_kill_filter(_type="replica")  # or what it is sent would wait for it
            yield
            self.primary.stop()
        until(lambda: self.watched.known_primary() == self.port)
        self.primary, taken_over = self.replica, self.port
        until(self._leads)
        words = ("--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", str(taken_over))
        self.replica, self.port = listening("redis", self.home / f"replica-{next(self._numbers)}", *words)
        self.stack.callback(self.replica.stop)
        with Redis(unix_socket_path=str(self.replica.socket), decode_responses=True) as raw:
            until(lambda: in_step(raw))
        until(lambda: f"127.0.0.1:{self.port}" in str(replicas(self.watched.told)))

    def _leads(self) -> bool:
        with self.read() as raw:
            return bool(raw.role()[0] == "master")


@contextmanager
def behind_sentinels(place: Path) -> Iterator[WatchedStore]:
    home = place / "servers"
    with ExitStack() as stack:
        found = stack.enter_context(watched("redis", home))
        yield WatchedStore(home, found, found.url, stack, found.primary, found.replica, found.ports[1])


@dataclass
class ClusteredStore:
    """A Cluster in which one master has the account of the team and that of the operator; it has a replica."""

    home: Path
    url: str
    stack: ExitStack
    master: Node
    replica: Node
    _numbers: Iterator[int] = field(default_factory=count)

    def read(self) -> Any:
        return RedisCluster(host="127.0.0.1", port=self.master.port, decode_responses=True)

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """As with sentinels; the other masters stay as they are."""
        with self.replica.server.paused():
            self.master.raw.client_kill_filter(_type="replica")
            yield
            self.master.server.stop()
        until(lambda: self.replica.told("CLUSTER", "FAILOVER", "TAKEOVER") == "OK")
        until(lambda: self.replica.raw.role()[0] == "master")
        self.master = self.replica
        self.replica = self.stack.enter_context(node("redis", self.home / f"replica-{next(self._numbers)}"))
        self.replica.told("CLUSTER", "MEET", "127.0.0.1", self.master.port, self.master.bus_port)
        until(lambda: self.master.id in str(self.replica.told("CLUSTER", "NODES")))
        replicate(self.replica, self.master)


@contextmanager
def clustered(place: Path) -> Iterator[ClusteredStore]:
    home = place / "servers"
    with ExitStack() as stack:
        found = stack.enter_context(cluster("redis", home, replicas=3))
        master = found.holder(layout.OPERATOR)
        assert found.holder(layout.account("acme")) is master
        yield ClusteredStore(home, found.url, stack, master, found.replicas[found.masters.index(master)])
