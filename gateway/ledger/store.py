"""The door to Redis.

Everything the gateway asks of Redis goes through a Store, and every failure of it becomes ours
here: `StoreError` at the start, `BooksAway` afterwards. Nothing is sent twice: whether a function
that gave no answer has run is known to Redis alone, so asking again is for whoever asked.
"""

import asyncio
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.core.errors import BooksAway
from gateway.ledger import library
from gateway.ledger.embedded import embedded, revive
from gateway.ledger.errors import StoreError
from gateway.ledger.frames import Write

_OLDEST_SERVER = 7  # the first with function libraries
_CONNECTIONS = 32
_TIMEOUT_S = 5.0
_SHUT_S = 1.0  # after a time-out

_AWAY = "the books cannot be reached at the moment, so nothing was spent; try again shortly"

# So many records are asked for at once.
_BATCH = 500

_SCHEMES = ("redis://", "rediss://", "unix://")


class Store:
    """Redis as the books need it: functions that move, records that are read."""

    def __init__(self, client: Redis, where: str, embedded_in: Path | None = None) -> None:
        self._client = client
        self._where = where
        self._embedded_in = embedded_in
        self._loading = asyncio.Lock()
        self._shut_until = 0.0

    def __repr__(self) -> str:
        return f"<Store {self._where}>"

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, data_dir: Path) -> AsyncIterator[Self]:
        """A store that has been found fit, with the function library loaded; raises `StoreError`."""
        async with AsyncExitStack() as stack:
            address = url
            if url == "embedded":
                path = await stack.enter_async_context(embedded(data_dir))
                address = f"unix://{quote(str(path))}"
            client = _client(address)
            stack.push_async_callback(client.aclose)
            store = cls(client, _shown(address), data_dir if url == "embedded" else None)
            await store._prepare()
            yield store

    async def ping(self) -> None:
        """Returns when Redis answers."""
        with self._door():
            await self._client.ping()

    async def revive(self) -> bool:
        """Starts an embedded server again that has died; whether it had. Raises `StoreError` where it cannot start."""
        return self._embedded_in is not None and await revive(self._embedded_in)

    async def run_id(self) -> str:
        """Which server this is, and which start of it."""
        with self._door():
            return str((await self._client.info("server"))["run_id"])

    async def call(self, function: str, keys: Sequence[str], args: Sequence[str] = ()) -> list[str]:
        """The answer of a function of the library, which is loaded again where a flush has taken it."""
        name = library.full_name(function)
        with self._door():
            try:
                answer: list[str] = await self._client.fcall(name, len(keys), *keys, *args)
            except ResponseError as exc:
                if str(exc) != "Function not found":
                    raise
                await self._load_library()
                answer = await self._client.fcall(name, len(keys), *keys, *args)
        return answer

    async def make(self, write: Write) -> None:
        """Makes a write that counts once, or raises `BooksAway`, and then it may or may not have been made."""
        await self.call(write.function, write.keys, write.args)

    async def record(self, key: str) -> dict[str, str]:
        """All fields of a hash; empty when there is none."""
        [record] = await self.records([key])
        return record

    async def rows(self, stream: str, last: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
        """The rows of a stream up to the one of this name, in their order, each with its name."""
        after = "-"
        while True:
            with self._door():
                page: list[tuple[str, dict[str, str]]] = await self._client.xrange(stream, after, last, count=_BATCH)  # type: ignore[assignment]
            for name, row in page:
                yield name, row
            if len(page) < _BATCH:
                return
            after = f"({page[-1][0]}"

    async def records(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """All fields of many hashes, in the order asked for."""
        found: list[dict[str, str]] = []
        for start in range(0, len(keys), _BATCH):
            async with self._client.pipeline(transaction=False) as pipeline:
                for key in keys[start : start + _BATCH]:
                    pipeline.hgetall(key)
                with self._door():
                    found += await pipeline.execute()
        return found

    async def put(self, key: str, fields: Mapping[str, str]) -> None:
        """Writes fields of a hash that is not part of the books: an index, a pointer."""
        with self._door():
            await self._client.hset(key, items=[word for pair in fields.items() for word in pair])

    async def first(self, key: str, *, within_s: float) -> bool:
        """Whether nobody else has asked this under the same key within so many seconds."""
        with self._door():
            return bool(await self._client.set(key, "", nx=True, px=round(within_s * 1000)))

    async def count(self, counts: Mapping[str, int], keep_s: Mapping[str, int]) -> None:
        """Adds to the counts of hashes that nothing depends on; each is gone so long after it was last added to."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for key, for_s in keep_s.items():
                for name, count in counts.items():
                    pipeline.hincrby(key, name, count)
                pipeline.expire(key, for_s)
            with self._door():
                await pipeline.execute()

    async def keep(self, texts: Mapping[str, str], *, for_s: float) -> None:
        """Writes texts that nothing depends on; each is gone `for_s` seconds after it was last written or read."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for key, text in texts.items():
                pipeline.set(key, text, px=round(for_s * 1000))
            with self._door():
                await pipeline.execute()

    async def kept(self, keys: Sequence[str], *, for_s: float) -> list[str | None]:
        """What is still there of such texts, in the order asked for; None: nothing."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.getex(key, px=round(for_s * 1000))
            with self._door():
                found: list[str | None] = await pipeline.execute()
        return found

    @contextmanager
    def _door(self) -> Iterator[None]:
        """Whatever goes wrong with Redis behind it is `BooksAway`, which a caller may be told.

        A server that has let somebody wait in vain is not asked by everybody else as well.
        """
        if time.monotonic() < self._shut_until:
            raise BooksAway(_AWAY)
        try:
            yield
        except (RedisError, OSError) as exc:
            if isinstance(exc, TimeoutError | RedisTimeoutError):
                self._shut_until = time.monotonic() + _SHUT_S
            raise BooksAway(_AWAY) from exc

    async def _prepare(self) -> None:
        try:
            unfit = _unfit(await self._client.info())
            if unfit is None:
                await self._load_library()
        except (RedisError, OSError) as exc:
            raise StoreError(f"cannot reach the store at {self._where}: {_reason(exc)}") from exc
        if unfit is not None:
            raise StoreError(f"the store at {self._where} {unfit}")

    async def _load_library(self) -> None:
        """Loads the functions unless they are there; those of other versions stay beside them."""
        async with self._loading:
            if not await self._client.function_list(library.NAME):
                await self._client.function_load(library.CODE, replace=True)  # another gateway may just have


def _client(address: str) -> Redis:
    if not address.startswith(_SCHEMES):
        raise StoreError(f"store: {_shown(address)} is not supported; use embedded, redis://, rediss:// or unix://")
    try:
        pool = BlockingConnectionPool.from_url(
            address,
            max_connections=_CONNECTIONS,
            timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            decode_responses=True,
            # The client would send a command up to ten times more after a timeout, functions too.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        # Its message quotes the address, and with it the password.
        raise StoreError(f"store: {_shown(address)} cannot be read; write it like redis://host:6379/0") from None
    return Redis.from_pool(pool)


def _shown(address: str) -> str:
    """An address without its user, password and options, even one that is written wrongly."""
    scheme, mark, rest = address.rpartition("://")
    place = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    return f"{scheme}{mark}{place}"


def _unfit(server: Mapping[str, Any]) -> str | None:
    """What makes a server unfit to hold the books, from its own account of itself; None when nothing does."""
    version = str(server["redis_version"])
    policy = server["maxmemory_policy"]
    if int(version.split(".")[0]) < _OLDEST_SERVER:
        return f"is version {version}; the books need functions: use Redis 7 or newer, or Valkey"
    if server["role"] != "master":
        return "is a replica and takes no writes; use the address of its primary"
    if policy != "noeviction":
        return f"may drop books when memory runs short: it has maxmemory-policy {policy}; set it to noeviction"
    return None


def _reason(exc: RedisError | OSError) -> str:
    """Why a store cannot be used, and what to look at, without a word of the address in it."""
    causes = list(_causes(exc))
    if any(isinstance(each, AuthenticationError) for each in causes):
        return "it refuses the user or the password; set both in the address"
    if isinstance(exc, ResponseError):
        return f"it answers {exc}"
    fault = next((_fault(each) for each in causes if isinstance(each, OSError) and each.errno), "no answer")
    return f"{fault}; is it running, and is the address right?"


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """A failure of the client and whatever stands behind it."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _fault(exc: OSError) -> str:
    if isinstance(exc, socket.gaierror):
        return "there is no host of that name"
    return os.strerror(exc.errno or 0).lower()
