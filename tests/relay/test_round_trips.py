"""How often the store is asked for a call: to set money aside for it, and to settle it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from tests.house import PRO, Gateway, Simulator, open_gateway
from tests.ledger.servers import Server, start
from tests.waiting import eventually

Ask = Callable[[Gateway], Awaitable[httpx2.Response]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start("redis", tmp_path_factory.mktemp("store"), "--slowlog-log-slower-than", "0")
    yield running
    running.stop()


@pytest.fixture
async def gateway(server: Server, simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    with Redis(unix_socket_path=str(server.socket)) as raw:
        raw.flushall()
    async with open_gateway(simulator, tmp_path, store=server.url) as running:
        yield running


def stream(gateway: Gateway) -> Awaitable[httpx2.Response]:
    body = {"contents": [{"parts": [{"text": "a boat"}]}]}
    return gateway.http.post(f"/v1beta/models/{PRO}:streamGenerateContent?alt=sse", json=body)


async def called(server: Server, gateway: Gateway, ask: Ask) -> list[str]:
    """The functions that a call has the store run, when the gateway has been asked before."""
    (await ask(gateway)).raise_for_status()
    with Redis(unix_socket_path=str(server.socket), decode_responses=True) as raw:
        await eventually(lambda: _none_is_open(raw))
        raw.config_set("slowlog-max-len", 100_000)
        raw.slowlog_reset()
        call_id = (await ask(gateway)).headers["x-gateway-call-id"]
        await eventually(lambda: _none_is_open(raw))
        found: Any = raw.slowlog_get(100_000)
        commands = [each["command"].decode().split() for each in reversed(found)]
        return [
            command[1].rpartition("_")[2] for command in commands if command[0] == "FCALL" and call_id in str(command)
        ]


ASKS: dict[str, Ask] = {
    "native": lambda gateway: gateway.native("a boat"),
    "stream": stream,
    "images": lambda gateway: gateway.images("a boat"),
    "chat": lambda gateway: gateway.chat("a boat"),
    "several": lambda gateway: gateway.images("a boat", n=3),
    "retried": lambda gateway: gateway.images("a boat [sim:error@Default]"),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
async def test_money_is_set_aside_in_one_round_trip_and_settled_in_another(
    gateway: Gateway, server: Server, ask: Ask
) -> None:
    functions = await called(server, gateway, ask)
    pictures = functions.count("settle")
    assert functions[0] == "reserve"
    assert [each for each in functions if each not in ("draw", "correct")] == ["reserve", *["settle"] * pictures]


async def test_an_ordinary_call_asks_for_nothing_else(gateway: Gateway, server: Server) -> None:
    assert await called(server, gateway, ASKS["native"]) == ["reserve", "settle"]


async def _none_is_open(raw: Redis) -> bool:
    return not raw.zcard("{t:acme}:open")
