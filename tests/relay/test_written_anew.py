"""Answers in OpenAI's formats: the seller's very picture, the same for whoever comes back, and never half of one."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.bench.wire import targets
from tests.house import MODEL, Gateway, Simulator, native_picture, open_gateway
from tests.waiting import PATIENCE_S

IMAGES = {"model": MODEL, "prompt": "a boat"}
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}
MARKDOWN, BOTH = {"image_response_format": "markdown"}, {"image_response_format": "both"}
RESPONSES = {"model": MODEL, "input": "a boat"}
STREAMS = {"stream": True}

# And how often the picture is in the answer.
ASKED: dict[str, tuple[str, dict[str, Any], int]] = {
    "images": ("/v1/images/generations", IMAGES, 1),
    "images, streamed": ("/v1/images/generations", {**IMAGES, **STREAMS}, 1),
    "chat": ("/v1/chat/completions", CHAT, 1),
    "chat, streamed": ("/v1/chat/completions", {**CHAT, **STREAMS}, 1),
    "chat in Markdown": ("/v1/chat/completions", {**CHAT, **MARKDOWN}, 1),
    "chat in both": ("/v1/chat/completions", {**CHAT, **BOTH, **STREAMS}, 2),
    "a response": ("/v1/responses", RESPONSES, 1),
    "a response, streamed": ("/v1/responses", {**RESPONSES, **STREAMS}, 2),
}


@pytest.fixture(scope="module")
def heavy() -> Iterator[Simulator]:
    """A seller whose pictures weigh what real ones do."""
    with Simulator.started("--speed", "0") as running:
        yield running


@pytest.mark.parametrize("name", ASKED)
async def test_the_answer_has_the_sellers_picture_and_so_has_the_next(
    heavy: Simulator, tmp_path: Path, name: str
) -> None:
    path, body, often = ASKED[name]
    async with open_gateway(heavy, tmp_path) as gateway:
        once = {"idempotency-key": "5f0c9f3e"}
        first = await gateway.http.post(path, json=body, headers=once)
        again = await gateway.http.post(path, json=body, headers=once)
    assert (first.status_code, again.headers["x-gateway-replayed"]) == (200, "true")
    assert again.content == first.content
    (row,) = heavy.bill(first.headers["x-gateway-call-id"])
    picture = native_picture(json.loads(heavy.reply(row["id"])))
    assert len(picture) > 1_000_000
    assert first.text.count(picture) == often
    if "stream" not in body:
        assert json.loads(first.content)
        assert int(first.headers["content-length"]) == len(first.content)


@asynccontextmanager
async def begun(gateway: Gateway, path: str, body: dict[str, Any]) -> Any:
    """The head of an answer that is read no further than that, and what reads on."""
    told = json.dumps(body).encode()
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.secret}\r\nidempotency-key: 1\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(told)}\r\n\r\n".encode() + told)
    try:
        yield await reader.readuntil(b"\r\n\r\n"), reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def to_its_end(reader: asyncio.StreamReader) -> bytes:
    found = []
    with suppress(OSError):
        while piece := await reader.read(1 << 20):
            found.append(piece)
    return b"".join(found)


@pytest.mark.parametrize("streams", [False, True])
async def test_an_answer_whose_picture_is_lost_on_its_way_is_broken_off(tmp_path: Path, streams: bool) -> None:
    size = 64_000_000  # more than is on the way between two sockets
    with targets.seller(tmp_path) as seller:
        async with open_gateway(Simulator(seller.url), tmp_path) as gateway:
            body = {"model": MODEL, "prompt": f"a boat [{size} bytes]", "stream": streams}
            async with asyncio.timeout(PATIENCE_S), begun(gateway, "/v1/images/generations", body) as (head, reader):
                assert head.startswith(b"HTTP/1.1 200")
                (kept,) = (tmp_path / "data" / "vault" / "results").rglob("*.0")
                with kept.open("r+b") as file:
                    file.truncate(0)
                came = await to_its_end(reader)
    assert 0 < len(came) < size
    if streams:
        assert b"0\r\n\r\n" not in came[-5:]
        assert b"event: error" not in came
    else:
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        assert int(length[1]) > size - 1000
