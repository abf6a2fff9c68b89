"""What the upstream is sent, and its answers as they arrive."""

import asyncio
import gzip
from dataclasses import replace

import pytest

from gateway.core.outcome import Verdict
from gateway.upstream.client import ERROR_BYTES, Sending
from tests.upstream.sending import AMPLE_S, SENDING, sender
from tests.upstream.server import (
    Server,
    Turn,
    answer,
    head,
    in_turn,
    listening,
    says,
    says_and_falls_silent,
    says_and_hangs_up,
)
from tests.waiting import eventually

HEAVY = bytes(range(256)) * (20 * 1024 * 1024 // 256)


async def test_a_request_says_what_it_must_and_nothing_of_the_library() -> None:
    async with Server.running(says(answer(b"{}"))) as (server, url), sender(url) as lane:
        assert await lane.whole() == (200, b"{}")
        await lane.whole(replace(SENDING, streams=True))
        whole, stream = server.received
        assert whole.target == "/v1beta/models/flash:generateContent"
        assert stream.target == "/v1beta/models/flash:streamGenerateContent?alt=sse"
        assert whole.body == SENDING.body
        assert _told(whole.headers) == {
            "authorization": "Bearer sim-key-default",
            "content-type": "application/json",
            "content-length": str(len(SENDING.body)),
            "accept": "application/json",
            "accept-encoding": "identity",
            "x-request-id": "call_1-1",
            "user-agent": "nano-banana-gateway",
        }
        assert stream.headers["accept"] == "text/event-stream"


async def test_an_error_comes_with_its_status_its_words_and_when_to_try_again() -> None:
    said = answer(b'{"error":{"message":"busy"}}', 503, retry_after=7)
    async with Server.running(says(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert (opened.status, opened.retry_after_s) == (503, 7)
        assert await opened.text() == '{"error":{"message":"busy"}}'


async def test_an_error_that_repeats_our_key_is_read_without_it() -> None:
    said = answer(b'{"error":{"message":"token sim-key-default has no access"}}', 403)
    async with Server.running(says(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert await opened.text() == '{"error":{"message":"token *** has no access"}}'


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon"])
async def test_a_retry_after_that_is_no_number_of_seconds_is_passed_over(date: str) -> None:
    said = answer(b"{}", 503, retry_after=date)
    async with Server.running(says(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert opened.retry_after_s is None


async def test_half_an_error_still_has_its_status_and_the_words_so_far() -> None:
    said = head(503, content_type="text/plain", content_length=100) + b"half"
    async with Server.running(says_and_hangs_up(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert (opened.status, await opened.text()) == (503, "half")


async def test_an_endless_error_page_is_read_only_so_far() -> None:
    said = head(502, content_type="text/html", content_length=1 << 30), b"x" * ERROR_BYTES * 4
    async with Server.running(says_and_falls_silent(*said)) as (server, url), sender(url) as lane:
        async with lane.answer() as opened:
            assert await opened.text() == "x" * ERROR_BYTES
        await eventually(lambda: _open(server, 0))


async def test_an_error_page_that_drips_holds_nobody_up() -> None:
    async def drips(turn: Turn) -> None:
        await turn.say(head(503, content_type="text/plain", content_length=1 << 30))
        while not turn.reader.at_eof():
            await turn.say(b"x")
            await asyncio.sleep(0.01)

    async with Server.running(drips) as (server, url), sender(url, error_s=0.05) as lane:
        async with lane.answer() as opened:
            assert set(await opened.text()) <= {"x"}
        await eventually(lambda: _open(server, 0))


async def test_a_redirect_is_not_followed_but_told_as_it_is() -> None:
    async with Server.running(says(answer(b"", 307, location="/elsewhere"))) as (server, url), sender(url) as lane:
        assert await lane.whole() == (307, b"")
        assert len(server.received) == 1


async def test_an_answer_compressed_though_nobody_asked_is_decoded_and_its_length_is_not_believed() -> None:
    body = b'{"candidates":[]}' * 1000
    said = answer(gzip.compress(body), content_encoding="gzip")
    async with Server.running(says(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert opened.length is None
        assert b"".join([chunk async for chunk in opened.chunks()]) == body


async def test_an_answer_that_calls_itself_identity_keeps_its_length() -> None:
    said = answer(b"{}", content_encoding="identity")
    async with Server.running(says(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert opened.length == 2


async def test_an_early_hint_is_passed_over() -> None:
    said = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + answer(b"good")
    async with Server.running(says(said)) as (_, url), sender(url) as lane:
        assert await lane.whole() == (200, b"good")


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    said = head(content_type="application/json", connection="close") + b"good"
    async with Server.running(says_and_hangs_up(said)) as (_, url), sender(url) as lane, lane.answer() as opened:
        assert opened.length is None
        assert b"".join([chunk async for chunk in opened.chunks()]) == b"good"


async def test_a_connection_is_used_again() -> None:
    async with Server.running(says(answer(b"{}"))) as (server, url), sender(url) as lane:
        for _ in range(3):
            await lane.whole()
        assert [each.connection for each in server.received] == [1, 1, 1]
        assert server.open == 1
    await eventually(lambda: _open(server, 0))


@pytest.mark.parametrize(("carrier", "kept"), [("own", 50), ("httpx2", 20)])
async def test_calls_that_wait_do_not_hold_each_other_up(carrier: str, kept: int) -> None:
    together = asyncio.Barrier(50)

    async def all_at_once(turn: Turn) -> None:
        await together.wait()
        await turn.say(answer(b"{}"))

    async with Server.running(all_at_once) as (server, url), sender(url, carrier=carrier) as lane:
        await asyncio.gather(*(lane.whole() for _ in range(50)))
        assert (server.connections, lane.in_flight) == (50, 0)
        await eventually(lambda: _open(server, kept))


async def test_an_idle_connection_that_the_upstream_closed_is_not_taken_for_a_failure() -> None:
    script = in_turn(says_and_hangs_up(answer(b"first")), says(answer(b"second")))
    async with Server.running(script) as (server, url), sender(url) as lane:
        assert await lane.whole() == (200, b"first")
        await eventually(lambda: _open(server, 0))
        assert await lane.whole() == (200, b"second")
        assert [each.connection for each in server.received] == [1, 2]


async def test_a_kept_connection_that_ends_under_a_request_is_lost_and_nothing_is_sent_twice() -> None:
    script = in_turn(says(answer(b"first")), says_and_hangs_up(), says(answer(b"third")))
    async with Server.running(script) as (server, url), sender(url) as lane:
        await lane.whole()
        assert (await lane.failure()).verdict is Verdict.LOST
        assert [each.connection for each in server.received] == [1, 1]
        assert await lane.whole() == (200, b"third")


async def test_a_heavy_answer_comes_in_many_pieces_and_whole() -> None:
    async with Server.running(says(answer(HEAVY))) as (_, url), sender(url) as lane, lane.answer() as opened:
        pieces = [chunk async for chunk in opened.chunks()]
        assert len(pieces) > 20
        assert b"".join(pieces) == HEAVY
        assert opened.length == len(HEAVY)


async def test_a_heavy_request_arrives_whole() -> None:
    sending = Sending("call_1-1", "flash", HEAVY, streams=False, total_s=AMPLE_S)
    async with Server.running(says(answer(b"{}"))) as (server, url), sender(url) as lane:
        assert await lane.whole(sending) == (200, b"{}")
        assert server.received[0].body == HEAVY


async def test_an_error_said_before_the_request_was_read_is_heard() -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"too much", 413, connection="close"))
        writer.write_eof()
        while await reader.read(1 << 16):
            pass

    sending = Sending("call_1-1", "flash", HEAVY, streams=False, total_s=AMPLE_S)
    async with listening(refuses) as url, sender(url) as lane:
        assert await lane.whole(sending) == (413, b"too much")


def _told(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("host", "connection")}


async def _open(server: Server, count: int) -> bool:
    return server.open == count
