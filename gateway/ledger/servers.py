"""The servers of a store, and how one of them is spoken to.

What is common to one server, a Cluster and a primary that sentinels watch: a connection that sends nothing twice.
Which server is asked is for `cluster` and `sentinel`; what is asked is for the Store.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.ledger.wire import Wire

T = TypeVar("T")

# The server has not answered, and may have done what it was asked.
LOST = (RedisConnectionError, RedisTimeoutError, OSError)

_CONNECTIONS = 32
_TIMEOUT_S = 5.0
_SHUT_S = 1.0


class Client(Redis):
    """The library's, with connections beside on which many ask at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wire = Wire(self.connection_pool, most=_CONNECTIONS, patience_s=_TIMEOUT_S)


Work = Callable[[Client], Awaitable[T]]


class Servers(Protocol):
    """Servers that are one store, of which each has its own part of the keys."""

    async def each(self, work: Work[T]) -> list[T]:
        """What comes of work with every one that takes writes now."""

    async def ask(self, key: str, work: Work[T]) -> T:
        """What comes of work with the server that has this key; done again only where one said that it has not."""

    async def parted(self, keys: Sequence[str]) -> Iterable[list[int]]:
        """The places of keys in a row of them, by who has these keys."""

    async def aclose(self) -> None:
        """Ends all connections."""


class Shut(RedisConnectionError):
    """The server has let somebody wait in vain just now, and was not asked."""


class Door:
    """The way to one server. One that has let somebody wait in vain is not asked by everybody else as well."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._shut_until = 0.0

    async def ask(self, work: Work[T]) -> T:
        if time.monotonic() < self._shut_until:
            raise Shut("it did not answer a moment ago")
        try:
            return await work(self.client)
        except (TimeoutError, RedisTimeoutError):
            self._shut_until = time.monotonic() + _SHUT_S
            raise

    async def aclose(self) -> None:
        await self.client.wire.aclose()
        await self.client.aclose()


class OneServer:
    """A store of one server."""

    def __init__(self, url: str) -> None:
        self._door = Door(connected(url))

    async def each(self, work: Work[T]) -> list[T]:
        return [await self._door.ask(work)]

    async def ask(self, _key: str, work: Work[T]) -> T:
        return await self._door.ask(work)

    async def parted(self, keys: Sequence[str]) -> Iterable[list[int]]:
        return [list(range(len(keys)))] if keys else []

    async def aclose(self) -> None:
        await self._door.aclose()


async def said(client: Redis, *words: str) -> Any:
    """The answer to a command as the server gives it."""
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]


def connected(url: str, **options: Any) -> Client:
    """A client of one server, which connects when it is first asked; raises `ValueError` for what is no address."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_TIMEOUT_S,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        decode_responses=True,
        # The client would send a command up to ten times more after a timeout, functions too.
        retry=Retry(NoBackoff(), 0),
        **options,
    )
    try:
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as exc:  # else it is raised when the first call comes
        raise ValueError("an option of the address is none") from exc
    client = Client(connection_pool=pool)
    client.auto_close_connection_pool = True
    return client
