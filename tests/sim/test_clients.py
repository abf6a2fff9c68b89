"""The official clients can read what the simulator writes."""

import base64
import io
import re

import openai
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from tests.sim.conftest import DEFAULT, NB2, Caller


@pytest.fixture
def google(sim: Caller) -> genai.Client:
    return genai.Client(api_key=DEFAULT, http_options=types.HttpOptions(base_url=sim.url))


@pytest.fixture
def openai_client(sim: Caller) -> openai.OpenAI:
    return openai.OpenAI(api_key=DEFAULT, base_url=f"{sim.url}/v1", max_retries=0)


def _sizes(parts: list[types.Part] | None) -> list[tuple[int, int]]:
    blobs = [part.inline_data.data for part in parts or [] if part.inline_data and part.inline_data.data]
    return [Image.open(io.BytesIO(blob)).size for blob in blobs]


def test_google_genai_reads_a_reply(google: genai.Client) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K"))
    reply = google.models.generate_content(model=NB2, contents="A heron", config=config)
    assert _sizes(reply.parts) == [(2752, 1536)]
    assert reply.usage_metadata is not None
    assert reply.candidates is not None
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP


def test_google_genai_reads_a_stream(google: genai.Client) -> None:
    chunks = list(google.models.generate_content_stream(model=NB2, contents="A heron"))
    assert [size for chunk in chunks for size in _sizes(chunk.parts)] == [(1024, 1024)]
    assert chunks[-1].usage_metadata is not None


def test_google_genai_raises_what_the_seller_refuses(google: genai.Client) -> None:
    with pytest.raises(errors.ServerError) as raised:
        google.models.generate_content(model=NB2, contents="[sim:unavailable] A heron")
    assert raised.value.code == 503


def test_google_genai_lists_the_models(google: genai.Client) -> None:
    assert NB2 in {model.name for model in google.models.list()}


def test_openai_reads_a_completion(openai_client: openai.OpenAI) -> None:
    reply = openai_client.chat.completions.create(model=NB2, messages=[{"role": "user", "content": "A heron"}])
    found = re.search(r"base64,([^)]+)\)", reply.choices[0].message.content or "")
    assert found is not None
    assert Image.open(io.BytesIO(base64.b64decode(found[1]))).size == (1024, 1024)


def test_openai_reads_a_stream(openai_client: openai.OpenAI) -> None:
    stream = openai_client.chat.completions.create(
        model=NB2,
        messages=[{"role": "user", "content": "A heron"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "](data:image/" in content
    assert chunks[-1].usage is not None


def test_openai_raises_what_the_seller_refuses(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        openai_client.chat.completions.create(model=NB2, messages=[{"role": "user", "content": "[sim:busy] A heron"}])


def test_openai_lists_the_models(openai_client: openai.OpenAI) -> None:
    assert NB2 in {model.id for model in openai_client.models.list()}
