"""What a call has held is free when the call is over: a request of 20 MB does not wait for the garbage collector."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.call import Parsed
from tests.house import MODEL, Gateway
from tests.waiting import eventually

NATIVE: dict[str, Any] = {"contents": [{"parts": [{"text": "a boat"}]}]}
IMAGES = {"model": MODEL, "prompt": "a boat"}
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}

ASKED = {
    "native": (f"/v1beta/models/{MODEL}:generateContent", NATIVE),
    "native, streamed": (f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", NATIVE),
    "images": ("/v1/images/generations", {**IMAGES, "n": 2}),
    "images, streamed": ("/v1/images/generations", {**IMAGES, "stream": True}),
    "chat": ("/v1/chat/completions", CHAT),
    "chat, streamed": ("/v1/chat/completions", {**CHAT, "stream": True}),
    "a response": ("/v1/responses", {"model": MODEL, "input": "a boat"}),
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def requests() -> int:
    return sum(isinstance(each, Parsed) for each in gc.get_objects())


@pytest.mark.parametrize("name", ASKED)
async def test_a_request_is_let_go_of_when_its_call_is_over(gateway: Gateway, uncollected: None, name: str) -> None:
    path, body = ASKED[name]
    before = requests()
    for headers in ({}, {"idempotency-key": "1"}, {"idempotency-key": "1"}):
        answer = await gateway.http.post(path, json=body, headers=headers)
        assert answer.status_code == 200

        async def over() -> bool:
            return requests() == before

        await eventually(over)
