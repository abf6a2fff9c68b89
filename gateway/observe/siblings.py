"""How the workers of one gateway ask one another, and what of each outlives it.

All of it is in a directory that they have to themselves: of each worker a socket, and a file with what it has last
told of what it counts. Nobody tells a number that is not in its file, so that a sum of all never goes back: of one
that is gone, or stands still, its file is counted, and whoever comes in its place goes on from there.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.core.crew import Worker

_MOST_BYTES = 64 << 20

# How it is found out what was asked for.
Answer = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Siblings:
    """The other workers of a gateway, as `worker` sees them. `orphaned` says whether nobody is over them any more; who
    does not answer within `answer_s` is left out."""

    worker: Worker
    directory: Path
    orphaned: Callable[[], bool]
    answer_s: float = 1.0

    @asynccontextmanager
    async def answered(self, answers: Mapping[str, Answer]) -> AsyncIterator[None]:
        """For as long as the block lasts they may ask whatever is in `answers` at that moment."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                with suppress(OSError, ValueError):  # who asked has gone
                    if find := answers.get((await reader.readline()).decode().strip()):
                        writer.write(await find())
                        await writer.drain()
            finally:
                writer.close()

        server = await asyncio.start_unix_server(answer, self._socket(self.worker.number))
        try:
            yield
        finally:
            server.close()
            if self.orphaned():
                await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)

    async def ask(self, question: str) -> dict[int, bytes | None]:
        """What each of the others says, by its number; None: it says nothing in time."""
        others = [number for number in range(1, self.worker.of + 1) if number != self.worker.number]
        said = await asyncio.gather(*(self._ask(number, question) for number in others))
        return dict(zip(others, said, strict=True))

    def keep(self, told: bytes) -> None:
        """To be called before it is told to anybody: this is what is left of us. What cannot be written is told on."""
        place = self._told(self.worker.number)
        draft = place.with_suffix(".draft")
        with suppress(OSError):
            draft.write_bytes(told)
            draft.replace(place)

    def kept(self, number: int) -> bytes | None:
        """What is left of the worker of this number, or of those that had it before; None: it told nothing yet."""
        try:
            return self._told(number).read_bytes()
        except FileNotFoundError:
            return None

    async def _ask(self, number: int, question: str) -> bytes | None:
        try:
            async with asyncio.timeout(self.answer_s):
                reader, writer = await asyncio.open_unix_connection(self._socket(number), limit=_MOST_BYTES)
                try:
                    writer.write(f"{question}\n".encode())
                    return await reader.read() or None
                finally:
                    writer.close()
        except OSError:  # TimeoutError is one
            return None

    def _socket(self, number: int) -> str:
        return os.fspath(self.directory / str(number))

    def _told(self, number: int) -> Path:
        return self.directory / f"{number}.told"
