"""The door to Redis.

Everything the gateway asks of Redis goes through a Store, and every failure of it becomes ours
here: `StoreError` at the start, `BooksAway` afterwards. Nothing is sent twice: whether a function
that gave no answer has run is known to Redis alone, so asking again is for whoever asked.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import AskError, AuthenticationError, RedisError, ResponseError, TryAgainError

from gateway.core.errors import BooksAway
from gateway.ledger import layout, library
from gateway.ledger.address import SCHEMES, Kind, kind_of, several, shown
from gateway.ledger.cluster import Cluster
from gateway.ledger.embedded import embedded, revive
from gateway.ledger.errors import StoreError
from gateway.ledger.fitness import unfit_of
from gateway.ledger.frames import Write
from gateway.ledger.sentinel import NoPrimary, Watched
from gateway.ledger.servers import Client, OneServer, Servers, T, Work, said
from gateway.ledger.together import Answered, Together, side_by_side

_AWAY = "the books cannot be reached at the moment, so nothing was spent; try again shortly"

# While a slot of a Cluster moves key by key, a function that names a key that is not there is put off. So these
# name one: they write to keys that they find by themselves, and would stop in the middle where one has moved on.
# All others that do name one anyway.
_PUT_OFF = frozenset({"void", "expire", "resolve", "adopt"})

_WANTS_OURS = "it may want a certificate of the gateway's own; name it with ?ssl_certfile=FILE&ssl_keyfile=FILE"

_NO_FUNCTION = "Function not found"

# So many records are asked for at once.
_BATCH = 500


class Asked(NamedTuple):
    """A command, and a key of it, which says who has to answer; `read` makes of the answer what is wanted."""

    key: str
    words: tuple[str, ...]
    read: Callable[[Any], Any] | None = None


class Store:
    """Redis as the books need it: functions that move, records that are read."""

    def __init__(self, servers: Servers, where: str, embedded_in: Path | None = None) -> None:
        self._servers = servers
        self._where = where
        self._embedded_in = embedded_in
        self._together = Together[Asked](self._send)
        self._loading = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Store {self._where}>"

    @property
    def where(self) -> str:
        """Its address, as it may be shown."""
        return self._where

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, data_dir: Path, *, may_forget: bool = False, alone: bool = False
    ) -> AsyncIterator[Self]:
        """A store that has been found fit, with the function library loaded; raises `StoreError`.

        One that keeps nothing on disk is not, unless it `may_forget`. An embedded one may be had `alone`.
        """
        async with AsyncExitStack() as stack:
            address = url
            if url == "embedded":
                path = await stack.enter_async_context(embedded(data_dir, alone=alone))
                address = f"unix://{quote(str(path))}"
            servers = _servers(address)
            stack.push_async_callback(servers.aclose)
            store = cls(servers, shown(address), data_dir if url == "embedded" else None)
            await store._prepare(clustered=kind_of(address) is Kind.CLUSTER, may_forget=may_forget)
            stack.push_async_callback(store._together.over)
            yield store

    async def ping(self) -> None:
        """Returns when Redis answers."""
        with _away():
            await self._servers.each(lambda client: client.ping())

    async def revive(self) -> bool:
        """Starts an embedded server again that has died; whether it had. Raises `StoreError` where it cannot start."""
        return self._embedded_in is not None and await revive(self._embedded_in)

    async def run_id(self) -> str:
        """Which server this is, and which start of it; of a Cluster, which masters, and which start of each."""
        with _away():
            found = await self._servers.each(lambda client: client.info("server"))
        return " ".join(sorted(str(server["run_id"]) for server in found))

    async def call(self, function: str, keys: Sequence[str], args: Sequence[str] = ()) -> list[Any]:
        """The answer of a function of the library, which is loaded again where a flush has taken it."""
        named = (*keys, layout.nowhere(keys[0])) if function in _PUT_OFF else keys
        name = library.full_name(function)
        asked = Asked(keys[0], ("FCALL", name, str(len(named)), *named, *args))
        try:
            answer: list[Any] = await self._together.ask(asked)
        except (RedisError, OSError) as exc:
            raise BooksAway(_AWAY) from exc
        return answer

    async def make(self, write: Write) -> None:
        """Makes a write that counts once, or raises `BooksAway`, and then it may or may not have been made."""
        await self.call(write.function, write.keys, write.args)

    async def record(self, key: str) -> dict[str, str]:
        """All fields of a hash; empty when there is none."""
        [record] = await self.records([key])
        return record

    async def rows(self, stream: str, last: str, *, first: str = "-") -> AsyncIterator[tuple[str, dict[str, str]]]:
        """The rows of a stream from one name to another, in their order, each named; "(NAME": from behind it."""
        after = first
        while True:
            page: list[tuple[str, dict[str, str]]] = await self._ask(stream, "xrange", after, last, count=_BATCH)
            for name, row in page:
                yield name, row
            if len(page) < _BATCH:
                return
            after = f"({page[-1][0]}"

    async def rows_back(
        self, stream: str, *, before: str = "+", at_once: int = _BATCH
    ) -> AsyncIterator[tuple[str, dict[str, str]]]:
        """The same from the newest on back, `at_once` asked for together; `before` "(NAME": from before that one."""
        while True:
            page: list[tuple[str, dict[str, str]]] = await self._ask(stream, "xrevrange", before, "-", count=at_once)
            for name, row in page:
                yield name, row
            if len(page) < at_once:
                return
            before = f"({page[-1][0]}"

    async def records(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """All fields of many hashes, in the order asked for."""
        found: list[dict[str, str]] = []
        for start in range(0, len(keys), _BATCH):
            found += await self._ask_all([Asked(key, ("HGETALL", key), _hash) for key in keys[start : start + _BATCH]])
        return found

    async def there(self, keys: Sequence[str]) -> bool:
        """Whether all of many keys are there."""
        for start in range(0, len(keys), _BATCH):
            if not all(await self._ask_all([Asked(key, ("EXISTS", key)) for key in keys[start : start + _BATCH]])):
                return False
        return True

    async def put(self, key: str, fields: Mapping[str, str]) -> None:
        """Writes fields of a hash that is not part of the books: an index, a pointer."""
        await self._ask(key, "hset", items=[word for pair in fields.items() for word in pair])

    async def first(self, key: str, *, within_s: float) -> bool:
        """Whether nobody else has asked this under the same key within so many seconds."""
        return bool(await self._ask(key, "set", "", nx=True, px=round(within_s * 1000)))

    async def count(self, counts: Mapping[str, int], keep_s: Mapping[str, int]) -> None:
        """Adds to the counts of hashes that nothing depends on; each is gone so long after it was last added to."""

        def add(key: str, for_s: int) -> Callable[[Redis], Awaitable[object]]:
            async def work(client: Redis) -> object:
                async with client.pipeline(transaction=True) as pipeline:  # whole, or of another server
                    for name, count in counts.items():
                        pipeline.hincrby(key, name, count)
                    pipeline.expire(key, for_s)
                    return await pipeline.execute()

            return work

        with _away():
            await asyncio.gather(*(self._servers.ask(key, add(key, for_s)) for key, for_s in keep_s.items()))

    async def keep(self, texts: Mapping[str, str], *, for_s: float) -> None:
        """Writes texts that nothing depends on; each is gone `for_s` seconds after it was last written or read."""
        for_ms = str(round(for_s * 1000))
        await self._ask_all([Asked(key, ("SET", key, text, "PX", for_ms)) for key, text in texts.items()])

    async def kept(self, keys: Sequence[str], *, for_s: float) -> list[str | None]:
        """What is still there of such texts, in the order asked for; None: nothing."""
        for_ms = str(round(for_s * 1000))
        return await self._ask_all([Asked(key, ("GETEX", key, "PX", for_ms)) for key in keys])

    async def through(self, kind: str, use: Callable[[list[str]], Awaitable[None]]) -> None:
        """Gives the names of all keys of a type to `use`, some at a time; one may come twice."""

        async def scan(client: Redis) -> None:
            cursor = 0
            while True:
                cursor, names = await client.scan(cursor, count=_BATCH, _type=kind)
                await use(list(map(str, names)))
                if not cursor:
                    return

        with _away():
            await self._servers.each(scan)

    async def ask(self, key: str, work: Work[T]) -> T:
        """What comes of work with the server that has this key."""
        with _away():
            return await self._servers.ask(key, work)

    async def _ask(self, key: str, command: str, *args: Any, **options: Any) -> Any:
        return await self.ask(key, lambda client: getattr(client, command)(key, *args, **options))

    async def ask_all(self, keys: Sequence[str], command: Callable[[Redis, str], Any]) -> list[Any]:
        """What comes of a command of the library's client for each of many keys, in their order."""
        answers: list[Any] = [None] * len(keys)

        async def ask(places: list[int]) -> None:
            async def work(client: Redis) -> list[Any]:
                async with client.pipeline(transaction=False) as pipeline:
                    for place in places:
                        command(pipeline, keys[place])
                    return await pipeline.execute(raise_on_error=False)

            for place, answer in zip(places, await self._servers.ask(keys[places[0]], work), strict=True):
                again = _to_be_asked_again(answer)
                answers[place] = (
                    await self._servers.ask(keys[place], partial(_of, command, keys[place])) if again else answer
                )

        with _away():
            await asyncio.gather(*map(ask, await self._servers.parted(keys)))
            if failed := next((each for each in answers if isinstance(each, Exception)), None):
                raise failed
        return answers

    async def _ask_all(self, asked: Sequence[Asked]) -> list[Any]:
        """The answer to each, in their order; sent together to whoever has the keys."""
        with _away():
            answers: list[Any] = [None] * len(asked)
            await self._send(asked, answers.__setitem__)
            if failed := next((each for each in answers if isinstance(each, Exception)), None):
                raise failed
        return answers

    async def _send(self, asked: Sequence[Asked], answered: Answered) -> None:
        """Has each answered, or told what went wrong with it, as soon as its server has."""

        async def send(places: list[int]) -> None:
            part = [asked[place] for place in places]
            try:
                found = await self._servers.ask(part[0].key, partial(_in_one_pipeline, part))
            except (RedisError, OSError) as exc:
                found = [exc] * len(part)
            for place, answer in zip(places, found, strict=True):
                again = isinstance(answer, Exception) and _to_be_asked_again(answer)
                answered(place, await self._again(asked[place]) if again else answer)

        await side_by_side([send(places) for places in await self._servers.parted([each.key for each in asked])])

    async def _again(self, asked: Asked) -> Any:
        """The same of one, where another server has the key by now, or where this one had no functions."""

        async def ask(client: Redis) -> Any:
            try:
                return _read(asked, await said(client, *asked.words))
            except ResponseError as exc:
                if str(exc) != _NO_FUNCTION:
                    raise
            await self._load_library(client)
            return _read(asked, await said(client, *asked.words))

        try:
            return await self._servers.ask(asked.key, ask)
        except (RedisError, OSError) as exc:
            return exc

    async def _prepare(self, *, clustered: bool, may_forget: bool) -> None:
        async def unfit(client: Redis) -> str | None:
            return await unfit_of(client, clustered=clustered, may_forget=may_forget)

        try:
            flaw = next((each for each in await self._servers.each(unfit) if each is not None), None)
            if flaw is None:
                await self._servers.each(self._load_library)
        except (RedisError, OSError) as exc:
            reason = _reason(exc, tls=self._where.startswith("rediss"))
            raise StoreError(f"cannot reach the store at {self._where}: {reason}") from exc
        if flaw is not None:
            raise StoreError(f"the store at {self._where} {flaw}")

    async def _load_library(self, client: Redis) -> None:
        """Loads the functions unless they are there; those of other versions stay beside them."""
        async with self._loading:
            if not await client.function_list(library.NAME):
                await client.function_load(library.CODE, replace=True)  # another gateway may just have


