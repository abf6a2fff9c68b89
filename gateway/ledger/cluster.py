"""A Cluster: which of its masters has a key.

Every slot has one master, and whoever is asked for a slot of another says so (MOVED, ASK) instead of doing anything;
these answers alone make us ask again. The Cluster client of the library is not used: it asks the server twice where the
keys of a function are before it calls it, refuses whoever finds all connections taken, says ASKING on one connection
and what it asks on another, and ends the connections of all calls when it reads the map of slots anew.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, TryAgainError

from gateway.ledger.address import Place, Several
from gateway.ledger.servers import LOST, Client, Door, Shut, T, Work, connected, said

_SLOTS = 16384

# While slots are moved one redirection can lead to the next, and keys are for a moment on both sides.
_TRIES = 8
_AGAIN_S = 0.05


class Cluster:
    def __init__(self, address: Several) -> None:
        self._address = address
        self._to_ask: deque[Place] = deque(dict.fromkeys(address.places))  # for the map; who failed last comes last
        self._doors: dict[Place, Door] = {}
        self._holders: dict[int, Place] = {}  # the map: empty when it has to be read
        self._reading = asyncio.Lock()
        for place in address.places:
            self._door(place)

    async def each(self, work: Work[T]) -> list[T]:
        self._holders = {}
        places = sorted(set((await self._map()).values()))
        return await asyncio.gather(*(self._do(place, work, asking=False) for place in places))

    async def ask(self, key: str, work: Work[T]) -> T:
        slot = key_slot(key.encode())
        place = await self._holder(slot)
        asking = False
        for _ in range(_TRIES):
            try:
                return await self._do(place, work, asking=asking)
            except MovedError as moved:
                place, asking = (moved.host or place[0], moved.port), False
                self._holders = {}
            except AskError as ask:
                place, asking = (ask.host or place[0], ask.port), True
            except TryAgainError:
                await asyncio.sleep(_AGAIN_S)
        raise ClusterDownError(f"slot {slot} has been on its way from one master to another for too long")

    async def parted(self, keys: Sequence[str]) -> Iterable[list[int]]:
        parts: defaultdict[Place, list[int]] = defaultdict(list)
        lost: list[list[int]] = []
        for at, key in enumerate(keys):
            try:
                parts[await self._holder(key_slot(key.encode()))].append(at)
            except (*LOST, ClusterDownError):  # nobody has it, which is no matter of the others
                lost.append([at])
        return [*parts.values(), *lost]

    async def aclose(self) -> None:
        for door in self._doors.values():
            await door.aclose()

    async def _do(self, place: Place, work: Work[T], *, asking: bool) -> T:
        async def asked(client: Redis) -> T:
            async with client.client() as connection:  # what it allows is allowed for the next command of this one
                await said(connection, "ASKING")
                return await work(cast(Client, connection))  # it is one of the same class

        try:
            return await self._door(place).ask(asked if asking else work)
        except Shut:
            raise
        except (*LOST, ClusterDownError):
            self._left(place)
            raise

    async def _holder(self, slot: int) -> Place:
        try:
            return (await self._map())[slot]
        except KeyError:
            self._holders = {}
            raise ClusterDownError(f"no master has slot {slot}") from None

    async def _map(self) -> dict[int, Place]:
        """Which master has which slot, read when it is not known."""
        if not self._holders:
            async with self._reading:
                if not self._holders:
                    self._holders = await self._read()
        return self._holders

    async def _read(self) -> dict[int, Place]:
        """From the first node that knows a master for every slot, else what the best of them knows."""
        best: dict[int, Place] = {}
        failure: Exception = ClusterDownError("no node knows a master")
        for place in list(self._to_ask):
            try:
                rows = await said(self._door(place).client, "CLUSTER", "SLOTS")
            except LOST as exc:
                failure = exc
                self._left(place)
                continue
            except ResponseError as exc:
                failure = exc
                continue
            best = max(best, self._holders_of(rows, place), key=len)
            if len(best) == _SLOTS:
                break
        if not best:
            raise failure
        return best

    def _holders_of(self, rows: Iterable[Any], asked: Place) -> dict[int, Place]:
        """Which master has which slot, as one node says; the others it names may be asked next time."""
        holders: dict[int, Place] = {}
        for first, last, *nodes in rows:
            places = [(node[0] or asked[0], int(node[1])) for node in nodes]
            self._to_ask.extend(each for each in places if each not in self._to_ask)
            holders.update(dict.fromkeys(range(first, last + 1), places[0]))
        return holders

    def _door(self, place: Place) -> Door:
        if place not in self._doors:
            self._doors[place] = Door(connected(self._address.server(place)))
        return self._doors[place]

    def _left(self, place: Place) -> None:
        """Another may have taken over: the map is read before the next call, and this one is asked last."""
        self._holders = {}
        if place in self._to_ask:
            self._to_ask.remove(place)
            self._to_ask.append(place)
