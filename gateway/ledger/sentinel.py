"""The primary that sentinels watch: which server it is, found anew whenever the one that was it is lost."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

from gateway.ledger.address import Place, Several
from gateway.ledger.servers import LOST, Door, Shut, T, Work, connected, said


class NoPrimary(RedisConnectionError):
    """No sentinel knows which server is the primary."""


class Watched:
    def __init__(self, address: Several) -> None:
        self._address = address
        self._name = unquote(address.path[0])
        self._sentinels = deque(connected(address.sentinel(place)) for place in address.places)
        self._doors: dict[Place, Door] = {}
        self._primary: Door | None = None
        self._looking = asyncio.Lock()
        for place in address.places:
            connected(address.server(place))  # or it cannot be read

    async def each(self, work: Work[T]) -> list[T]:
        return [await self.ask("", work)]

    async def ask(self, _key: str, work: Work[T]) -> T:
        primary = await self._found()
        try:
            return await primary.ask(work)
        except Shut:
            raise
        except (*LOST, ReadOnlyError):
            if self._primary is primary:
                self._primary = None
            raise

    async def parted(self, keys: Sequence[str]) -> Iterable[list[int]]:
        return [list(range(len(keys)))] if keys else []

    async def aclose(self) -> None:
        for sentinel in self._sentinels:
            await sentinel.aclose()
        for door in self._doors.values():
            await door.aclose()

    async def _found(self) -> Door:
        if self._primary is None:
            async with self._looking:
                if self._primary is None:
                    self._primary = self._door(await self._look())
        return self._primary

    async def _look(self) -> Place:
        """Where the primary is, from the first sentinel that knows; one that does not answer is asked last then."""
        failure: Exception | None = None
        for sentinel in list(self._sentinels):
            try:
                found = await said(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name)
            except (*LOST, ResponseError) as exc:
                failure = exc
                self._sentinels.remove(sentinel)
                self._sentinels.append(sentinel)
                continue
            if found:
                return str(found[0]), int(found[1])
        if failure is not None:
            raise failure
        raise NoPrimary(f"no sentinel knows {self._name}")

    def _door(self, place: Place) -> Door:
        if place not in self._doors:
            client = connected(self._address.server(place), redis_connect_func=_only_a_primary)
            self._doors[place] = Door(client)
        return self._doors[place]


async def _only_a_primary(connection: Any) -> None:
    """Ends a new connection to one that was the primary: it would answer reads from what it had before."""
    await connection.on_connect()
    await connection.send_command("ROLE")
    role, *_ = await connection.read_response()
    if role not in ("master", b"master"):
        raise RedisConnectionError("it is not the primary any more")
