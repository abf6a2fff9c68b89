"""curl, as scripts and old tools use it: HTTP/1.0, bodies of unknown length, Expect: 100-continue."""

import asyncio
import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from gateway.core.sse import EventReader
from tests.house import MODEL, Gateway, native_picture, pixels

NATIVE = json.dumps({"contents": [{"parts": [{"text": "a boat"}]}]})
CHAT = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]})
STREAM = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "a boat"}], "stream": True})

GENERATE = f"/v1beta/models/{MODEL}:generateContent"
EVENTS = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"

# What makes curl speak differently, for the same request.
WAYS = {
    "plain": (),
    "HTTP/1.0": ("--http1.0",),
    "HTTP/1.0, kept alive": ("--http1.0", "-H", "Connection: keep-alive"),
    "chunked": ("-H", "Transfer-Encoding: chunked"),
    "Expect": ("-H", "Expect: 100-continue", "--expect100-timeout", "60"),
    "Expect, chunked": ("-H", "Expect: 100-continue", "-H", "Transfer-Encoding: chunked", "--expect100-timeout", "60"),
    "compressed answers": ("--compressed",),
    "as a form": ("-H", "Content-Type: application/x-www-form-urlencoded"),
}


async def curl(gateway: Gateway, path: str, *options: str, body: str | None = None) -> tuple[int, bytes]:
    """The status, and the body as it was delivered whole; curl itself must be content with it."""
    command = ["curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {gateway.secret}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
    process = await asyncio.create_subprocess_exec(
        *(*command, *options, gateway.url + path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate(None if body is None else body.encode())
    assert process.returncode == 0, failed.decode()
    answer, _, status = said.rpartition(b"\n")
    return int(status), answer


@pytest.mark.parametrize("way", WAYS)
async def test_a_native_call(gateway: Gateway, way: str) -> None:
    status, answer = await curl(gateway, GENERATE, *WAYS[way], body=NATIVE)
    assert status == 200
    assert pixels(native_picture(json.loads(answer))) == (1024, 1024)


@pytest.mark.parametrize("way", WAYS)
async def test_a_native_stream(gateway: Gateway, way: str) -> None:
    status, answer = await curl(gateway, EVENTS, *WAYS[way], body=NATIVE)
    assert status == 200
    chunks = [json.loads(data) for data in EventReader().feed(answer)]
    (picture,) = [
        part["inlineData"]["data"]
        for chunk in chunks
        for part in chunk["candidates"][0]["content"]["parts"]
        if "inlineData" in part
    ]
    assert pixels(picture) == (1024, 1024)


@pytest.mark.parametrize("way", WAYS)
async def test_a_chat(gateway: Gateway, way: str) -> None:
    status, answer = await curl(gateway, "/v1/chat/completions", *WAYS[way], body=CHAT)
    assert status == 200
    (image,) = json.loads(answer)["choices"][0]["message"]["images"]
    assert pixels(image["image_url"]["url"].partition(",")[2]) == (1024, 1024)


@pytest.mark.parametrize("way", WAYS)
async def test_a_streamed_chat(gateway: Gateway, way: str) -> None:
    status, answer = await curl(gateway, "/v1/chat/completions", *WAYS[way], body=STREAM)
    assert status == 200
    assert answer.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("way", WAYS)
async def test_a_reference_of_many_megabytes(gateway: Gateway, way: str) -> None:
    picture = base64.b64encode(_noise()).decode()
    shown = {"inlineData": {"mimeType": "image/png", "data": picture}}
    body = json.dumps({"contents": [{"parts": [shown, {"text": "make it night"}]}]})
    status, answer = await curl(gateway, GENERATE, *WAYS[way], body=body)
    assert status == 200
    assert pixels(native_picture(json.loads(answer))) == (1376, 768)


async def test_an_edit_as_a_form(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "boat.png").write_bytes(_noise())
    fields = ("-F", f"model={MODEL}", "-F", "prompt=make it night", "-F", f"image[]=@{tmp_path / 'boat.png'}")
    for more in ((), ("--http1.0",), ("-H", "Expect: 100-continue"), ("-H", "Transfer-Encoding: chunked")):
        status, answer = await curl(gateway, "/v1/images/edits", *fields, *more)
        assert status == 200
        assert pixels(json.loads(answer)["data"][0]["b64_json"]) == (1376, 768)


async def test_without_a_key_a_large_body_is_not_even_asked_for(gateway: Gateway) -> None:
    """Who says Expect waits for a 100: a refusal comes instead of it, and the megabytes stay where they are."""
    stranger = replace(gateway, secret="sk-gw-nobody")
    expects = ("-H", "Expect: 100-continue", "--expect100-timeout", "60", "-w", "\n%{size_upload}\n%{http_code}")
    body = json.dumps({"contents": [{"parts": [{"text": "x" * 5_000_000}]}]})
    status, answer = await curl(stranger, GENERATE, *expects, body=body)
    error, _, uploaded = answer.rpartition(b"\n")
    assert (status, json.loads(error)["error"]["status"], uploaded) == (400, "INVALID_ARGUMENT", b"0")


def _noise() -> bytes:
    """A PNG of 16:9 that nothing makes smaller."""
    out = io.BytesIO()
    Image.effect_noise((1920, 1080), 90).save(out, "PNG", compress_level=0)
    return out.getvalue()
