"""A real Cluster for the tests: masters on loopback, each with a third of the slots, and replicas if asked for."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from redis import Redis
from redis.crc import key_slot

from tests.ledger.servers import Server, free_port, listening
from tests.waiting import until

SLOTS = 16384
MASTERS = 3


@dataclass(frozen=True, slots=True)
class Node:
    server: Server
    port: int
    bus_port: int
    raw: Redis

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def told(self, *words: object) -> Any:
        return self.raw.execute_command(*words)  # type: ignore[no-untyped-call]

    @property
    def id(self) -> str:
        return str(self.told("CLUSTER", "MYID"))

    def ran(self, function: str = "fcall") -> int:
        """How many functions it has run since its counts were last reset."""
        stats: Any = self.raw.info("commandstats")
        return int(stats.get(f"cmdstat_{function}", {"calls": 0})["calls"])

    def connections(self) -> int:
        """How many it has ever been asked for."""
        stats: Any = self.raw.info("stats")
        return int(stats["total_connections_received"])


@dataclass(frozen=True, slots=True)
class RealCluster:
    masters: tuple[Node, ...]
    replicas: tuple[Node, ...]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(node.place for node in self.masters)}"

    def holder(self, key: str) -> Node:
        return next(
            node for node, slots in zip(self.masters, _shares(), strict=True) if key_slot(key.encode()) in slots
        )

    def clear(self) -> None:
        for node in self.masters:
            node.raw.flushall()
            node.raw.function_flush()
            node.raw.config_resetstat()


@contextmanager
def cluster(name: str, home: Path, *options: str, replicas: int = 0, port_for: str = "--port") -> Iterator[RealCluster]:
    """A Cluster that serves every slot; so many of its masters have a replica."""
    with ExitStack() as stack:
        homes = [home / str(number) for number in range(MASTERS + replicas)]
        nodes = [stack.enter_context(node(name, each, *options, port_for=port_for)) for each in homes]
        for number, each in enumerate(nodes):
            each.told("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            each.told("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].bus_port)
        for each, share in zip(nodes, _shares(), strict=False):
            each.told("CLUSTER", "ADDSLOTSRANGE", share[0], share[-1])
        until(lambda: all(f"cluster_known_nodes:{len(nodes)}" in _info(each) for each in nodes))
        until(lambda: all("cluster_state:ok" in _info(each) for each in nodes))
        for replica, master in zip(nodes[MASTERS:], nodes, strict=False):
            replicate(replica, master)
        yield RealCluster(tuple(nodes[:MASTERS]), tuple(nodes[MASTERS:]))


def replicate(replica: Node, master: Node) -> None:
    """Makes a node another's replica; returns when it is in step."""
    replica.told("CLUSTER", "REPLICATE", master.id)
    until(lambda: replica.raw.info("replication")["master_link_status"] == "up")


@contextmanager
def node(name: str, home: Path, *options: str, port_for: str = "--port") -> Iterator[Node]:
    """A node that belongs to no Cluster yet."""
    bus_port = free_port()
    words = ["--cluster-enabled", "yes", "--cluster-port", str(bus_port), "--cluster-node-timeout", "60000"]
    words += ["--repl-diskless-sync-delay", "0"]
    server, port = listening(name, home, *words, *options, port_for=port_for)
    try:
        with Redis(unix_socket_path=str(server.socket), decode_responses=True) as raw:
            yield Node(server, port, bus_port, raw)
    finally:
        server.stop()


def _shares() -> list[range]:
    ends = [SLOTS * number // MASTERS for number in range(MASTERS + 1)]
    return [range(*each) for each in pairwise(ends)]


def _info(node: Node) -> str:
    return str(node.told("CLUSTER", "INFO"))
