"""Answers in pieces: Gemini's two streams and chat's, whole, slow and failing."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.relay.vigil import Pulse
from tests.house import MODEL, Gateway, Simulator, native_picture, open_gateway, pixels

NATIVE = f"/v1beta/models/{MODEL}:generateContent"
NATIVE_STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"


@pytest.fixture(scope="module")
def slow() -> Iterator[Simulator]:
    """A seller that takes a second or two for what really takes ten."""
    with Simulator.started("--speed", "8", "--light") as running:
        yield running


def native(prompt: str) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": prompt}]}]}


def chat(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "stream": True, **more}


def events(text: str) -> list[str]:
    """The data of every event; fails where something else stands between them, but for comments."""
    lines = [line for line in text.splitlines() if line and not line.startswith(":")]
    assert all(line.startswith("data: ") for line in lines)
    return [line.removeprefix("data: ") for line in lines]


async def pieces(gateway: Gateway, path: str, body: dict[str, Any]) -> tuple[httpx2.Response, list[bytes]]:
    """An answer, and its body as it came over the wire."""
    async with gateway.http.stream("POST", path, json=body) as answer:
        return answer, [piece async for piece in answer.aiter_raw()]


async def test_events_are_the_sellers_own_and_hold_the_picture(gateway: Gateway) -> None:
    answer = await gateway.http.post(f"{NATIVE_STREAM}?alt=sse", json=native("a boat"))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    documents = [json.loads(each) for each in events(answer.text)]
    pictured = [each for each in documents if "inlineData" in json.dumps(each)]
    assert pixels(native_picture(pictured[0])) == (1024, 1024)
    assert documents[-1]["usageMetadata"]["totalTokenCount"] > 0


async def test_an_array_holds_the_same_as_the_events(gateway: Gateway, simulator: Simulator) -> None:
    answer = await gateway.http.post(NATIVE_STREAM, json=native("a boat"))
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    sent = simulator.reply(f"{answer.headers['x-gateway-call-id']}-1").decode()
    assert answer.json() == [json.loads(each) for each in events(sent)]


async def test_a_chat_stream_begins_with_the_role_and_ends_with_usage_and_done(gateway: Gateway) -> None:
    body = chat("a boat", stream_options={"include_usage": True})
    answer = await gateway.http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"] == "text/event-stream"
    *told, done = events(answer.text)
    assert done == "[DONE]"
    chunks = [json.loads(each) for each in told]
    assert {each["id"] for each in chunks} == {f"chatcmpl-{answer.headers['x-gateway-call-id']}"}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    (image,) = [each for chunk in chunks[:-1] for each in chunk["choices"][0]["delta"].get("images", [])]
    assert pixels(image["image_url"]["url"].partition("base64,")[2]) == (1024, 1024)
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"] > 0) == ([], True)


@pytest.mark.parametrize("path", [f"{NATIVE_STREAM}?alt=sse", NATIVE_STREAM], ids=["events", "array"])
async def test_a_slow_native_stream_comes_as_it_is_drawn_and_whole(slow: Simulator, tmp_path: Path, path: str) -> None:
    async with open_gateway(slow, tmp_path) as gateway:
        answer, came = await pieces(gateway, path, native("a boat [sim:trickle]"))
        assert answer.status_code == 200
        assert len(came) > 1
        sent = slow.reply(f"{answer.headers['x-gateway-call-id']}-1")
        documents = [json.loads(each) for each in events(sent.decode())]
        whole = b"".join(came)
        assert whole == sent if "alt=sse" in path else json.loads(whole) == documents


async def test_a_chat_stream_is_opened_before_the_picture_is_there_and_fails_in_its_own_format(
    simulator: Simulator, tmp_path: Path
) -> None:
    timeouts = {"connect_s": 5, "idle_s": 30, "total_s": 3, "total_long_s": 3, "client_s": 60}
    async with open_gateway(simulator, tmp_path, timeouts=timeouts) as gateway:
        answer, (first, *rest) = await pieces(gateway, "/v1/chat/completions", chat("a boat [sim:hang]"))
        assert answer.status_code == 200
        assert answer.headers["x-gateway-billed"] == "unknown"
        assert float(answer.headers["x-gateway-hold-usd"]) > 0
        (role,) = events(first.decode())
        assert json.loads(role)["choices"][0]["delta"]["role"] == "assistant"
        error, done = events(b"".join(rest).decode())
        assert json.loads(error)["error"]["code"] == "upstream_timeout_unsettled"
        assert done == "[DONE]"
        assert await gateway.spent_nanos() == 0


FAILING = {
    "events": (f"{NATIVE_STREAM}?alt=sse", native("a boat [sim:busy]")),
    "array": (NATIVE_STREAM, native("a boat [sim:busy]")),
    "chat": ("/v1/chat/completions", chat("a boat [sim:busy]")),
}


@pytest.mark.parametrize("name", FAILING)
async def test_a_stream_that_never_began_fails_with_its_status(gateway: Gateway, name: str) -> None:
    path, body = FAILING[name]
    answer = await gateway.http.post(path, json=body)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.headers["x-should-retry"] == "true"
    assert list(answer.json()) == ["error"]


QUICK = Pulse(open_s=0.05, beat_s=0.05)


async def test_a_native_stream_is_kept_warm_with_blank_lines_alone(slow: Simulator, tmp_path: Path) -> None:
    async with open_gateway(slow, tmp_path, pulse=QUICK) as gateway:
        answer = await gateway.http.post(f"{NATIVE_STREAM}?alt=sse", json=native("a boat"))
        warm, _, rest = answer.content.partition(b"data: ")
        assert len(warm) >= 4
        assert warm.strip() == b""
        assert b"data: " + rest == slow.reply(f"{answer.headers['x-gateway-call-id']}-1")


async def test_an_array_is_kept_warm_with_white_space(slow: Simulator, tmp_path: Path) -> None:
    async with open_gateway(slow, tmp_path, pulse=QUICK) as gateway:
        answer = await gateway.http.post(NATIVE_STREAM, json=native("a boat"))
        assert answer.content.startswith(b"\r\n\r\n")
        assert len(answer.json()) > 1


async def test_a_chat_stream_begins_with_the_role_and_is_kept_warm_with_comments(
    slow: Simulator, tmp_path: Path
) -> None:
    async with open_gateway(slow, tmp_path, pulse=QUICK) as gateway:
        answer = await gateway.chat("a boat", stream=True)
        blocks = answer.text.split("\n\n")
        assert '"role":"assistant"' in blocks[0]
        assert blocks[1] == blocks[2] == ": drawing"
        assert blocks[-2] == "data: [DONE]"


async def test_a_failure_after_the_first_heartbeat_is_told_in_the_stream(slow: Simulator, tmp_path: Path) -> None:
    async with open_gateway(slow, tmp_path, pulse=QUICK) as gateway:
        answer = await gateway.http.post(f"{NATIVE_STREAM}?alt=sse", json=native("a boat [sim:error]"))
        assert answer.status_code == 200
        (told,) = [json.loads(each) for each in events(answer.text)]
        assert told["error"]["code"] == 502


UNARY = {
    "native": (NATIVE, native),
    "images": ("/v1/images/generations", lambda prompt: {"model": MODEL, "prompt": prompt}),
    "chat": (
        "/v1/chat/completions",
        lambda prompt: {"model": MODEL, "messages": [{"role": "user", "content": prompt}]},
    ),
}


@pytest.fixture
async def warm(slow: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    timeouts = {"unary_warm_s": 0.05}
    async with open_gateway(slow, tmp_path, pulse=QUICK, timeouts=timeouts) as gateway:
        yield gateway


@pytest.mark.parametrize("way", UNARY)
async def test_what_is_no_stream_is_kept_warm_with_white_space_if_so_set(warm: Gateway, way: str) -> None:
    path, body = UNARY[way]
    answer = await warm.http.post(path, json=body("a boat"))
    assert answer.status_code == 200
    assert len(answer.content) - len(answer.content.lstrip(b" ")) >= 2
    assert "content-length" not in answer.headers
    assert answer.json()


async def test_one_that_is_warm_and_fails_breaks_and_owes_nothing(warm: Gateway) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        await warm.images("a boat [sim:error]")
    assert await warm.spent_nanos() == 0


async def test_what_fails_at_once_keeps_its_status(warm: Gateway) -> None:
    assert (await warm.images("a boat", model="nobody")).status_code == 404
