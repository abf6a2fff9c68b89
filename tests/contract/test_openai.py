"""The official openai SDK, unmodified: only its base_url is ours."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from gateway.core.budgets import Budget
from gateway.core.keys import Limits
from gateway.core.money import nanos_of
from tests.house import MODEL, PRO, Gateway, Simulator, pixels


def client(gateway: Gateway, secret: str | None = None, **options: Any) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=secret or gateway.secret, **options)


def chat_picture(url: str) -> str:
    head, _, data = url.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return data


async def test_images_generate(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        raw = await api.images.with_raw_response.generate(
            model=MODEL, prompt="a paper boat", size="1536x1024", quality="high"
        )
    answer = raw.parse()
    assert answer.data
    assert answer.data[0].b64_json
    assert pixels(answer.data[0].b64_json) == (1264, 848)
    assert answer.size == "1264x848"
    assert answer.usage
    (bill,) = simulator.bill(raw.headers["x-gateway-call-id"])
    assert answer.usage.output_tokens == bill["output_tokens"]
    assert await gateway.spent_nanos() == bill["nanos"]


async def test_images_generate_4k_by_extra_body(gateway: Gateway) -> None:
    config = {"google": {"image_config": {"aspect_ratio": "21:9", "image_size": "4K"}}}
    async with client(gateway) as api:
        answer = await api.images.generate(model=MODEL, prompt="a paper boat", extra_body=config)
    assert answer.data
    assert pixels(answer.data[0].b64_json or "") == (6336, 2688)


async def test_images_generate_several(gateway: Gateway) -> None:
    async with client(gateway) as api:
        answer = await api.images.generate(model=MODEL, prompt="a paper boat", n=2)
    assert [pixels(each.b64_json or "") for each in answer.data or []] == [(1024, 1024)] * 2


async def test_images_generate_as_an_address(gateway: Gateway) -> None:
    async with client(gateway) as api:
        answer = await api.images.generate(model=MODEL, prompt="a paper boat", response_format="url")
    assert answer.data
    async with httpx2.AsyncClient(trust_env=False) as http:
        picture = (await http.get(answer.data[0].url or "")).content
    assert pixels(base64.b64encode(picture).decode()) == (1024, 1024)


async def test_images_generate_streamed(gateway: Gateway) -> None:
    async with client(gateway) as api:
        stream = await api.images.generate(model=MODEL, prompt="a paper boat", stream=True)
        events = [event async for event in stream]
    assert [event.type for event in events] == ["image_generation.completed"]
    assert pixels(events[0].b64_json) == (1024, 1024)
    assert events[0].size == "1024x1024"


async def test_images_generate_streamed_with_a_draft(gateway: Gateway) -> None:
    async with client(gateway) as api:
        stream = await api.images.generate(model=PRO, prompt="a paper boat", stream=True, partial_images=2)
        draft, done = [event async for event in stream]
    assert draft.type == "image_generation.partial_image"
    assert draft.partial_image_index == 0
    assert done.type == "image_generation.completed"
    assert pixels(draft.b64_json) == pixels(done.b64_json) == (1024, 1024)
    assert draft.b64_json != done.b64_json


async def test_a_streamed_refusal_is_the_sdks_own_error(gateway: Gateway) -> None:
    async with client(gateway) as api:
        with pytest.raises(openai.BadRequestError, match="refused") as caught:
            await api.images.generate(model=MODEL, prompt="x [sim:refusal]", stream=True)
    assert caught.value.code == "moderation_blocked"


async def test_chat_with_a_picture_in_and_out(gateway: Gateway) -> None:
    async with client(gateway) as api:
        first = await api.images.generate(model=MODEL, prompt="a paper boat", size="16:9")
        assert first.data
        url = f"data:image/png;base64,{first.data[0].b64_json}"
        answer = await api.chat.completions.create(
            model=MODEL,
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "make it night"},
                        {"type": "image_url", "image_url": {"url": url}},
                    ],
                }
            ],
        )
    choice = answer.choices[0]
    images: Any = choice.message.model_extra["images"] if choice.message.model_extra else None
    assert choice.finish_reason == "stop"
    assert pixels(chat_picture(images[0]["image_url"]["url"])) == (1376, 768)
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_chat_stream(gateway: Gateway) -> None:
    deltas: list[Any] = []
    usage = None
    async with client(gateway) as api:
        stream = await api.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "a paper boat"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            usage = chunk.usage or usage
            deltas += [choice.delta for choice in chunk.choices]
    assert deltas[0].role == "assistant"
    (images,) = [delta.model_extra["images"] for delta in deltas if "images" in (delta.model_extra or {})]
    assert pixels(chat_picture(images[0]["image_url"]["url"])) == (1024, 1024)
    assert usage is not None
    assert usage.total_tokens > 1120


async def test_models_list_and_retrieve(gateway: Gateway) -> None:
    async with client(gateway) as api:
        names = [model.id async for model in api.models.list()]
        one = await api.models.retrieve(f"{MODEL}-4k")
    assert {MODEL, f"{MODEL}-4k"} <= set(names)
    assert one.id == f"{MODEL}-4k"


async def test_the_size_in_a_name_is_drawn(gateway: Gateway) -> None:
    async with client(gateway) as api:
        answer = await api.images.generate(model=f"{MODEL}-2k", prompt="a paper boat")
    assert answer.data
    assert pixels(answer.data[0].b64_json or "") == (2048, 2048)


async def test_a_bad_key(gateway: Gateway) -> None:
    async with client(gateway, "sk-gw-" + "x" * 43) as api:
        with pytest.raises(openai.AuthenticationError) as caught:
            await api.images.generate(model=MODEL, prompt="x")
    assert caught.value.code == "invalid_api_key"


async def test_an_unknown_model(gateway: Gateway) -> None:
    async with client(gateway) as api:
        with pytest.raises(openai.NotFoundError) as caught:
            await api.chat.completions.create(model="gpt-image-1", messages=[{"role": "user", "content": "x"}])
        with pytest.raises(openai.NotFoundError):
            await api.models.retrieve("gpt-image-1")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_a_wrong_size_names_the_parameter(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        with pytest.raises(openai.BadRequestError) as caught:
            await api.images.generate(model=MODEL, prompt="x", size="7:3")
    assert caught.value.param == "size"
    assert await gateway.spent_nanos() == 0


async def test_an_empty_budget_is_not_retried(gateway: Gateway, simulator: Simulator) -> None:
    _, secret = await gateway.new_key(Limits(Budget(nanos_of("0.01"))))
    before = len(simulator.bill())
    async with client(gateway, secret) as api:
        with pytest.raises(openai.RateLimitError) as caught:
            await api.images.generate(model=MODEL, prompt="x")
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(simulator.bill()) == before


async def test_a_refusal_is_not_retried_and_charged_once(gateway: Gateway, simulator: Simulator) -> None:
    before = len(simulator.bill())
    async with client(gateway) as api:
        with pytest.raises(openai.BadRequestError) as caught:
            await api.images.generate(model=MODEL, prompt="x [sim:refusal]")
    assert caught.value.code == "moderation_blocked"
    assert len(simulator.bill()) == before + 1


async def test_a_failing_group_is_not_noticed(gateway: Gateway) -> None:
    async with client(gateway, max_retries=0) as api:
        answer = await api.images.generate(model=MODEL, prompt="a paper boat [sim:error@Default]")
    assert answer.data
    assert pixels(answer.data[0].b64_json or "") == (1024, 1024)


async def test_the_synchronous_client_works_too(gateway: Gateway, tmp_path: Path) -> None:
    def generate() -> str:
        with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.secret) as api:
            answer = api.images.generate(model=MODEL, prompt="a paper boat")
        assert answer.data
        return answer.data[0].b64_json or ""

    assert pixels(await asyncio.to_thread(generate)) == (1024, 1024)
