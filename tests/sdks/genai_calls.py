"""Every plain call of the google-genai SDK, sync and async: a program that runs in environments of other versions.

Prints one JSON object: what became of each call, "ok" or what went wrong. Arguments: base address, key.
"""

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from google import genai
from google.genai import errors, types
from PIL import Image

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"


def size(reply: Any) -> tuple[int, int]:
    return opened(next(part.inline_data for part in reply.candidates[0].content.parts if part.inline_data))


def opened(blob: Any) -> tuple[int, int]:
    with Image.open(io.BytesIO(blob.data)) as image:
        image.load()
        return image.size


def expect(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise ValueError(f"{found!r} is not {wanted!r}")


def wide() -> types.GenerateContentConfig:
    return types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="21:9", image_size="4K"))


def blobs(chunks: list[Any]) -> list[Any]:
    contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
    parts = [part for content in contents if content and content.parts for part in content.parts]
    return [part.inline_data for part in parts if part.inline_data]


def generate(api: Any) -> None:
    reply = api.models.generate_content(model=MODEL, contents=PROMPT)
    expect(size(reply), (1024, 1024))
    expect((reply.usage_metadata.total_token_count or 0) > 1000, True)


def generate_4k(api: Any) -> None:
    expect(size(api.models.generate_content(model=MODEL, contents=PROMPT, config=wide())), (6336, 2688))


def stream(api: Any) -> None:
    chunks = list(api.models.generate_content_stream(model=MODEL, contents=PROMPT))
    expect([opened(blob) for blob in blobs(chunks)], [(1024, 1024)])
    expect((chunks[-1].usage_metadata.total_token_count or 0) > 1000, True)


def edit(api: Any) -> None:
    first = api.models.generate_content(model=MODEL, contents=PROMPT, config=wide())
    blob = next(part.inline_data for part in first.candidates[0].content.parts if part.inline_data)
    shown = types.Part.from_bytes(data=blob.data, mime_type=blob.mime_type)
    expect(size(api.models.generate_content(model=MODEL, contents=[shown, "make it night"])), (1584, 672))


def chat(api: Any) -> None:
    turns = api.chats.create(model=MODEL)
    for prompt in (PROMPT, "make it night", "and bluer"):
        expect(size(turns.send_message(prompt)), (1024, 1024))


def models(api: Any) -> None:
    expect(f"models/{MODEL}" in [each.name for each in api.models.list()], True)
    expect(api.models.get(model=MODEL).name, f"models/{MODEL}")


def count_tokens(api: Any) -> None:
    expect(api.models.count_tokens(model=MODEL, contents=PROMPT).total_tokens, 3)


def unknown_model(api: Any) -> None:
    try:
        api.models.generate_content(model="gemini-nope", contents=PROMPT)
    except errors.ClientError as error:
        expect((error.code, error.status), (404, "NOT_FOUND"))
    else:
        raise ValueError("was answered")


CALLS = (generate, generate_4k, stream, edit, chat, models, count_tokens, unknown_model)


async def async_generate(api: Any) -> None:
    expect(size(await api.aio.models.generate_content(model=MODEL, contents=PROMPT)), (1024, 1024))


async def async_stream(api: Any) -> None:
    chunks = [chunk async for chunk in await api.aio.models.generate_content_stream(model=MODEL, contents=PROMPT)]
    expect([opened(blob) for blob in blobs(chunks)], [(1024, 1024)])


ASYNC_CALLS: tuple[Callable[[Any], Awaitable[None]], ...] = (async_generate, async_stream)


def client(base: str, key: str) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base))


def main(base: str, key: str) -> dict[str, str]:
    api = client(base, key)
    outcomes = {call.__name__: _outcome(partial(call, api)) for call in CALLS}
    for later in ASYNC_CALLS:
        outcomes[later.__name__] = _outcome(partial(_async, later, base, key))
    outcomes["bad_key"] = _outcome(lambda: bad_key(base))
    return outcomes


def _async(call: Callable[[Any], Awaitable[None]], base: str, key: str) -> None:
    async def run() -> None:
        await call(client(base, key))

    asyncio.run(run())


def bad_key(base: str) -> None:
    api = client(base, "sk-gw-" + "x" * 43)
    try:
        api.models.generate_content(model=MODEL, contents=PROMPT)
    except errors.ClientError as error:
        expect((error.code, error.status), (400, "INVALID_ARGUMENT"))
    else:
        raise ValueError("was let in")


def _outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except Exception as error:  # whatever it is, it is what the table is to show
        return f"{type(error).__name__}: {error}"[:300]
    return "ok"


if __name__ == "__main__":
    print(json.dumps({"version": genai.__version__, "calls": main(*sys.argv[1:])}))
