"""Whoever hangs up has paid: the seller goes on drawing, and the bill says nothing was delivered."""

import asyncio
import socket
from typing import Any

import orjson
from starlette.types import ASGIApp, Message

from gateway.sim.app import SimSettings, build_sim
from tests.sim.conftest import DEFAULT, NB2, Caller, Launch


def _raw(call_id: str, prompt: str, size: str = "512") -> bytes:
    body = orjson.dumps(
        {"contents": [{"parts": [{"text": prompt}]}], "generationConfig": {"imageConfig": {"imageSize": size}}}
    )
    head = (
        f"POST /v1beta/models/{NB2}:generateContent?key={DEFAULT} HTTP/1.1\r\nhost: sim\r\n"
        f"x-request-id: {call_id}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _connected(sim: Caller, receive_bytes: int | None = None) -> socket.socket:
    caller = socket.socket()
    if receive_bytes is not None:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    caller.settimeout(60)
    caller.connect((sim.http.base_url.host, sim.http.base_url.port))
    return caller


async def _call(app: ASGIApp, path: str, messages: list[Message]) -> list[Message]:
    """One request without a server: what is received is given, what is sent is returned."""
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    method = "POST" if path.startswith("/v1") else "GET"
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"x-goog-api-key", DEFAULT.encode()), (b"x-request-id", b"left")],
    }
    await app(scope, receive, send)
    return sent


async def test_a_caller_who_leaves_before_the_answer_is_billed() -> None:
    app = build_sim(SimSettings(speed=0, weight="light"))
    body = orjson.dumps({"contents": [{"parts": [{"text": "A heron"}]}]})
    sent = await _call(app, f"/v1beta/models/{NB2}:generateContent", [{"type": "http.request", "body": body}])
    rows: list[dict[str, Any]] = []
    while not rows:
        await asyncio.sleep(0)  # without a server between, the seller works only when it is let
        answer = await _call(app, "/sim/bill", [{"type": "http.request", "body": b""}])
        rows = orjson.loads(answer[1]["body"])["rows"]
    assert sent == []
    assert [(row["id"], row["delivered"]) for row in rows] == [("left", False)]


def test_the_seller_goes_on_drawing_for_a_caller_who_has_left(launch: Launch) -> None:
    with launch(SimSettings(speed=0.001)) as sim:  # a picture takes more than an hour
        with _connected(sim) as caller:
            caller.sendall(_raw("left", "A heron"))
            while sim.status()["at_work"] == 0:
                pass
        while sim.status()["waiting"] > 0:
            pass
        assert sim.status()["at_work"] == 1


def test_a_caller_who_leaves_in_the_middle_of_the_body_is_billed(launch: Launch) -> None:
    with launch(SimSettings(speed=0)) as sim, _connected(sim, receive_bytes=4096) as caller:
        # 6 MB at least, more than the sockets between the two hold: the seller is still sending when its caller leaves.
        caller.sendall(_raw("left", "A heron", "4K"))
        assert caller.recv(15) == b"HTTP/1.1 200 OK"
        assert [row["delivered"] for row in sim.rows("left")] == [True]
        caller.close()
        while sim.rows("left")[0]["delivered"]:
            pass
