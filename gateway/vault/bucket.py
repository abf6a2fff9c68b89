"""Results in a bucket, of whatever speaks S3: where gateways on several machines share nothing else.

A tape is sent from a file, in parts, and read in parts, so that no answer is in memory whole. Endpoint,
region and credentials are taken from the environment, as the tools of AWS have them there; what the bucket
says of a failure is not passed on, since it may name them.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from gateway.vault.disk import unlink
from gateway.vault.spools import Spools
from gateway.vault.store import Thing
from gateway.vault.tape import PIECE_BYTES, Tape

if TYPE_CHECKING:  # obstore has them for the types alone
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

# The least that a part of an upload may be. Two are on their way at a time, of two results at most: 40 MiB in memory.
_PART_BYTES = 5 * 1024 * 1024
_PARTS_AT_ONCE = 2
_UPLOADS_AT_ONCE = 2

# Asked for at once, and handed on in pieces: twenty requests for the largest picture, three megabytes for its reader.
_READ_BYTES = 2 * PIECE_BYTES

# With threads of its own, so that a bucket that hangs takes nobody else's.
_THREADS = 8

# An endpoint may be http://, on a network of one's own; AWS itself is asked by https.
_CLIENT: "ClientConfig" = {
    "allow_http": True,
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=60),
}
_RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}

_CODE = re.compile(r"<Code>(\w{1,64})</Code>")

Made = TypeVar("Made")


class Bucket:
    """`address` is s3://BUCKET/PREFIX. `close` ends it, when nobody asks any more."""

    def __init__(self, address: str, spools: Spools) -> None:
        place = address.rstrip("/") + "/results"
        self._store = S3Store.from_url(place, client_options=_CLIENT, retry_config=_RETRIES)
        self._spools = spools
        self._uploads = asyncio.Semaphore(_UPLOADS_AT_ONCE)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bucket")

    async def keep(self, name: str, tape: Tape) -> None:
        async with self._uploads:
            path = self._spools.place()
            await tape.keep(path)
            await self._ask(lambda: self._send(name, path))

    async def write(self, name: str, text: bytes) -> None:
        await self._ask(lambda: obstore.put(self._store, name, text))

    async def find(self, name: str) -> bytes | None:
        try:
            return await self._ask(lambda: bytes(obstore.get(self._store, name).bytes()))
        except FileNotFoundError:
            return None

    async def read(self, name: str, begin: int, end: int) -> AsyncGenerator[bytes]:
        """What is removed meanwhile is read no further than it was asked for."""
        while begin < end:
            asked = min(_READ_BYTES, end - begin)
            part = await self._part(name, begin, begin + asked)
            for at in range(0, len(part), PIECE_BYTES):
                yield bytes(part[at : at + PIECE_BYTES])
            if len(part) < asked:
                return
            begin += asked

    async def remove(self, names: Iterable[str]) -> None:
        going = list(names)
        if going:
            await self._ask(lambda: obstore.delete(self._store, going))

    async def listed(self) -> dict[str, Thing]:
        def things() -> dict[str, Thing]:
            found = (told for batch in obstore.list(self._store) for told in batch)
            return {told["path"]: _thing(told) for told in found}

        return await self._ask(things)

    def close(self) -> None:
        self._threads.shutdown()

    async def _part(self, name: str, begin: int, end: int) -> memoryview:
        try:
            return memoryview(await self._ask(lambda: obstore.get_range(self._store, name, start=begin, end=end)))
        except FileNotFoundError:
            return memoryview(b"")

    def _send(self, name: str, path: Path) -> None:
        try:
            obstore.put(self._store, name, path, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        finally:
            unlink(path)

    async def _ask(self, work: Callable[[], Made]) -> Made:
        """In a thread: what obstore does by itself may end the process when it exits at that moment."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (BaseError, OSError) as failure:
            raise _failure(failure) from None


def _failure(failure: Exception) -> OSError:
    told = _CODE.search(str(failure))
    code = told[1] if told else "no answer"
    if code == "InvalidRange" or (isinstance(failure, FileNotFoundError) and code != "NoSuchBucket"):
        return FileNotFoundError("It is not in the bucket.")
    return OSError(f"The bucket failed ({code}): look at its address, endpoint and credentials.")


def _thing(told: "ObjectMeta") -> Thing:
    return Thing(told["last_modified"].timestamp(), told["e_tag"] or str(told["last_modified"]))
