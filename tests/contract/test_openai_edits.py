"""The official openai SDK edits pictures: only its base_url is ours."""

import base64
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.house import MODEL, Gateway, Simulator, pixels


def client(gateway: Gateway) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.secret)


async def drawn(api: AsyncOpenAI, size: Any = "16:9") -> bytes:
    answer = await api.images.generate(model=MODEL, prompt="a paper boat", size=size)
    assert answer.data
    return base64.b64decode(answer.data[0].b64_json or "")


async def test_one_picture_is_edited_and_keeps_its_ratio(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        boat = await drawn(api)
        raw = await api.images.with_raw_response.edit(model=MODEL, prompt="make it night", image=boat)
    answer = raw.parse()
    assert answer.data
    assert pixels(answer.data[0].b64_json or "") == (1376, 768)
    (seen,) = simulator.requests(raw.headers["x-gateway-call-id"])
    assert seen["text"].startswith('{"contents":[{"role":"user","parts":[{"inlineData"')


async def test_several_pictures_are_edited_into_several(gateway: Gateway) -> None:
    async with client(gateway) as api:
        boat, wide = await drawn(api), await drawn(api, "21:9")
        answer = await api.images.edit(model=MODEL, prompt="both", image=[boat, wide], n=2, size="1024x1024")
    assert [pixels(each.b64_json or "") for each in answer.data or []] == [(1024, 1024)] * 2


async def test_an_edit_is_streamed(gateway: Gateway) -> None:
    async with client(gateway) as api:
        boat = await drawn(api)
        stream = await api.images.edit(model=MODEL, prompt="make it night", image=boat, stream=True)
        events = [event async for event in stream]
    assert [event.type for event in events] == ["image_edit.completed"]
    assert pixels(events[0].b64_json) == (1376, 768)


async def test_a_mask_is_refused_before_anything_is_paid(gateway: Gateway) -> None:
    async with client(gateway) as api:
        boat = await drawn(api)
        before = await gateway.spent_nanos()
        with pytest.raises(openai.BadRequestError) as caught:
            await api.images.edit(model=MODEL, prompt="x", image=boat, mask=boat)
    assert (caught.value.param, caught.value.code) == ("mask", "unsupported_parameter")
    assert await gateway.spent_nanos() == before


async def test_an_edit_fails_over_with_its_picture(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        boat = await drawn(api)
        raw = await api.images.with_raw_response.edit(model=MODEL, prompt="x [sim:busy@Default]", image=boat)
    assert raw.headers["x-gateway-group"] == "NanoBananaEnterprise"
    first, second = simulator.requests(raw.headers["x-gateway-call-id"])
    assert first["sha256"] == second["sha256"]
