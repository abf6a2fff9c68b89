"""Pictures that a request names by their address, fetched from the web for it.

A host's name is resolved once, every address it has must be one that may be fetched from, and the
connection goes to that very address: what the name means a moment later does not matter. Nothing is
followed, no proxy is used, and no header of the caller's or of ours goes along.
"""

import asyncio
import socket
import ssl
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass

import httpx2

from gateway.core.errors import BadRequest
from gateway.core.reach import IP, Network, OutOfReach, Target, check, target_of

_CONNECT_S = 5.0
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
        self._trust = ssl.create_default_context() if terms.allowed else None

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
                addresses = check(target, await _resolve(target), self._terms.networks)
                return await self._read(target, addresses[0])
        except OutOfReach as reason:
            raise _refused(url, str(reason)) from None
        except TimeoutError:
            raise _refused(url, f"did not come within {self._terms.most_s:g} s") from None
        except (httpx2.HTTPError, OSError) as error:
            raise _refused(url, "could not be fetched") from error

    async def _read(self, target: Target, address: IP) -> bytes:
        host = f"[{address}]" if address.version == 6 else str(address)
        where = f"{target.scheme}://{host}:{target.port}{target.path}"
        headers = {"host": target.authority, "accept": "image/*", "accept-encoding": "identity"}
        extensions = {"sni_hostname": target.host}  # which is what the certificate is checked against
        patience = httpx2.Timeout(self._terms.most_s, connect=_CONNECT_S)
        async with (
            httpx2.AsyncClient(verify=self._trust or True, trust_env=False, timeout=patience) as client,
            client.stream("GET", where, headers=headers, extensions=extensions) as answer,
        ):
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


async def _resolve(target: Target) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutOfReach("has a host of which nothing is known") from None
    return [str(address[0]) for *_, address in found]


def _refused(url: str, why: str) -> BadRequest:
    return BadRequest(
        f"The picture at {url[:200]} {why}; nothing was charged. A data URI works always.",
        param="image_url",
        code="invalid_image_url",
    )
