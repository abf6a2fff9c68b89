"""The chunks of one answer, between the attempt that reads them and the caller they are for.

Bounded in bytes: a caller who reads slowly slows the upstream down instead of filling memory. When
nobody reads any more the attempt goes on at full speed and the bytes are dropped. An answer that is
looked at whole before anybody may have it is kept without a bound.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator

MOST_BYTES = 1024 * 1024


class Pipe:
    def __init__(self) -> None:
        self._most_bytes: float = MOST_BYTES
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self._read = True
        self._moved = asyncio.Event()

    async def put(self, chunk: bytes) -> None:
        """Adds a chunk; waits while too much is in the pipe and somebody may still read it."""
        while self._read and self._size >= self._most_bytes:
            await self._wait()
        if self._read:
            self._chunks.append(chunk)
            self._size += len(chunk)
            self._moved.set()

    def keep_all(self) -> None:
        """There is no bound any more: it is read when the answer is complete."""
        self._most_bytes = math.inf
        self._moved.set()

    def close(self) -> None:
        """No chunk will follow."""
        self._closed = True
        self._moved.set()

    def leave(self) -> None:
        """Nobody will read any more."""
        self._read = False
        self._chunks.clear()
        self._moved.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._size -= len(chunk)
                self._moved.set()
                yield chunk
            if self._closed:
                return
            await self._wait()

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()
