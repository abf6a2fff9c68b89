"""Every call of the google-genai SDK that a picture can come from, and its errors.

Runs in environments of its versions. Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import io
import random
import sys
from typing import Any

from google import genai
from google.genai import errors, types
from PIL import Image

from tests.sdks.trial import expect, listed, now, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
WIDE = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="21:9", image_size="4K"))
SQUARE, BANNER = (1024, 1024), (6336, 2688)


def blobs(*replies: Any) -> list[Any]:
    contents = [reply.candidates[0].content for reply in replies if reply.candidates]
    parts = [part for content in contents if content and content.parts for part in content.parts]
    return [part.inline_data for part in parts if part.inline_data]


def sizes(*replies: Any) -> list[tuple[int, int]]:
    return [size(blob.data) for blob in blobs(*replies)]


async def generate(api: Any) -> None:
    reply = await now(api.models.generate_content(model=MODEL, contents=PROMPT))
    expect(sizes(reply), [SQUARE])
    expect((reply.usage_metadata.total_token_count or 0) > 1000, True)


async def generate_4k(api: Any) -> None:
    expect(sizes(await now(api.models.generate_content(model=MODEL, contents=PROMPT, config=WIDE))), [BANNER])


async def generate_picture(api: Any) -> None:
    (blob,) = blobs(await now(api.models.generate_content(model=MODEL, contents=PROMPT, config=WIDE)))
    shown = types.Part.from_bytes(data=blob.data, mime_type=blob.mime_type)
    expect(sizes(await now(api.models.generate_content(model=MODEL, contents=[shown, "make it night"]))), [(1584, 672)])


async def stream(api: Any) -> None:
    chunks = await listed(api.models.generate_content_stream(model=MODEL, contents=PROMPT))
    expect(sizes(*chunks), [SQUARE])
    expect((chunks[-1].usage_metadata.total_token_count or 0) > 1000, True)


async def chat(api: Any) -> None:
    turns = api.chats.create(model=MODEL, config=WIDE)
    for wish in (PROMPT, "make it night", "add a moon"):
        expect(sizes(await now(turns.send_message(wish))), [BANNER])


async def chat_stream(api: Any) -> None:
    turns = api.chats.create(model=MODEL)
    for wish in (PROMPT, "make it night", "add a moon"):
        expect(sizes(*await listed(turns.send_message_stream(wish))), [SQUARE])


def noise() -> io.BytesIO:
    """A PNG of 10 MB: two of the SDK's chunks."""
    picture = io.BytesIO()
    Image.frombytes("RGB", (2048, 1632), random.Random(7).randbytes(2048 * 1632 * 3)).save(picture, "PNG")
    picture.seek(0)
    return picture


async def upload(api: Any) -> Any:
    return await now(api.files.upload(file=noise(), config=types.UploadFileConfig(mime_type="image/png")))


async def file_used(api: Any) -> None:
    file = await upload(api)
    expect(sizes(await now(api.models.generate_content(model=MODEL, contents=[file, "make it night"]))), [(1152, 928)])


async def files(api: Any) -> None:
    file = await upload(api)
    expect((await now(api.files.get(name=file.name))).sha256_hash, file.sha256_hash)
    expect(file.name in [each.name for each in await listed(api.files.list())], True)
    await now(api.files.delete(name=file.name))
    expect(file.name in [each.name for each in await listed(api.files.list())], False)


async def models(api: Any) -> None:
    expect(f"models/{MODEL}" in [each.name for each in await listed(api.models.list())], True)
    expect((await now(api.models.get(model=MODEL))).name, f"models/{MODEL}")


async def count_tokens(api: Any) -> None:
    expect((await now(api.models.count_tokens(model=MODEL, contents=PROMPT))).total_tokens, 3)


async def refused(api: Any, code: int, status: str, **asked: Any) -> None:
    """That a call ends in the SDK's own exception, with the code and status given."""
    try:
        await now(api.models.generate_content(**{"model": MODEL, "contents": PROMPT, **asked}))
    except errors.ClientError as error:
        expect((error.code, error.status), (code, status))
    else:
        raise ValueError("was answered")


async def bad_key(api: Any) -> None:
    stranger = {"x-goog-api-key": "sk-gw-" + "x" * 43}
    config = types.GenerateContentConfig(http_options=types.HttpOptions(headers=stranger))
    await refused(api, 400, "INVALID_ARGUMENT", config=config)


async def unknown_model(api: Any) -> None:
    await refused(api, 404, "NOT_FOUND", model="gemini-nope")


async def wrong_ratio(api: Any) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="7:5"))
    await refused(api, 400, "INVALID_ARGUMENT", config=config)


CALLS = {
    "generate_content": generate,
    "generate_content, 4K 21:9": generate_4k,
    "generate_content, a picture in": generate_picture,
    "generate_content, an uploaded file in": file_used,
    "generate_content_stream": stream,
    "chats, three turns at 4K": chat,
    "chats, three turns streamed": chat_stream,
    "files.upload, get, list, delete": files,
    "models.list, models.get": models,
    "count_tokens": count_tokens,
    "a wrong key is a 400": bad_key,
    "an unknown model is a 404": unknown_model,
    "a wrong ratio is a 400": wrong_ratio,
}


async def main(base: str, key: str) -> None:
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base))
    await tell(genai.__version__, CALLS, {"sync": client, "async": client.aio})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
