"""Request bodies: too large, unreadable, unwanted, slow, or cut off in the middle."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.house import MODEL, Gateway
from tests.waiting import eventually
from tests.web.conftest import BODY_BYTES
from tests.web.raw import line_to
from tests.web.ways import IMAGES, NATIVE, RELAYED, WAYS, Refusal, refusal_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMAGES_PATH = "/v1/images/generations"

TOO_LARGE = Refusal((413, "INVALID_ARGUMENT", "REQUEST_TOO_LARGE"), (413, "invalid_request_error", "request_too_large"))

# What is no request in JSON, and what is said of it.
UNREADABLE = {
    "nothing": (b"", "not valid JSON"),
    "half": (b'{"model": "', "not valid JSON"),
    "a list": (b"[]", "must be a JSON object"),
    "a word": (b'"boat"', "must be a JSON object"),
    "not UTF-8": (b'{"prompt": "\xff"}', "not UTF-8"),
    "too deep": (b'{"a":' + b"[" * 100_000, "nested too deeply"),
    "the same twice": (b'{"model": "a", "model": "b"}', "given twice"),
    "a form": (b"model=a&prompt=b", "not valid JSON"),
}


@pytest.mark.parametrize("name", RELAYED)
async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(shared: Gateway, name: str) -> None:
    way = WAYS[name]
    async with line_to(shared) as line:
        await line.ask("POST", way.path, authorization=f"Bearer {shared.secret}", content_length=BODY_BYTES + 1)
        told = await line.told()
    answer = httpx2.Response(told.status, headers=told.headers, content=told.body)
    assert refusal_of(answer, gemini=way.gemini) == (TOO_LARGE.gemini if way.gemini else TOO_LARGE.openai)
    assert told.headers["x-should-retry"] == "false"


async def test_a_body_that_grows_too_large_is_refused_before_its_end(shared: Gateway) -> None:
    async with line_to(shared) as line:
        await line.ask("POST", IMAGES_PATH, authorization=f"Bearer {shared.secret}", transfer_encoding="chunked")
        chunk = b"%x\r\n%s\r\n" % (BODY_BYTES // 4, b"x" * (BODY_BYTES // 4))
        for _ in range(5):
            await line.say(chunk)
        assert (await line.told()).status == 413


async def test_a_body_of_exactly_the_limit_is_read(shared: Gateway) -> None:
    answer = await shared.http.post(IMAGES_PATH, content=b" " * BODY_BYTES)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, identity"])
async def test_a_compressed_body_is_refused(shared: Gateway, encoding: str) -> None:
    answer = await shared.http.post(IMAGES_PATH, content=b"x", headers={"content-encoding": encoding})
    assert answer.status_code == 400
    assert "uncompressed" in answer.json()["error"]["message"]


async def test_a_body_that_calls_itself_identity_is_read(shared: Gateway) -> None:
    answer = await shared.http.post(IMAGES_PATH, json=IMAGES, headers={"content-encoding": "Identity"})
    assert answer.status_code == 200


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("name", ["generate", "count", "images", "chat"])
async def test_what_is_no_json_object_is_told_so_and_costs_nothing(shared: Gateway, name: str, what: str) -> None:
    body, said = UNREADABLE[what]
    way = WAYS[name]
    if (name, what) == ("count", "the same twice"):
        body, said = b"{", "not valid JSON"  # nothing is priced there
    answer = await shared.http.request(way.method, way.path, content=body)
    status, *_ = refusal_of(answer, gemini=way.gemini)
    assert status == 400
    assert said in answer.json()["error"]["message"]
    assert answer.headers["x-gateway-billed"] == "no"


async def test_twenty_megabytes_from_a_stranger_are_answered_with_a_401_that_can_be_read(shared: Gateway) -> None:
    """Most clients read nothing before they have sent everything: a closed connection would look like a failure."""
    async with line_to(shared) as line:
        await line.ask("POST", IMAGES_PATH, authorization="Bearer no", content_length=20 * BODY_BYTES)
        for _ in range(20):
            await line.say(b"x" * BODY_BYTES)
        assert (await line.told()).status == 401


async def test_after_a_refused_upload_the_connection_can_be_used_again(shared: Gateway) -> None:
    async with line_to(shared) as line:
        await line.ask("POST", IMAGES_PATH, authorization="Bearer no", content_length=BODY_BYTES)
        await line.say(b"x" * BODY_BYTES)
        assert (await line.told()).status == 401
        await line.ask("GET", "/healthz")
        assert (await line.told()).status == 200


async def test_a_client_that_asks_first_is_refused_without_being_asked_for_its_body(shared: Gateway) -> None:
    async with line_to(shared) as line:
        await line.ask("POST", IMAGES_PATH, authorization="Bearer no", content_length=BODY_BYTES, expect="100-continue")
        assert (await line.told()).status == 401


async def test_a_client_that_asks_first_and_may_come_in_is_told_to_go_on(shared: Gateway) -> None:
    body = json.dumps(IMAGES).encode()
    async with line_to(shared) as line:
        key = f"Bearer {shared.secret}"
        await line.ask("POST", IMAGES_PATH, authorization=key, content_length=len(body), expect="100-continue")
        assert (await line.told()).status == 100
        await line.say(body)
        assert (await line.told()).status == 200


async def test_a_body_that_comes_byte_by_byte_is_read_whole(shared: Gateway) -> None:
    body = json.dumps(NATIVE).encode()

    async def drips() -> AsyncIterator[bytes]:
        for at in range(len(body)):
            yield body[at : at + 1]
            await asyncio.sleep(0)

    path = f"/v1beta/models/{MODEL}:generateContent"
    assert (await shared.http.post(path, content=drips())).status_code == 200


async def test_a_caller_who_vanishes_while_sending_leaves_nothing_behind(shared: Gateway) -> None:
    told = len(shared.log.read_text().splitlines())
    async with line_to(shared) as line:
        await line.ask("POST", IMAGES_PATH, authorization=f"Bearer {shared.secret}", content_length=BODY_BYTES)
        await line.say(b"{" * 1000)
        await line.hang_up()
    assert (await shared.images("a boat")).status_code == 200

    async def one_call_is_told() -> bool:
        return len(shared.log.read_text().splitlines()) == told + 1

    await eventually(one_call_is_told)
    assert (await shared.usage())["held_usd"] == "0"
