"""Every way in which an upstream can break, what it is called, and that nothing is left behind."""

import asyncio
import socket
from dataclasses import replace

import pytest

from gateway.core.outcome import Verdict
from gateway.upstream.client import Sending
from tests.upstream.sending import SENDING, sender
from tests.upstream.server import (
    Script,
    Server,
    Turn,
    answer,
    head,
    listening,
    resets,
    says,
    says_and_falls_silent,
    says_and_hangs_up,
)
from tests.waiting import eventually

# Passes at once: for the limit that a test is about.
SHORT_S = 0.05

HALF = head(content_type="application/json", content_length=1000) + b"x" * 500
CHUNKED = head(content_type="application/json", transfer_encoding="chunked") + b"4\r\n{   \r\n"
PAST_TOTAL = Sending("call_1-1", "flash", b"{}", streams=False, total_s=SHORT_S)


async def _resets_in_mid_body(turn: Turn) -> None:
    await turn.say(HALF)
    turn.reset()


BREAKS: dict[str, tuple[Script, Verdict]] = {
    "reset after the request": (resets, Verdict.LOST),
    "closed after the request": (says_and_hangs_up(), Verdict.LOST),
    "closed in the status line": (says_and_hangs_up(b"HTTP/1.1 20"), Verdict.LOST),
    "closed in the headers": (says_and_hangs_up(b"HTTP/1.1 200 OK\r\ncontent-le"), Verdict.LOST),
    "not HTTP at all": (says_and_hangs_up(b"220 mail.example ESMTP\r\n\r\n"), Verdict.LOST),
    "only an early hint": (says_and_hangs_up(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Verdict.LOST),
    "half of a body of known length": (says_and_hangs_up(HALF), Verdict.CUT),
    "reset in mid-body": (_resets_in_mid_body, Verdict.CUT),
    "chunks without their last": (says_and_hangs_up(CHUNKED), Verdict.CUT),
    "chunks that make no sense": (says(CHUNKED + b"zz\r\n"), Verdict.CUT),
    "gzip that makes no sense": (says_and_hangs_up(answer(b"{}", content_encoding="gzip")), Verdict.CUT),
}


@pytest.mark.parametrize("carrier", ["own", "httpx2"])
@pytest.mark.parametrize("what", BREAKS)
async def test_a_break_has_its_verdict_and_leaves_nothing_behind(what: str, carrier: str) -> None:
    script, verdict = BREAKS[what]
    async with Server.running(script) as (server, url), sender(url, carrier=carrier) as lane:
        failure = await lane.failure()
        assert failure.verdict is verdict
        assert failure.reason
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))


async def test_a_request_of_which_the_upstream_reads_nothing_is_lost_not_unreachable() -> None:
    async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with listening(closes_at_once) as url, sender(url) as lane:
        assert (await lane.failure()).verdict is Verdict.LOST
        assert lane.in_flight == 0


async def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = _url(taken)
    async with sender(url) as lane:
        failure = await lane.failure()
        assert failure.verdict is Verdict.UNREACHABLE
        assert failure.reason.startswith("no connection: ")
        assert lane.in_flight == 0


async def test_an_address_that_takes_no_connection_in_time_is_unreachable(deaf: str) -> None:
    async with sender(deaf, connect_s=SHORT_S) as lane:
        assert (await lane.failure()).verdict is Verdict.UNREACHABLE
        assert lane.in_flight == 0


async def test_a_failed_tls_handshake_is_unreachable_for_nothing_was_sent() -> None:
    async def speaks_no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(speaks_no_tls) as url, sender(url.replace("http:", "https:")) as lane:
        assert (await lane.failure()).verdict is Verdict.UNREACHABLE
        assert lane.in_flight == 0


async def test_an_upstream_that_never_answers_is_silent_when_the_total_time_has_passed() -> None:
    async with Server.running(says_and_falls_silent()) as (server, url), sender(url, idle_s=SHORT_S / 10) as lane:
        failure = await lane.failure(PAST_TOTAL)
        assert (failure.verdict, failure.reason) == (Verdict.SILENT, "not finished within 0.05 s")
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))


async def test_an_answer_that_is_not_finished_within_the_total_time_is_cut() -> None:
    async with Server.running(_trickles) as (server, url), sender(url) as lane:
        failure = await lane.failure(PAST_TOTAL)
        assert (failure.verdict, failure.reason) == (Verdict.CUT, "not finished within 0.05 s")
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))


async def test_an_answer_that_falls_silent_is_cut() -> None:
    async with Server.running(says_and_falls_silent(HALF)) as (server, url), sender(url, idle_s=SHORT_S) as lane:
        failure = await lane.failure()
        assert (failure.verdict, failure.reason) == (Verdict.CUT, "silent for 0.05 s in the middle of an answer")
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))


async def test_a_stream_may_be_silent_for_longer_while_its_picture_is_drawn() -> None:
    async def words_then_a_picture(turn: Turn) -> None:
        await turn.say(HALF)
        await asyncio.sleep(10 * SHORT_S)
        await turn.say(b"x" * 500)

    streamed = replace(SENDING, streams=True)
    async with Server.running(words_then_a_picture) as (_, url), sender(url, idle_s=SHORT_S) as lane:
        assert await lane.whole(streamed) == (200, b"x" * 1000)
    async with Server.running(says_and_falls_silent(HALF)) as (_, url), sender(url, stream_idle_s=SHORT_S) as lane:
        assert (await lane.failure(streamed)).reason == "silent for 0.05 s in the middle of an answer"


async def test_a_consumer_who_stops_reading_ends_the_connection_and_the_next_has_its_own() -> None:
    async def endless_then_good(turn: Turn) -> None:
        await (_trickles(turn) if turn.received.connection == 1 else turn.say(answer(b"good")))

    async with Server.running(endless_then_good) as (server, url), sender(url) as lane:
        async with lane.answer() as opened:
            async for chunk in opened.chunks():
                assert chunk
                break
            assert lane.in_flight == 1
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))
        assert await lane.whole() == (200, b"good")
        assert [each.connection for each in server.received] == [1, 2]


async def test_an_error_of_the_consumers_own_passes_through_and_closes_the_answer() -> None:
    async with Server.running(_trickles) as (server, url), sender(url) as lane:
        with pytest.raises(TimeoutError, match="mine"):
            async with lane.answer():
                raise TimeoutError("mine")
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))


@pytest.mark.parametrize("said", [b"", HALF], ids=["before the head", "in mid-body"])
async def test_a_cancelled_task_leaves_nothing_behind(said: bytes) -> None:
    async with Server.running(says_and_falls_silent(said)) as (server, url), sender(url) as lane:
        task = asyncio.create_task(lane.whole())
        await eventually(lambda: _received(server, 1))
        assert lane.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert lane.in_flight == 0
        await eventually(lambda: _all_closed(server))


async def test_a_cancel_while_connecting_leaves_nothing_behind(deaf: str) -> None:
    async with sender(deaf) as lane:
        task = asyncio.create_task(lane.whole(SENDING))
        await eventually(lambda: _is_in_flight(lane.in_flight))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert lane.in_flight == 0


async def _trickles(turn: Turn) -> None:
    await turn.say(head(content_type="application/json", content_length=1 << 30))
    while not turn.reader.at_eof():
        await turn.say(b"x")
        await asyncio.sleep(0)


async def _all_closed(server: Server) -> bool:
    return server.open == 0


async def _received(server: Server, count: int) -> bool:
    return len(server.received) == count


async def _is_in_flight(count: int) -> bool:
    return count == 1


def _url(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"
