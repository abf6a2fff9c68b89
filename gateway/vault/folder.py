"""Results in a directory, a folder for each team. Several processes, on several machines, may share it.

Nothing is synced: after a crash of the machine what was written in its last half minute may be gone, or
shorter than it was. Money is not here.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Iterator
from io import BufferedReader
from pathlib import Path

from gateway.vault.disk import put, read, unlink
from gateway.vault.store import Thing
from gateway.vault.tape import PIECE_BYTES, Tape


class Folder:
    """`root` is on the filesystem of the spools."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def keep(self, name: str, tape: Tape) -> None:
        path = await asyncio.to_thread(self._made, name)
        await tape.keep(path)

    async def write(self, name: str, text: bytes) -> None:
        await asyncio.to_thread(lambda: put(self._made(name), text))

    async def find(self, name: str) -> bytes | None:
        return await asyncio.to_thread(read, self._root / name)

    async def read(self, name: str, begin: int, end: int) -> AsyncGenerator[bytes]:
        try:
            whole = await asyncio.to_thread(_opened, self._root / name, begin)
        except FileNotFoundError:
            return
        with whole:
            while piece := await asyncio.to_thread(whole.read, min(PIECE_BYTES, end - begin)):
                begin += len(piece)
                yield piece

    async def remove(self, names: Iterable[str]) -> None:
        paths = [self._root / name for name in names]
        await asyncio.to_thread(lambda: [unlink(path) for path in paths])

    async def listed(self) -> dict[str, Thing]:
        return await asyncio.to_thread(lambda: dict(_things(self._root)))

    def _made(self, name: str) -> Path:
        path = self._root / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return path


def _opened(path: Path, at: int) -> BufferedReader:
    whole = path.open("rb")
    whole.seek(at)
    return whole


def _things(root: Path) -> Iterator[tuple[str, Thing]]:
    for team in os.scandir(root):
        if not team.is_dir():
            continue
        for file in os.scandir(team.path):
            try:
                told = file.stat()
            except FileNotFoundError:
                continue
            yield f"{team.name}/{file.name}", Thing(told.st_mtime, str(told.st_mtime_ns))
