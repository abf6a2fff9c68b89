"""Tasks that outlive what began them: waited for, kept up, cancelled, reported."""

import asyncio
from typing import Any

from gateway.relay.supervisor import Supervisor


async def test_leaving_waits_for_what_was_started() -> None:
    done: list[str] = []
    go = asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.append("work")

    async with Supervisor() as supervisor:
        supervisor.start(work(), name="work")
        assert len(supervisor) == 1
        asyncio.get_running_loop().call_soon(go.set)
    assert done == ["work"]
    assert len(supervisor) == 0


async def test_what_has_no_end_is_kept_up_while_others_end_and_waited_for_by_nobody() -> None:
    seen: list[str] = []
    working = asyncio.Event()

    async def endless() -> None:
        try:
            working.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def work() -> None:
        await working.wait()
        seen.append("work")

    async with Supervisor() as supervisor:
        supervisor.keep(endless, every_s=0.0, name="endless")
        assert len(supervisor) == 0
        supervisor.start(work(), name="work")
    assert seen == ["work", "cancelled"]


async def test_a_turn_that_fails_is_told_and_the_next_is_taken_all_the_same() -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what["message"]))
    turns = 0
    done = asyncio.Event()

    async def turn() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise RuntimeError("of no use")
        done.set()

    async with Supervisor() as supervisor:
        supervisor.keep(turn, every_s=0.0, name="sweep")
        await done.wait()
    assert told == ["sweep failed, and is tried again"]


async def test_what_does_not_end_in_time_is_cancelled() -> None:
    ended: list[str] = []

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stuck")

    async with Supervisor(drain_s=0.05) as supervisor:
        supervisor.start(stuck(), name="stuck")
    assert ended == ["stuck"]


async def test_a_turn_that_takes_its_end_for_a_failure_ends_all_the_same() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
    begun, turns = asyncio.Event(), 0

    async def turn() -> None:
        nonlocal turns
        turns += 1
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TimeoutError from None

    async with Supervisor() as supervisor:
        supervisor.keep(turn, every_s=60.0, name="heal")
        await begun.wait()
    assert turns == 1


async def test_a_task_that_fails_is_told_to_the_loop() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))

    async def fails() -> None:
        raise ValueError("a bug")

    async with Supervisor() as supervisor:
        supervisor.start(fails(), name="journey c1")
    await asyncio.sleep(0)
    assert [about["message"] for about in told] == ["journey c1 failed"]
