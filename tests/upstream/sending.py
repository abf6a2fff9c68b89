"""A client with one lane, and what is sent on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from gateway.upstream.client import Answer, Client, SendFailure, Sending, Timeouts
from gateway.upstream.lanes import Lanes, access
from tests import facts

# Long enough never to pass in a test that is not about it.
AMPLE_S = 60.0

SENDING = Sending("call_1-1", "flash", b'{"contents":[]}', streams=False, total_s=AMPLE_S)


@dataclass(frozen=True, slots=True)
class Sender:
    """What an attempt does with a client, and how its lane stands."""

    client: Client

    @property
    def in_flight(self) -> int:
        return self.client.lanes.state(facts.lane()).in_flight

    async def whole(self, sending: Sending = SENDING) -> tuple[int, bytes]:
        """Status and body."""
        async with self.client.send(facts.lane(), sending) as answer:
            return answer.status, b"".join([chunk async for chunk in answer.chunks()])

    async def failure(self, sending: Sending = SENDING) -> SendFailure:
        """How an attempt breaks."""
        try:
            got = await self.whole(sending)
        except SendFailure as failure:
            return failure
        raise AssertionError(f"it did not break but gave {got}")

    @asynccontextmanager
    async def answer(self, sending: Sending = SENDING) -> AsyncIterator[Answer]:
        async with self.client.send(facts.lane(), sending) as answer:
            yield answer


@asynccontextmanager
async def sender(
    url: str,
    *,
    connect_s: float = AMPLE_S,
    idle_s: float = AMPLE_S,
    stream_idle_s: float = AMPLE_S,
    error_s: float = AMPLE_S,
    carrier: str = "own",
) -> AsyncIterator[Sender]:
    lane = replace(facts.lane(), url=url)
    lanes = Lanes([access(lane, "sim-key-default", auth="bearer", names={})])
    timeouts = Timeouts(connect_s=connect_s, idle_s=idle_s, stream_idle_s=stream_idle_s, error_s=error_s)
    async with Client(lanes, timeouts, carrier=carrier) as client:
        yield Sender(client)
