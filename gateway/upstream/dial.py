"""New connections: to whichever address of a host takes one first, and within the time that there is.

Whatever goes wrong here is a `ConnectError` or a `ConnectTimeout`: nothing of a request has left yet.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from ipaddress import ip_address
from itertools import zip_longest
from typing import Any

import httpx2

from gateway.upstream.connection import Connection, Home, Origin

# How long one address is waited for before the next is tried beside it (RFC 8305).
_HEAD_START_S = 0.25


async def dial(origin: Origin, home: Home, trust: ssl.SSLContext, connect_s: float | None) -> Connection:
    """`connect_s` is for all of it: the host's addresses, the connection and the handshake; None: for ever."""

    async def connect(host: str) -> Connection:
        secure = origin.scheme == "https"
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(origin, home),
            host,
            origin.port,
            ssl=trust if secure else None,
            server_hostname=origin.name if secure else None,
        )
        if not connection.stands:
            raise ConnectionAbortedError("the peer closed the connection before anything was sent")
        home.opened(connection)  # not before: of one that a cancel takes away, uvloop never says that it is lost
        return connection

    try:
        async with asyncio.timeout(connect_s) as deadline:
            if _is_address(origin.host):
                return await connect(origin.host)
            return await first(await _addresses(origin), connect)
    except TimeoutError as error:
        if deadline.expired():
            raise httpx2.ConnectTimeout(f"no connection within {connect_s:g} s") from None
        raise httpx2.ConnectError(str(error)) from error
    except (OSError, UnicodeError) as error:
        raise httpx2.ConnectError(str(error) or type(error).__name__) from error


async def first(hosts: Sequence[str], connect: Callable[[str], Coroutine[Any, Any, Connection]]) -> Connection:
    """The connection that stands first; raises the first error. Each has a head start on the next, unless it fails.

    When it returns, all other attempts are over, and what they have opened is closed.
    """
    trying: list[asyncio.Task[Connection]] = []
    won: Connection | None = None
    try:
        while won is None:
            if len(trying) < len(hosts):
                trying.append(asyncio.create_task(connect(hosts[len(trying)]), name="connect"))
            running = [each for each in trying if not each.done()]
            if not running:
                break
            patience_s = _HEAD_START_S if len(trying) < len(hosts) else None
            await asyncio.wait(running, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            won = next((each.result() for each in trying if each.done() and not each.exception()), None)
    finally:
        for each in trying:
            each.cancel()
        for ended in await asyncio.gather(*trying, return_exceptions=True):
            if isinstance(ended, Connection) and ended is not won:
                ended.close()
    return won or trying[0].result()


async def _addresses(origin: Origin) -> list[str]:
    """A host's, once each; the kinds take turns, so that one kind that leads nowhere costs one head start."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    kinds: dict[int, dict[str, None]] = {}
    for family, _, _, _, address in found:
        kinds.setdefault(family, {})[str(address[0])] = None
    return [host for each in zip_longest(*kinds.values()) for host in each if host is not None]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
