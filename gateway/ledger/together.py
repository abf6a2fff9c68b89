"""What is asked of the store in one moment goes to each of its servers together, in one pipeline."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis


class Asked(NamedTuple):
    """A command, and a key of it, which says who has to answer."""

    key: str
    command: Callable[[Redis], Any]


# Told the place of what was asked, and the answer or what went wrong.
Answered = Callable[[int, Any], None]


class Together:
    """Collects what is asked until the loop has nothing else to do, and has it sent.

    Whoever stops waiting stops nobody else, and nothing of what was asked.
    """

    def __init__(self, send: Callable[[Sequence[Asked], Answered], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: list[tuple[Asked, asyncio.Future[Any]]] = []
        self._sent: set[asyncio.Task[None]] = set()

    async def ask(self, key: str, command: Callable[[Redis], Any]) -> Any:
        """The answer; raises what went wrong with it, or with all."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((Asked(key, command), answer))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._begin)
        return await answer

    async def over(self) -> None:
        """Returns when all that was asked has its answer."""
        while self._sent:
            await asyncio.wait(self._sent)

    def _begin(self) -> None:
        task = asyncio.create_task(self._have_answered(self._waiting))
        self._waiting = []
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)

    async def _have_answered(self, waiting: list[tuple[Asked, asyncio.Future[Any]]]) -> None:
        def answered(place: int, found: Any) -> None:
            _, answer = waiting[place]
            if answer.done():  # nobody waits for it any more
                return
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        try:
            await self._send([asked for asked, _ in waiting], answered)
        finally:
            for _, answer in waiting:
                answer.cancel()


async def in_one_pipeline(asked: Sequence[Asked], client: Redis) -> list[Any]:
    """The answer of one server to each, or its error."""
    async with client.pipeline(transaction=False) as pipeline:
        for each in asked:
            each.command(pipeline)
        return await pipeline.execute(raise_on_error=False)
