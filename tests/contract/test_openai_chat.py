"""Chat completions through the official openai SDK, unmodified: edits over several turns, options, search, forms."""

import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.house import MODEL, PRO, Gateway, Simulator, pixels

OLD = "gemini-2.5-flash-image"


def client(gateway: Gateway) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.secret)


def sizes_of(message: Any) -> list[tuple[int, int]]:
    """The real sizes of a message's pictures."""
    return [pixels(image["image_url"]["url"].partition(",")[2]) for image in (message.model_extra or {})["images"]]


def seen(simulator: Simulator, raw: Any) -> str:
    """The beginning of what the seller was sent for a call."""
    (request,) = simulator.requests(raw.headers["x-gateway-call-id"])
    return str(request["text"])


async def test_an_edit_over_three_turns_sends_the_models_turns_back_signed(
    gateway: Gateway, simulator: Simulator
) -> None:
    messages: list[Any] = []
    async with client(gateway) as api:
        for wish in ("a paper boat", "make it night", "add a moon"):
            messages.append({"role": "user", "content": wish})
            raw = await api.chat.completions.with_raw_response.create(
                model=MODEL, messages=messages, extra_body={"image_size": "512"}
            )
            messages.append(raw.parse().choices[0].message)
            assert sizes_of(messages[-1]) == [(512, 512)]
    words = messages[1]
    signature = words.model_extra["extra_content"]["google"]["thought_signature"]
    own = words.model_extra["images"][0]["extra_content"]["google"]["thought_signature"]
    assert own != signature
    model_turn = {"role": "model", "parts": [{"text": words.content, "thoughtSignature": signature}]}
    begins = json.dumps(model_turn, separators=(",", ":"), ensure_ascii=False).removesuffix("]}")
    assert begins + ',{"inlineData":{"mimeType":"image/' in seen(simulator, raw)


@pytest.mark.parametrize(
    "options",
    [
        {"extra_body": {"extra_body": {"google": {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}}}},
        {"extra_body": {"google": {"imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}}}},
        {"extra_body": {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}, "modalities": ["image"]}},
        {"extra_body": {"aspect_ratio": "16:9", "image_size": "2k"}},
        {"extra_body": {"size": "16:9", "quality": "high"}},
    ],
)
async def test_a_form_is_asked_for_in_any_place(gateway: Gateway, options: dict[str, Any]) -> None:
    async with client(gateway) as api:
        answer = await api.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "a paper boat"}], **options
        )
    assert sizes_of(answer.choices[0].message) == [(2752, 1536)]


async def test_search_is_a_tool_the_upstream_gets(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        raw = await api.chat.completions.with_raw_response.create(
            model=PRO,
            messages=[{"role": "user", "content": "today's weather"}],
            web_search_options={},
            reasoning_effort="low",
            max_tokens=64,
            stop=["END"],
            seed=7,
        )
    sent = json.loads(seen(simulator, raw))
    assert sent["tools"] == [{"googleSearch": {}}]
    assert sent["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "thinkingConfig": {"thinkingLevel": "minimal"},
        "stopSequences": ["END"],
        "seed": 7,
    }


async def test_what_is_not_offered_is_told_before_anything_is_paid(gateway: Gateway, simulator: Simulator) -> None:
    before, spent = len(simulator.bill()), await gateway.spent_nanos()
    weather: Any = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    refused: list[tuple[str, str, dict[str, Any]]] = [
        (MODEL, "tools[0]", {"tools": [weather]}),
        (OLD, "tools.googleSearch", {"web_search_options": {}}),
        (MODEL, "cached_content", {"extra_body": {"google": {"cached_content": "cachedContents/1"}}}),
        (MODEL, "aspect_ratio", {"extra_body": {"image_config": {"aspect_ratio": "7:3"}}}),
    ]
    async with client(gateway) as api:
        for model, param, options in refused:
            with pytest.raises(openai.BadRequestError) as caught:
                await api.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "a paper boat"}], **options
                )
            assert caught.value.param == param
    assert (len(simulator.bill()), await gateway.spent_nanos()) == (before, spent)


@pytest.mark.parametrize("streams", [False, True])
async def test_the_picture_as_markdown(gateway: Gateway, *, streams: bool) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "a paper boat"}],
        "extra_body": {"image_response_format": "markdown"},
    }
    async with client(gateway) as api:
        if streams:
            pieces = [chunk async for chunk in await api.chat.completions.create(stream=True, **asked)]
            content = "".join(each.choices[0].delta.content or "" for each in pieces)
        else:
            content = (await api.chat.completions.create(**asked)).choices[0].message.content or ""
    words, _, data = content.partition("![image](data:image/")
    assert words.endswith("\n\n")
    assert pixels(data.partition(",")[2].removesuffix(")")) == (1024, 1024)


async def test_thoughts_are_reasoning(gateway: Gateway) -> None:
    thinking = {"google": {"thinking_config": {"include_thoughts": True, "thinking_level": "high"}}}
    async with client(gateway) as api:
        answer = await api.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "a paper boat"}], extra_body=thinking
        )
    (choice,) = answer.choices
    assert "composition" in (choice.message.model_extra or {})["reasoning_content"]
    assert "composition:" not in (choice.message.content or "")


async def test_a_refusal_is_an_answer_and_not_an_error(gateway: Gateway) -> None:
    async with client(gateway) as api:
        answer = await api.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "a paper boat [sim:refusal]"}]
        )
    (choice,) = answer.choices
    assert choice.finish_reason == "content_filter"
    assert choice.message.refusal
    assert choice.message.content == choice.message.refusal
