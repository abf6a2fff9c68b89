"""Every plain call of the openai SDK, sync and async: a program that runs in environments of other versions.

Prints one JSON object: what became of each call, "ok" or what went wrong. Arguments: base address, key.
"""

import asyncio
import base64
import io
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import openai
from PIL import Image

MODEL = "gemini-3.1-flash-image-preview"
FORM = {"google": {"image_config": {"aspect_ratio": "21:9", "image_size": "4K"}}}
CHAT = [{"role": "user", "content": "a paper boat"}]


def size(encoded: str) -> tuple[int, int]:
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        image.load()
        return image.size


def expect(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise ValueError(f"{found!r} is not {wanted!r}")


def chat_picture(message: Any) -> str:
    images = message.images if hasattr(message, "images") else message["images"]
    return str(images[0]["image_url"]["url"].partition(",")[2])


def boat(api: Any) -> bytes:
    return base64.b64decode(api.images.generate(model=MODEL, prompt="a paper boat", size="16:9").data[0].b64_json)


def generate(api: Any) -> None:
    answer = api.images.generate(model=MODEL, prompt="a paper boat", size="1536x1024")
    expect(size(answer.data[0].b64_json), (1264, 848))


def generate_4k(api: Any) -> None:
    answer = api.images.generate(model=MODEL, prompt="a paper boat", extra_body=FORM)
    expect(size(answer.data[0].b64_json), (6336, 2688))


def generate_two(api: Any) -> None:
    answer = api.images.generate(model=MODEL, prompt="a paper boat", n=2)
    expect([size(each.b64_json) for each in answer.data], [(1024, 1024)] * 2)


def generate_stream(api: Any) -> None:
    stream = api.images.generate(model=MODEL, prompt="a paper boat", stream=True)
    expect([(event.type, size(event.b64_json)) for event in stream], [("image_generation.completed", (1024, 1024))])


def edit(api: Any) -> None:
    answer = api.images.edit(model=MODEL, prompt="make it night", image=boat(api))
    expect(size(answer.data[0].b64_json), (1376, 768))


def edit_two(api: Any) -> None:
    picture = boat(api)
    answer = api.images.edit(model=MODEL, prompt="both", image=[picture, picture], size="1024x1024")
    expect(size(answer.data[0].b64_json), (1024, 1024))


def chat(api: Any) -> None:
    answer = api.chat.completions.create(model=MODEL, messages=CHAT)
    expect(size(chat_picture(answer.choices[0].message)), (1024, 1024))
    expect(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)


def chat_stream(api: Any) -> None:
    stream = api.chat.completions.create(
        model=MODEL, messages=CHAT, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    pictured = [delta for delta in deltas if getattr(delta, "images", None)]
    expect(size(chat_picture(pictured[0])), (1024, 1024))
    expect(chunks[-1].usage.total_tokens > 1000, True)


def models(api: Any) -> None:
    expect(MODEL in [each.id for each in api.models.list()], True)
    expect(api.models.retrieve(f"{MODEL}-4k").id, f"{MODEL}-4k")


def bad_key(api: Any) -> None:
    try:
        api.with_options(api_key="sk-gw-" + "x" * 43).images.generate(model=MODEL, prompt="x")
    except openai.AuthenticationError as error:
        expect((error.status_code, error.code), (401, "invalid_api_key"))
    else:
        raise ValueError("was let in")


def unknown_model(api: Any) -> None:
    try:
        api.chat.completions.create(model="gpt-image-1", messages=CHAT)
    except openai.NotFoundError as error:
        expect((error.status_code, error.code, error.param), (404, "model_not_found", "model"))
    else:
        raise ValueError("was answered")


CALLS = (
    generate,
    generate_4k,
    generate_two,
    generate_stream,
    edit,
    edit_two,
    chat,
    chat_stream,
    models,
    bad_key,
    unknown_model,
)


async def async_generate(api: Any) -> None:
    answer = await api.images.generate(model=MODEL, prompt="a paper boat")
    expect(size(answer.data[0].b64_json), (1024, 1024))


async def async_chat_stream(api: Any) -> None:
    stream = await api.chat.completions.create(model=MODEL, messages=CHAT, stream=True)
    deltas = [choice.delta async for chunk in stream for choice in chunk.choices]
    expect(size(chat_picture(next(delta for delta in deltas if getattr(delta, "images", None)))), (1024, 1024))


ASYNC_CALLS: tuple[Callable[[Any], Awaitable[None]], ...] = (async_generate, async_chat_stream)


def main(base: str, key: str) -> dict[str, str]:
    outcomes = {}
    options: dict[str, Any] = {"base_url": f"{base}/v1", "api_key": key, "max_retries": 0}
    with openai.OpenAI(**options) as api:
        for call in CALLS:
            outcomes[call.__name__] = _outcome(partial(call, api))
    for later in ASYNC_CALLS:
        outcomes[later.__name__] = _outcome(partial(asyncio.run, _async(later, options)))
    return outcomes


async def _async(call: Callable[[Any], Awaitable[None]], options: dict[str, Any]) -> None:
    async with openai.AsyncOpenAI(**options) as api:
        await call(api)


def _outcome(call: Callable[[], None]) -> str:
    try:
        call()
    except Exception as error:  # whatever it is, it is what the table is to show
        return f"{type(error).__name__}: {error}"[:300]
    return "ok"


if __name__ == "__main__":
    print(json.dumps({"version": openai.__version__, "calls": main(*sys.argv[1:])}))
