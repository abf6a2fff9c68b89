"""The Files API through the official google-genai SDK: files go up in chunks and come back as pictures."""

import asyncio
import base64
import hashlib
import io
import random
from pathlib import Path

import httpx2
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from tests.contract.test_genai import client, picture, size
from tests.house import MODEL, Gateway, Simulator


def drawn(wide: int, high: int) -> bytes:
    """A PNG of noise, three bytes a pixel."""
    noise = Image.frombytes("RGB", (wide, high), random.Random(7).randbytes(wide * high * 3))
    png = io.BytesIO()
    noise.save(png, "PNG", compress_level=0)
    return png.getvalue()


LARGE = drawn(3200, 2700)  # 26 MB: three of the SDK's chunks of 8 MiB, and a piece
SMALL = drawn(64, 32)

PNG = types.UploadFileConfig(mime_type="image/png", display_name="mug.png")


async def sent(api: genai.client.AsyncClient, png: bytes) -> types.File:
    return await api.files.upload(file=io.BytesIO(png), config=PNG)


def asks(file: types.File, prompt: str) -> list[types.Content]:
    assert file.uri
    shown = types.Part.from_uri(file_uri=file.uri, mime_type=file.mime_type)
    return [types.Content(role="user", parts=[shown, types.Part(text=prompt)])]


async def test_a_file_of_26_mb_goes_up_in_chunks(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        file = await sent(api, LARGE)
        assert file.name
        again = await api.files.get(name=file.name)
    assert (file.size_bytes, file.mime_type, file.display_name) == (len(LARGE), "image/png", "mug.png")
    assert file.state is types.FileState.ACTIVE
    assert file.source is types.FileSource.UPLOADED
    assert file.sha256_hash == base64.b64encode(hashlib.sha256(LARGE).hexdigest().encode()).decode()
    assert file.create_time
    assert file.expiration_time
    assert (file.expiration_time - file.create_time).total_seconds() == 48 * 3600
    assert again == file


async def test_the_synchronous_client_uploads_from_a_path(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "mug.png"
    path.write_bytes(LARGE[: 9 * 1024 * 1024])

    def upload() -> types.File:
        with client(gateway) as api:
            return api.files.upload(file=path)

    file = await asyncio.to_thread(upload)
    assert (file.size_bytes, file.mime_type) == (9 * 1024 * 1024, "image/png")


async def test_a_large_file_is_used_in_two_calls_one_of_them_failing_over(
    gateway: Gateway, simulator: Simulator
) -> None:
    async with client(gateway).aio as api:
        file = await sent(api, LARGE)
        first = await api.models.generate_content(model=MODEL, contents=asks(file, "make it night"))
        second = await api.models.generate_content(model=MODEL, contents=asks(file, "dawn [sim:busy@Default]"))
    assert size(picture(first)) == size(picture(second)) == (1152, 928), "the shape of the reference"
    calls = [_call_id(reply) for reply in (first, second)]
    attempts = [simulator.requests(call) for call in calls]
    assert [len(each) for each in attempts] == [1, 2]
    for attempt in [*attempts[0], *attempts[1]]:
        assert '"inlineData":{"mimeType":"image/png","data":"' in attempt["text"]
        assert base64.b64encode(LARGE[:1500]).decode() in attempt["text"]
        assert "fileData" not in attempt["text"]
        assert attempt["body_bytes"] > len(LARGE) * 4 // 3
    rows = [row for call in calls for row in simulator.bill(call)]
    assert await gateway.spent_nanos() == sum(row["nanos"] for row in rows)


async def test_a_file_object_can_stand_in_the_contents_itself(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway).aio as api:
        file = await sent(api, SMALL)
        shown: list[types.PartUnion] = [file, "make it night"]
        reply = await api.models.generate_content(model=MODEL, contents=shown)
        stream = await api.models.generate_content_stream(model=MODEL, contents=shown)
        chunks = [chunk async for chunk in stream]
    assert size(picture(reply)) == (1376, 768), "the nearest to the reference's shape"
    assert any(part.inline_data for chunk in chunks for part in chunk.parts or [])
    (attempt,) = simulator.requests(_call_id(reply))
    assert base64.b64encode(SMALL[:2700]).decode() in attempt["text"]


async def test_files_are_listed_in_pages_and_deleted(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        files = [await sent(api, SMALL[: 1 + number]) for number in range(5)]
        listed = [each async for each in await api.files.list(config={"page_size": 2})]
        assert [each.name for each in listed] == [each.name for each in reversed(files)]
        for each in files:
            assert each.name
            await api.files.delete(name=each.name)
        assert [each async for each in await api.files.list()] == []
        with pytest.raises(errors.ClientError) as caught:
            await api.files.get(name=files[0].name or "")
    assert (caught.value.code, caught.value.status) == (403, "PERMISSION_DENIED")


async def test_a_name_of_the_callers_own(gateway: Gateway) -> None:
    async with client(gateway).aio as api:
        named = types.UploadFileConfig(name="my-mug", mime_type="image/png")
        file = await api.files.upload(file=io.BytesIO(b"mug"), config=named)
        assert file.name == "files/my-mug"
        with pytest.raises(errors.ClientError) as caught:
            await api.files.upload(file=io.BytesIO(b"mug"), config=named)
    assert (caught.value.code, caught.value.status) == (409, "ALREADY_EXISTS")


async def test_an_unknown_file_is_refused_before_anything_is_spent(gateway: Gateway, simulator: Simulator) -> None:
    before = len(simulator.bill())
    nobodys = types.File(uri="https://generativelanguage.googleapis.com/v1beta/files/nope", mime_type="image/png")
    async with client(gateway).aio as api:
        with pytest.raises(errors.ClientError) as caught:
            await api.models.generate_content(model=MODEL, contents=asks(nobodys, "make it night"))
    assert (caught.value.code, caught.value.status) == (403, "PERMISSION_DENIED")
    assert "access the File nope or it may not exist" in (caught.value.message or "")
    assert len(simulator.bill()) == before


async def test_a_base_url_with_its_version_in_it_uploads_too(gateway: Gateway) -> None:
    options = types.HttpOptions(base_url=f"{gateway.url}/v1beta")
    async with genai.Client(api_key=gateway.secret, http_options=options).aio as api:
        file = await sent(api, SMALL[:1000])
    assert file.size_bytes == 1000


async def test_an_upload_cannot_be_carried_on_with_a_wrong_token(gateway: Gateway) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{gateway.url}/upload/v1beta/files", params={"upload_id": "x" * 43}, content=b"x")
    assert (answer.status_code, answer.headers["x-goog-upload-status"]) == (404, "final")


def _call_id(reply: types.GenerateContentResponse) -> str:
    headers = reply.sdk_http_response.headers if reply.sdk_http_response else None
    assert headers
    return headers["x-gateway-call-id"]
