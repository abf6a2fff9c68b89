"""Owns every task that must outlive the request that began it. Nothing else in the gateway starts tasks."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

# The longest an upstream call may take, and a little for the books.
DRAIN_S = 690.0

# So often a task is cancelled that should be over: a client that was just connecting may take that for a failure of its
# own, and whoever tries again would then go on for ever.
_CANCEL_EVERY_S = 0.5


class Supervisor:
    """Starts tasks, keeps them alive, and at the end waits for them.

    Leaving the block waits for what still runs, at most `drain_s`; what is then left is cancelled. What
    is done again and again is kept up until then, and not counted.
    """

    def __init__(self, drain_s: float = DRAIN_S) -> None:
        self._drain_s = drain_s
        self._running: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()
        self._ending = asyncio.Event()

    @property
    def draining(self) -> bool:
        """Whether it only waits for what runs."""
        return self._ending.is_set()

    def drain(self) -> None:
        """Nothing new is to be begun from here on."""
        self._ending.set()

    async def rest(self, seconds: float) -> None:
        """Returns after so long, or as soon as it only waits for what runs."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.drain()
        try:
            if self._running:
                await asyncio.wait(self._running, timeout=self._drain_s)
        finally:
            await _end({*self._running, *self._endless})

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        self._start(work, name, self._running)

    def keep(self, turn: Callable[[], Coroutine[Any, Any, object]], *, every_s: float, name: str) -> None:
        """Takes a turn, and another so long after it ended, and so on. One that fails is told, and ends nothing."""
        self._start(_again(turn, every_s, name), name, self._endless)

    def _start(self, work: Coroutine[Any, Any, Any], name: str, among: set[asyncio.Task[Any]]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        among.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._endless.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A bug, since journeys turn every failure into an outcome. The loop's handler logs it.
            task.get_loop().call_exception_handler({"message": f"{task.get_name()} failed", "exception": error})

    def __len__(self) -> int:
        return len(self._running)


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_EVERY_S)


async def _again(turn: Callable[[], Coroutine[Any, Any, object]], every_s: float, name: str) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            await turn()
        except Exception as error:  # noqa: BLE001  a bug, or a full disk: the next turn may find it better
            loop.call_exception_handler({"message": f"{name} failed, and is tried again", "exception": error})
        await asyncio.sleep(every_s)
