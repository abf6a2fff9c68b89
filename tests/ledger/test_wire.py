"""Connections on which many ask at once, to a real server: each hears what it asked, whoever else waits or is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.ledger.wire import Wire
from tests.ledger.servers import Server

FOR_EVER = ("BLPOP", "nothing", "0")


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    wire = Wire(ConnectionPool.from_url(server.url, decode_responses=True), most=4, patience_s=60.0)
    yield wire
    await wire.aclose()


async def echoed(wire: Wire, text: str) -> bool:
    return await wire.ask([("ECHO", text), ("PING",)]) == [text, "PONG"]


async def test_more_than_there_are_connections_ask_at_once_before_there_is_one(wire: Wire, raw: Redis) -> None:
    assert all(await asyncio.gather(*(echoed(wire, f"text {number}") for number in range(500))))
    assert len(raw.client_list()) <= 4 + 1


async def test_an_error_is_the_answer_to_what_it_is_about_alone(wire: Wire) -> None:
    first, error, last = await wire.ask([("PING",), ("NOTHING",), ("PING",)])
    assert (first, last) == ("PONG", "PONG")
    assert isinstance(error, ResponseError)


async def test_whoever_waits_takes_nobody_else_along(wire: Wire, raw: Redis) -> None:
    waiting = [asyncio.ensure_future(wire.ask([FOR_EVER])) for _ in range(3)]
    assert all([await echoed(wire, f"text {number}") for number in range(20)])
    assert not any(each.done() for each in waiting)
    for _ in waiting:
        raw.rpush("nothing", "something")
    assert await asyncio.gather(*waiting) == [[["nothing", "something"]]] * 3


async def test_whoever_stops_waiting_leaves_the_others_their_answers(wire: Wire, raw: Redis) -> None:
    left = asyncio.ensure_future(wire.ask([FOR_EVER]))
    await echoed(wire, "so that it is on its way")
    left.cancel()
    raw.rpush("nothing", "something")
    assert all(await asyncio.gather(*(echoed(wire, f"text {number}") for number in range(50))))


async def test_an_answer_that_does_not_come_ends_its_connection(server: Server, raw: Redis) -> None:
    hasty = Wire(ConnectionPool.from_url(server.url, decode_responses=True), most=4, patience_s=0.3)
    with pytest.raises(RedisTimeoutError, match=r"no answer within 0\.3 s"):
        await hasty.ask([FOR_EVER])
    assert await echoed(hasty, "on another")
    await hasty.aclose()


async def test_connections_that_are_lost_are_made_again(wire: Wire, raw: Redis) -> None:
    waiting = asyncio.ensure_future(wire.ask([FOR_EVER]))
    await echoed(wire, "so that it is on its way")
    raw.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(RedisConnectionError):
        await waiting
    assert await echoed(wire, "again")


async def test_where_nobody_listens_all_hear_of_it(tmp_path: Path) -> None:
    wire = Wire(ConnectionPool.from_url(f"unix://{tmp_path}/none"), most=2, patience_s=60.0)
    answers = await asyncio.gather(*(wire.ask([("PING",)]) for _ in range(9)), return_exceptions=True)
    assert all(isinstance(each, RedisConnectionError) for each in answers)
    await wire.aclose()
