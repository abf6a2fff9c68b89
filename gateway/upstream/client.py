"""Requests to the upstream, and their answers as they arrive.

A request is sent whole and once: no retry, no redirect, no proxy out of the environment. Whatever
goes wrong leaves here as a `SendFailure` whose verdict says whether the upstream may have seen the
request, which is to say whether it may bill it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import httpx2

from gateway.core.groups import Lane
from gateway.core.outcome import Verdict
from gateway.upstream.arrival import Arrival
from gateway.upstream.carriers import CARRIERS, Reply
from gateway.upstream.lanes import Access, Lanes, LaneState

# An error page is read this far: enough for any envelope, and for its request id.
ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `idle_s` is between two pieces of an answer that has begun; before it only the total counts.

    In a stream it is `stream_idle_s`: there the model's words come first, and its picture when it is drawn.
    An error page is waited for no longer than `error_s`: its status says most, and other lanes are waiting.
    """

    connect_s: float = 5.0
    idle_s: float = 30.0
    stream_idle_s: float = 180.0
    total_s: float = 420.0
    total_long_s: float = 660.0
    error_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Sending:
    """One attempt's request. `attempt_id` is told to the upstream, so that its bill can be joined with our books."""

    attempt_id: str
    model_id: str
    body: bytes
    streams: bool
    total_s: float


class SendFailure(Exception):
    """An attempt broke; `verdict` says where."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


class Answer:
    """An answer whose head has arrived. Ends with the block it was opened in."""

    def __init__(self, reply: Reply, access: Access, *, idle_s: float, error_s: float) -> None:
        self._reply = reply
        self._access = access
        self._idle_s = idle_s
        self._error_s = error_s
        self.status = reply.status

    @property
    def length(self) -> int | None:
        """The body's length in bytes, when the upstream told it and nothing had to be decoded."""
        length = self._reply.header(b"content-length")
        return int(length) if length.isdecimal() and not self._encoded else None

    @property
    def retry_after_s(self) -> int | None:
        after = self._reply.header(b"retry-after")
        return int(after) if after.isdecimal() else None

    @property
    def _encoded(self) -> bool:
        return self._reply.header(b"content-encoding") not in ("", "identity")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises `SendFailure` CUT when it breaks off or falls silent."""
        try:
            async for piece in self._pieces():
                if piece:
                    yield piece
        except (TimeoutError, httpx2.ReadTimeout):
            raise SendFailure(Verdict.CUT, f"silent for {self._idle_s:g} s in the middle of an answer") from None
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise SendFailure(Verdict.CUT, f"the answer broke off: {error}") from error

    def _pieces(self) -> AsyncIterator[bytes]:
        """Each within the time that a piece has."""
        status, headers, stream = self._reply
        if isinstance(stream, Arrival):
            stream.read_s = self._idle_s
        if self._encoded:
            return _within(self._idle_s, httpx2.Response(status, headers=headers, stream=stream).aiter_bytes())
        return aiter(stream) if isinstance(stream, Arrival) else _within(self._idle_s, aiter(stream))

    async def text(self) -> str:
        """What an error says, as far as it is worth reading, and never with our key in it."""
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._error_s):
                async for piece in self.chunks():
                    pieces.append(piece)
                    size += len(piece)
                    if size >= ERROR_BYTES:
                        break
        except (SendFailure, TimeoutError):
            pass  # half an error still has its status
        return self._access.scrubbed(b"".join(pieces)[:ERROR_BYTES].decode("utf-8", "replace"))


class Client:
    """Sends on lanes: each has connections of its own, so that a slow group cannot starve another.

    `carrier` names what makes them: "own", or "httpx2", which is the library's.
    """

    def __init__(self, lanes: Lanes, timeouts: Timeouts, *, carrier: str = "own") -> None:
        self._timeouts = timeouts
        self.lanes = lanes
        # One context for all lanes: loading the system's trust store is the dear part.
        trust = ssl.create_default_context()
        self._carriers = {state.access.lane.name: CARRIERS[carrier](trust) for state in lanes}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for carrier in self._carriers.values():
            await carrier.aclose()

    @asynccontextmanager
    async def send(self, lane: Lane, sending: Sending) -> AsyncIterator[Answer]:
        """Sends and gives the answer's head. Raises `SendFailure`; the total time counts for the whole block."""
        state = self.lanes.state(lane)
        state.in_flight += 1
        total = asyncio.timeout(sending.total_s)
        began = False
        try:
            async with total:
                reply = await self._reply(state, sending)
                began = True
                try:
                    idle_s = self._timeouts.stream_idle_s if sending.streams else self._timeouts.idle_s
                    yield Answer(reply, state.access, idle_s=idle_s, error_s=self._timeouts.error_s)
                finally:
                    await reply.stream.aclose()
        except TimeoutError:
            if not total.expired():
                raise
            verdict = Verdict.CUT if began else Verdict.SILENT
            raise SendFailure(verdict, f"not finished within {sending.total_s:g} s") from None
        finally:
            state.in_flight -= 1

    async def _reply(self, state: LaneState, sending: Sending) -> Reply:
        access, streams = state.access, sending.streams
        url = access.url(sending.model_id, streams=streams)
        carrier = self._carriers[access.lane.name]
        headers = _headers(access.header, access.credential, streams=streams)
        try:
            # How long an answer is waited for, `send` and `Answer` know.
            return await carrier.post(url, headers, sending.attempt_id, sending.body, self._timeouts.connect_s)
        except _UNSENT as error:
            raise SendFailure(Verdict.UNREACHABLE, f"no connection: {error or type(error).__name__}") from error
        except httpx2.HTTPError as error:
            raise SendFailure(Verdict.LOST, f"the connection ended before an answer: {error}") from error


@lru_cache(maxsize=256)
def _headers(name: str, credential: str, *, streams: bool) -> dict[str, str]:
    return {
        name: credential,
        "content-type": "application/json",
        "accept": "text/event-stream" if streams else "application/json",
        # A picture in base64 hardly compresses, and what is not compressed can pass as it is.
        "accept-encoding": "identity",
        "user-agent": "nano-banana-gateway",
    }


async def _within(each_s: float, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, where each comes in so many seconds; raises `TimeoutError` for one that does not."""
    while True:
        async with asyncio.timeout(each_s):
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


# Nothing of a request has left.
_UNSENT = (
    *(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout),
    *(httpx2.UnsupportedProtocol, httpx2.LocalProtocolError),
)
