"""Requests to hosts that callers name, each to an address that was looked at before.

A host's name is resolved once, and the connection goes to an address that was found: what the name means a moment
later does not matter. Nothing is followed, and no proxy out of the environment is used.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property

import httpx2

from gateway.core.reach import IP, OutOfReach, Target

_CONNECT_S = 5.0


async def resolve(target: Target) -> list[str]:
    """The addresses that a host has; raises `OutOfReach` when nothing is known of it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutOfReach("has a host of which nothing is known") from None
    return [str(address[0]) for *_, address in found]


class Pinned:
    """`most_s` is how long one may be silent."""

    def __init__(self, most_s: float) -> None:
        self._patience = httpx2.Timeout(most_s, connect=_CONNECT_S)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()  # which takes a while, and most gateways ask nobody

    @asynccontextmanager
    async def ask(
        self, method: str, target: Target, address: IP, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """The answer, whose head has come; raises `httpx2.HTTPError`."""
        host = f"[{address}]" if address.version == 6 else str(address)
        where = f"{target.scheme}://{host}:{target.port}{target.path}"
        told = {"host": target.authority, "accept-encoding": "identity", **headers}
        extensions = {"sni_hostname": target.host}  # which is what the certificate is checked against
        async with (
            httpx2.AsyncClient(verify=self._trust, trust_env=False, timeout=self._patience) as client,
            client.stream(method, where, headers=told, content=body, extensions=extensions) as answer,
        ):
            yield answer