async def _in_one_pipeline(asked: Sequence[Asked], client: Client) -> list[Any]:
    """The answer of one server to each, or its error."""
    answers = await client.wire.ask([each.words for each in asked])
    return list(map(_read, asked, answers))


def _read(asked: Asked, answer: Any) -> Any:
    return answer if asked.read is None or isinstance(answer, Exception) else asked.read(answer)


def _hash(answer: Any) -> dict[str, str]:
    """What the client of the library, and a server by its newer protocol, give as it is wanted already."""
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))


@contextmanager
def _away() -> Iterator[None]:
    """Whatever goes wrong with Redis is `BooksAway`, which a caller may be told."""
    try:
        yield
    except (RedisError, OSError) as exc:
        raise BooksAway(_AWAY) from exc


def _of(command: Callable[[Redis, str], Any], key: str, client: Redis) -> Any:
    return command(client, key)


def _to_be_asked_again(answer: Any) -> bool:
    return isinstance(answer, AskError | TryAgainError) or (
        isinstance(answer, ResponseError) and str(answer) == _NO_FUNCTION
    )


def _servers(address: str) -> Servers:
    kind = kind_of(address)
    if kind is None:
        known = f"{', '.join(('embedded', *SCHEMES[:-1]))} or {SCHEMES[-1]}"
        raise StoreError(f"store: {shown(address)} is not supported; use {known}")
    try:
        match kind:
            case Kind.CLUSTER:
                return Cluster(several(address))
            case Kind.SENTINEL:
                return Watched(several(address))
            case _:
                return OneServer(address)
    except ValueError:
        # Its message quotes the address, and with it the password.
        raise StoreError(f"store: {shown(address)} cannot be read; write it like {kind}") from None


