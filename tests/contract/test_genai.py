"""The official google-genai SDK, unmodified: only its base_url is ours."""

import asyncio
import base64
import io
import json

import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from tests.house import MODEL, Gateway, Simulator, native_picture


def client(gateway: Gateway, secret: str | None = None, version: str | None = None) -> genai.Client:
    options = types.HttpOptions(base_url=gateway.url, api_version=version)
    return genai.Client(api_key=secret or gateway.secret, http_options=options)


def wanted(ratio: str | None = None, size: str | None = None) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio=ratio, image_size=size))


def picture(reply: types.GenerateContentResponse) -> types.Blob:
    assert reply.parts
    (blob,) = [part.inline_data for part in reply.parts if part.inline_data]
    return blob


def size(blob: types.Blob) -> tuple[int, int]:
    assert blob.data
    with Image.open(io.BytesIO(blob.data)) as image:
        image.load()
        return image.size


@pytest.mark.parametrize("version", [None, "v1beta", "v1"])
async def test_generate(gateway: Gateway, simulator: Simulator, version: str | None) -> None:
    async with client(gateway, version=version).aio as api:
        reply = await api.models.generate_content(model=MODEL, contents="a paper boat", config=wanted())
    assert size(picture(reply)) == (1024, 1024)
    assert reply.usage_metadata
    assert reply.usage_metadata.total_token_count
    (row,) = simulator.bill(_call_id(reply))
    assert await gateway.spent_nanos() == row["nanos"]


async def test_generate_4k_21_to_9(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway).aio as api:
        reply = await api.models.generate_content(model=MODEL, contents="a paper boat", config=wanted("21:9", "4K"))
    blob = picture(reply)
    assert size(blob) == (6336, 2688)
    sent = native_picture(json.loads(simulator.reply(f"{_call_id(reply)}-1")))
    assert blob.data == base64.b64decode(sent)


async def test_a_picture_is_edited(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway).aio as api:
        first = await api.models.generate_content(model=MODEL, contents="a paper boat", config=wanted("16:9"))
        blob = picture(first)
        shown = types.Part.from_bytes(data=blob.data or b"", mime_type=blob.mime_type or "")
        asked = types.Content(role="user", parts=[shown, types.Part(text="make it night")])
        second = await api.models.generate_content(model=MODEL, contents=asked)
    assert size(picture(second)) == (1376, 768)


async def test_a_chat_keeps_its_picture_and_signature(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        chat = api.chats.create(model=MODEL)
        first = await chat.send_message("a paper boat")
        second = await chat.send_message("make it night")
    assert size(picture(first)) == size(picture(second)) == (1024, 1024)


async def test_stream(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        stream = await api.models.generate_content_stream(model=MODEL, contents="a paper boat")
        chunks = [chunk async for chunk in stream]
    blobs = [part.inline_data for chunk in chunks for part in chunk.parts or [] if part.inline_data]
    assert [size(blob) for blob in blobs] == [(1024, 1024)]
    assert chunks[-1].usage_metadata
    assert chunks[-1].usage_metadata.total_token_count


async def test_list_and_get_models(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        names = [model.name async for model in await api.models.list()]
        one = await api.models.get(model=MODEL)
        alias = await api.models.get(model="gemini-3.1-flash-image")
    assert f"models/{MODEL}" in names
    assert one.name == f"models/{MODEL}"
    assert one.output_token_limit == 32768
    assert alias.name == "models/gemini-3.1-flash-image"


async def test_count_tokens_draws_nothing(gateway: Gateway, simulator: Simulator) -> None:
    before = len(simulator.bill())
    async with client(gateway).aio as api:
        counted = await api.models.count_tokens(model=MODEL, contents="a paper boat")
    assert counted.total_tokens == 3
    assert len(simulator.bill()) == before
    assert await gateway.spent_nanos() == 0


async def test_a_bad_key(gateway: Gateway) -> None:
    async with client(gateway, "sk-gw-" + "x" * 43).aio as api:
        with pytest.raises(errors.ClientError) as caught:
            await api.models.generate_content(model=MODEL, contents="x")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert "API key not valid" in (caught.value.message or "")


async def test_an_unknown_model(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        with pytest.raises(errors.ClientError) as caught:
            await api.models.generate_content(model="gemini-nope", contents="x")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert "models/gemini-nope is not found" in (caught.value.message or "")


async def test_a_failing_group_is_not_noticed(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        reply = await api.models.generate_content(model=MODEL, contents="a paper boat [sim:busy@Default]")
    assert size(picture(reply)) == (1024, 1024)


async def test_the_synchronous_client_works_too(gateway: Gateway) -> None:
    def generate() -> types.GenerateContentResponse:
        with client(gateway) as api:
            return api.models.generate_content(model=MODEL, contents="a paper boat")

    assert size(picture(await asyncio.to_thread(generate))) == (1024, 1024)


def _call_id(reply: types.GenerateContentResponse) -> str:
    headers = reply.sdk_http_response.headers if reply.sdk_http_response else None
    assert headers
    return headers["x-gateway-call-id"]
