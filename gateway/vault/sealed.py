"""A store in front of another: what is in that one can be read by nobody who lacks the key.

What another key has sealed is as if it were not there; that is told once, since it is a mistake in somebody's
settings, or the time after a key was changed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from gateway.vault.seals import HEAD_BYTES, UNIT_BYTES, Opening, Sealing, WrongSeal, opened, part, sealed
from gateway.vault.spools import Spools
from gateway.vault.store import Store, Thing
from gateway.vault.tape import Tape


class Sealed:
    """`wrong_key` is called for the first thing that the key does not open."""

    def __init__(self, store: Store, key: bytes, spools: Spools, wrong_key: Callable[[], None]) -> None:
        self._store = store
        self._key = key
        self._spools = spools
        self._wrong_key = wrong_key
        self._told = False

    async def keep(self, name: str, tape: Tape) -> None:
        sealing = Sealing(self._key, name)
        copy = Tape(self._spools)
        try:
            await copy.put(sealing.head)
            async with aclosing(tape.read()) as pieces:
                async for piece in pieces:
                    await copy.put(await asyncio.to_thread(sealing.feed, piece))
            await copy.put(sealing.end())
            copy.close()
            await self._store.keep(name, copy)
        finally:
            copy.drop()

    async def write(self, name: str, text: bytes) -> None:
        await self._store.write(name, sealed(self._key, name, text))

    async def find(self, name: str) -> bytes | None:
        text = await self._store.find(name)
        if text is None:
            return None
        try:
            return opened(self._key, name, text)
        except WrongSeal:
            self._tell()
            return None

    async def read(self, name: str, begin: int, end: int) -> AsyncGenerator[bytes]:
        """Where a seal is wrong it ends."""
        where, left = part(begin, end), end - begin
        try:
            head = b"".join([piece async for piece in self._store.read(name, 0, HEAD_BYTES)])
            if not head:
                return
            opening = Opening(self._key, name, head, where.first)
            before = where.before
            async with aclosing(_units(self._store.read(name, where.begin, where.end))) as batches:
                async for whole, last in batches:
                    open_one = opening.either if last else opening.units
                    piece = (await asyncio.to_thread(open_one, whole))[before : before + left]
                    before = 0
                    left -= len(piece)
                    if piece:
                        yield piece
        except WrongSeal:
            self._tell()

    async def remove(self, names: Iterable[str]) -> None:
        await self._store.remove(names)

    async def listed(self) -> dict[str, Thing]:
        return await self._store.listed()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._wrong_key()


async def _units(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[tuple[bytes, bool]]:
    """Whole units as they come, and the last one, whole or not, by itself, with True."""
    rest = b""
    async with aclosing(pieces):
        async for piece in pieces:
            rest += piece
            full = max(0, len(rest) - 1) // UNIT_BYTES * UNIT_BYTES
            if full:
                yield rest[:full], False
                rest = rest[full:]
    if rest:
        yield rest, True