def _reason(exc: RedisError | OSError, *, tls: bool) -> str:
    """Why a store cannot be used, and what to look at, without a word of the address in it."""
    causes = list(_causes(exc))
    if any(isinstance(each, AuthenticationError) for each in causes):
        return "it refuses the user or the password; set both in the address"
    if isinstance(exc, ResponseError):
        return f"it answers {exc}"
    if refused := next((each for each in causes if isinstance(each, ssl.SSLError)), None):
        return _WANTS_OURS if "CERTIFICATE_REQUIRED" in str(refused.reason) else _distrust(refused)
    if isinstance(exc, NoPrimary):
        return f"{exc}; is it the name of a primary that they watch?"
    fault = next((each for each in causes if isinstance(each, OSError) and each.errno), None)
    if tls and isinstance(fault, ConnectionResetError):  # it comes before the alert that says so, or instead of it
        return _WANTS_OURS
    return f"{_fault(fault) if fault else 'no answer'}; is it running, and is the address right?"


def _distrust(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({exc.verify_message}); name its CA with ?ssl_ca_certs=FILE"
    return f"TLS comes to nothing ({exc.reason or exc})"


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """A failure of the client and whatever stands behind it."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _fault(exc: OSError) -> str:
    if isinstance(exc, socket.gaierror):
        return "there is no host of that name"
    return os.strerror(exc.errno or 0).lower()
