"""Bodies read piece by piece, as the server hands them over."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.core.errors import BodyTooLarge, BodyTooSlow, CallerLeft, GatewayBusy
from gateway.web.bodies import Bodies
from gateway.web.request import Request

Receive = Callable[[], Awaitable[dict[str, Any]]]


def request(**headers: str) -> Request:
    return Request("req_1", "POST", "/v1/images/generations", headers, {}, "http", arrived_at=0.0)


def pieces(*chunks: bytes | None) -> Receive:
    """Gives one chunk at each call; None is a caller who hangs up. After the last it stays silent."""
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        chunk = left.pop(0)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": chunk != b"!"}

    return receive


async def test_a_body_is_all_its_pieces_and_is_counted_while_it_is_used() -> None:
    bodies = Bodies(100, 100)
    body = await bodies.read(request(), pieces(b"one ", b"two", b"!"))
    assert body == b"one two!"
    assert bodies.in_memory == 8
    bodies.forgotten(len(body))
    assert bodies.in_memory == 0


async def test_what_does_not_fit_beside_the_others_is_asked_to_come_again() -> None:
    bodies = Bodies(100, 100)
    await bodies.read(request(), pieces(b"x" * 60, b"!"))
    with pytest.raises(GatewayBusy):
        await bodies.read(request(**{"content-length": "50"}), pieces())
    with pytest.raises(GatewayBusy):
        await bodies.read(request(), pieces(b"x" * 30, b"x" * 30, b"!"))
    assert bodies.in_memory == 61


async def test_a_body_that_grows_too_large_is_refused_before_its_end() -> None:
    bodies = Bodies(100, None)
    with pytest.raises(BodyTooLarge):
        await bodies.read(request(), pieces(b"x" * 60, b"x" * 60))
    assert bodies.in_memory == 0


@pytest.mark.parametrize("limits", [{"idle_s": 0.02}, {"total_s": 0.02}])
async def test_a_body_that_does_not_come_is_given_up(limits: dict[str, float]) -> None:
    bodies = Bodies(100, None, **limits)
    with pytest.raises(BodyTooSlow):
        await bodies.read(request(), pieces(b"half"))
    assert bodies.in_memory == 0


async def test_a_caller_who_hangs_up_in_the_middle_is_nobodys_error() -> None:
    bodies = Bodies(100, None)
    with pytest.raises(CallerLeft):
        await bodies.read(request(), pieces(b"half", None))
    assert bodies.in_memory == 0
