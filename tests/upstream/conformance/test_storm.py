"""Faults and cancels at random, many at a time: at the end nothing is open, nothing runs, and no answer was wrong."""

import asyncio
import random
import ssl
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from gateway.upstream.transport import Transport
from tests.upstream.conformance.exchange import OWN, Asked, Came, Road
from tests.upstream.server import (
    Script,
    Server,
    Turn,
    answer,
    head,
    resets,
    says,
    says_and_falls_silent,
    says_and_hangs_up,
)
from tests.waiting import eventually

HEAVY = bytes(400_000)
SCRIPTS: tuple[Script, ...] = (
    resets,
    says_and_hangs_up(),
    says_and_hangs_up(head(content_length=9) + b"half"),
    says_and_hangs_up(answer(b"good")),
    says_and_falls_silent(head(content_length=9) + b"half"),
    says(head(transfer_encoding="chunked") + b"4\r\ngood\r\n0\r\n\r\n"),
    says(answer(HEAVY)),
    says(answer(b"good") + b"another's"),
    says(answer(b"good")),
)
# One of which the server closes its end between the look at it and the request is lost, as it should be.
MAY_COME = (
    Came(200, b"good"),
    Came(200, HEAVY),
    Came(200, b"half", httpx2.RemoteProtocolError),
    Came(broke=httpx2.RemoteProtocolError),
    Came(broke=httpx2.ReadError),
)


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_leaves_nothing_behind(seed: int, trust: ssl.SSLContext) -> None:
    dice, came = random.Random(seed), Counter[Came]()

    async def script(turn: Turn) -> None:
        await dice.choice(SCRIPTS)(turn)

    async def call(road: Road, url: str) -> None:
        asked = Asked(content=bytes(dice.choice((0, 10, 3_000_000))))
        try:
            async with asyncio.timeout(dice.choice((0.0, 0.001, 0.01, 0.1))):
                came[await road.came(url, asked)] += 1
        except TimeoutError:
            pass

    async with Server.running(script) as (_, url):
        before = _standing()
        async with Transport(trust) as transport:
            for _ in range(4):
                await asyncio.gather(*(call(Road(OWN, transport), url) for _ in range(30)))
        await eventually(lambda: _are(before))
    assert set(came) <= set(MAY_COME)


def _standing() -> tuple[int, set[asyncio.Task[object]]]:
    """How many descriptors are open, and what runs."""
    return len(list(Path("/proc/self/fd").iterdir())), asyncio.all_tasks()


async def _are(before: tuple[int, set[asyncio.Task[object]]]) -> bool:
    return _standing() == before
