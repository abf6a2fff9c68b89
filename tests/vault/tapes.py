"""Tapes for tests, and what of them is on the disk."""

import os
from pathlib import Path

from gateway.vault.spools import Spools
from gateway.vault.tape import WINDOW_BYTES, Reader, Tape
from tests.waiting import eventually

PLENTY = 1 << 40
NOISE = os.urandom(3 * WINDOW_BYTES)


def chunk_of(size: int, begin: int = 0) -> bytes:
    return NOISE[begin : begin + size]


FULL = chunk_of(WINDOW_BYTES)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")


async def gone(folder: Path) -> None:
    async def none() -> bool:
        return not files(folder)

    await eventually(none)


async def filled(spools: Spools, *chunks: bytes) -> Tape:
    tape = Tape(spools)
    for chunk in chunks:
        await tape.put(chunk)
    return tape


async def bytes_of(reader: Tape | Reader) -> bytes:
    return b"".join([piece async for piece in reader])
