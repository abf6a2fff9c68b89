"""What is asked in one moment goes out together: to a server in one pipeline, for a key in one function."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

Q = TypeVar("Q")

# Told the place of what was asked, and the answer or what went wrong.
Answered = Callable[[int, Any], None]


async def side_by_side(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Returns when all are done; of one alone no task is made."""
    if len(works) == 1:
        await works[0]
    else:
        await asyncio.gather(*works)


class Together(Generic[Q]):
    """Collects what is asked until the loop has nothing else to do, and has it sent.

    Whoever stops waiting stops nobody else, and nothing of what was asked.
    """

    def __init__(self, send: Callable[[Sequence[Q], Answered], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: list[tuple[Q, asyncio.Future[Any]]] = []
        self._sent: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> Any:
        """The answer; raises what went wrong with it, or with all."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
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

    async def _have_answered(self, waiting: list[tuple[Q, asyncio.Future[Any]]]) -> None:
        def answered(place: int, found: Any) -> None:
            _, answer = waiting[place]
            if answer.done():  # nobody waits for it any more
                return
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        try:
            await self._send([question for question, _ in waiting], answered)
        except Exception as fault:  # noqa: BLE001  of ours: whoever waits has to hear of it, and no other
            for place in range(len(waiting)):
                answered(place, fault)
        finally:
            for _, answer in waiting:
                answer.cancel()
