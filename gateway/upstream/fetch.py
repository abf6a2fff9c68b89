"""Pictures that a request names by their address, fetched from the web for it.

Every address that a host has must be one that may be fetched from, and no header of the caller's or of ours goes along.
"""

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass

import httpx2

from gateway.core.errors import BadRequest
from gateway.core.reach import IP, Network, OutOfReach, Target, check, target_of
from gateway.upstream.pinned import Pinned, resolve

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Terms:
    """Whether pictures are fetched at all, and from which private networks besides the public internet.

    One is of at most `most_bytes` and comes within `most_s` seconds.
    """

    allowed: bool = False
    networks: tuple[Network, ...] = ()
    most_bytes: int = 20 * 1024 * 1024
    most_s: float = 20.0


class Fetcher:
    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._pinned = Pinned(terms.most_s)

    @property
    def allowed(self) -> bool:
        return self._terms.allowed

    async def fetch(self, urls: Collection[str]) -> dict[str, bytes]:
        """What is at each of the URLs; raises `BadRequest` for the first that cannot be had."""
        if not self.allowed or not urls:
            return {}
        try:
            async with asyncio.TaskGroup() as group:
                fetching = {url: group.create_task(self._fetch(url), name="fetch a picture") for url in urls}
        except* BadRequest as failed:
            raise failed.exceptions[0] from None
        return {url: task.result() for url, task in fetching.items()}

    async def _fetch(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(self._terms.most_s), self._turn:
                target = target_of(url)
                addresses = check(target, await resolve(target), self._terms.networks)
                return await self._read(target, addresses[0])
        except OutOfReach as reason:
            raise _refused(url, str(reason)) from None
        except TimeoutError:
            raise _refused(url, f"did not come within {self._terms.most_s:g} s") from None
        except (httpx2.HTTPError, OSError) as error:
            raise _refused(url, "could not be fetched") from error

    async def _read(self, target: Target, address: IP) -> bytes:
        async with self._pinned.ask("GET", target, address, {"accept": "image/*"}) as answer:
            if answer.is_redirect:
                raise OutOfReach("is redirected; name the address where the picture itself is")
            if answer.status_code != 200:
                raise OutOfReach(f"answers with status {answer.status_code}")
            return await _body(answer, self._terms.most_bytes)


async def _body(answer: httpx2.Response, most_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async with aclosing(answer.aiter_raw()) as chunks:
        async for piece in chunks:
            size += len(piece)
            if size > most_bytes:
                raise OutOfReach(f"is larger than {most_bytes} bytes")
            pieces.append(piece)
    return b"".join(pieces)


def _refused(url: str, why: str) -> BadRequest:
    return BadRequest(
        f"The picture at {url[:200]} {why}; nothing was charged. A data URI works always.",
        param="image_url",
        code="invalid_image_url",
    )
