"""A flag: who waits for it goes on when it goes up, whatever becomes of it then."""

import asyncio

import pytest

from gateway.flag import Flag


async def test_who_waits_goes_on_when_it_goes_up() -> None:
    flag = Flag()
    waiting = [asyncio.create_task(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    flag.set()
    await asyncio.gather(*waiting)
    assert flag.is_set()
    await flag.wait()


async def test_who_waits_goes_on_although_it_is_taken_down_again_at_once() -> None:
    flag = Flag()
    waiting = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    flag.set()
    flag.clear()
    await waiting
    assert not flag.is_set()


async def test_who_stops_waiting_is_forgotten_and_takes_nobody_along() -> None:
    flag = Flag()
    leaves, stays = (asyncio.create_task(flag.wait()) for _ in range(2))
    await asyncio.sleep(0)
    assert repr(flag) == "<Flag down, 2 wait>"
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    assert repr(flag) == "<Flag down, 1 wait>"
    flag.set()
    await stays


async def test_who_is_cancelled_just_as_it_goes_up_is_cancelled() -> None:
    flag = Flag()
    waiting = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    flag.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert repr(flag) == "<Flag up, 0 wait>"


async def test_who_has_waited_for_long_enough_goes_on_without_it() -> None:
    flag = Flag()
    assert not await flag.wait(0.01)
    assert repr(flag) == "<Flag down, 0 wait>"
    flag.set()
    assert await flag.wait(0.01)
