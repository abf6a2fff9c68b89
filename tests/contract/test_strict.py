"""Every answer and every error, read without any leniency: into Google's own published protocol buffers with unknown
fields refused, and into the OpenAI package's types under strict validation."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from google.ai import generativelanguage_v1beta as google
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2
from openai.types import ImageEditStreamEvent, ImageGenStreamEvent, ImagesResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.shared import ErrorObject
from pydantic import BaseModel, TypeAdapter

from gateway.core.budgets import Budget
from gateway.core.keys import Limits
from gateway.core.sse import EventReader
from tests.dialects.test_answers import png
from tests.house import MODEL, PRO, Gateway, Simulator, open_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = png(64, 64)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """One for all: whatever is asked of it here changes nothing for the others."""
    async with open_gateway(simulator, tmp_path_factory.mktemp("gateway"), failover={"mode": "off"}) as running:
        yield running


# Google's side.


def read(message: Any, text: bytes) -> None:
    """Into a protocol buffer of Google's; a field that it does not have is an error."""
    json_format.Parse(text, message.pb()(), ignore_unknown_fields=False)


def native(text: str, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


THINKING = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}

CONTENTS = [
    native("a boat"),
    native("a boat", **THINKING),
    native("a boat [sim:drafts]"),
    native("a boat [sim:thought-image]"),
    native("a boat [sim:text-only]"),
    native("a boat [sim:refusal]"),
    native("a boat [sim:blocked]"),
    native("a boat [sim:no-image]"),
    native("a boat [sim:no-usage]"),
    native("a boat", tools=[{"googleSearch": {}}]),
]


@pytest.mark.parametrize("body", CONTENTS, ids=json.dumps)
@pytest.mark.parametrize("model", [MODEL, PRO])
async def test_what_is_generated_is_googles(gateway: Gateway, model: str, body: dict[str, Any]) -> None:
    base = f"/v1beta/models/{model}"
    whole = await gateway.http.post(f"{base}:generateContent", json=body)
    assert whole.status_code == 200
    read(google.GenerateContentResponse, whole.content)
    stream = await gateway.http.post(f"{base}:streamGenerateContent?alt=sse", json=body)
    events = [*EventReader().feed(stream.content)]
    assert events
    array = await gateway.http.post(f"{base}:streamGenerateContent", json=body)
    for each in (*events, *(json.dumps(each).encode() for each in json.loads(array.content))):
        read(google.GenerateContentResponse, each)


async def test_models_and_counts_are_googles(gateway: Gateway) -> None:
    read(google.ListModelsResponse, (await gateway.http.get("/v1beta/models")).content)
    read(google.ListModelsResponse, (await gateway.http.get("/v1beta/models?pageSize=1")).content)
    read(google.Model, (await gateway.http.get(f"/v1beta/models/{PRO}")).content)
    shown = {"contents": [{"parts": [{"text": "x"}, {"inlineData": {"mimeType": "image/png", "data": SMALL}}]}]}
    counted = await gateway.http.post(f"/v1beta/models/{MODEL}:countTokens", json=shown)
    read(google.CountTokensResponse, counted.content)


async def test_files_are_googles(gateway: Gateway) -> None:
    start = {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": "5",
        "x-goog-upload-header-content-type": "image/png",
    }
    begun = await gateway.http.post("/upload/v1beta/files", json={"file": {"displayName": "x"}}, headers=start)
    last = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
    sent = await gateway.http.post(begun.headers["x-goog-upload-url"], content=b"12345", headers=last)
    read(google.CreateFileResponse, sent.content)
    name = sent.json()["file"]["name"]
    read(google.File, (await gateway.http.get(f"/v1beta/{name}")).content)
    read(google.ListFilesResponse, (await gateway.http.get("/v1beta/files")).content)
    gone = await gateway.http.delete(f"/v1beta/{name}")
    assert gone.json() == {}


GOOGLES_ERRORS = [
    ("POST", f"/v1beta/models/{MODEL}:generateContent", {"contents": []}, 400),
    ("POST", f"/v1beta/models/{MODEL}:generateContent", {"contents": 7}, 400),
    ("POST", f"/v1beta/models/{MODEL}:generateContent", native("a [sim:busy]"), 503),
    ("POST", f"/v1beta/models/{MODEL}:generateContent", native("a [sim:error]"), 502),
    ("POST", f"/v1beta/models/{MODEL}:generateContent", native("a [sim:quota]"), 503),
    ("POST", "/v1beta/models/gemini-nope:generateContent", native("x"), 404),
    ("POST", f"/v1beta/models/{MODEL}:predict", {}, 404),
    ("POST", f"/v1beta/models/{MODEL}:countTokens", {"contents": 7}, 400),
    ("GET", "/v1beta/models/gemini-nope", None, 404),
    ("GET", "/v1beta/files/nothing", None, 403),
    ("GET", "/v1beta/nothing", None, 404),
    ("POST", "/v1beta/interactions", {}, 404),
    ("DELETE", f"/v1beta/models/{MODEL}", None, 405),
]


# What may stand in the details of a google.rpc.Status.
DETAILS = set(error_details_pb2.DESCRIPTOR.message_types_by_name)


def check_google_error(answer: httpx2.Response) -> None:
    """Google's envelope: a google.rpc.Status, and beside it the name of the code."""
    document = answer.json()
    assert list(document) == ["error"]
    error = document["error"]
    assert error.pop("status") in code_pb2.Code.keys()  # noqa: SIM118  an enum's names, not a dict's
    assert error["code"] == answer.status_code
    assert error["message"]
    for detail in error.get("details", ()):
        assert detail["@type"].removeprefix("type.googleapis.com/google.rpc.") in DETAILS
    json_format.ParseDict(error, status_pb2.Status(), ignore_unknown_fields=False)


@pytest.mark.parametrize(("method", "path", "body", "status"), GOOGLES_ERRORS, ids=lambda value: str(value)[:60])
async def test_an_error_is_googles(gateway: Gateway, method: str, path: str, body: Any, status: int) -> None:
    answer = await gateway.http.request(method, path, json=body)
    assert answer.status_code == status
    check_google_error(answer)


@pytest.mark.parametrize("path", [f"/v1beta/models/{MODEL}:generateContent", "/v1beta/models", "/v1beta/files"])
async def test_without_a_key_the_error_is_googles(gateway: Gateway, path: str) -> None:
    method = "POST" if ":" in path else "GET"
    for secret in ("", "sk-gw-" + "x" * 43):
        headers = {"x-goog-api-key": secret, "authorization": ""}
        answer = await gateway.http.request(method, path, headers=headers, json=native("x"))
        assert answer.status_code in (400, 401, 403)
        check_google_error(answer)


# OpenAI's side.

ANSWER = TypeAdapter(ImagesResponse)
GENERATED: TypeAdapter[Any] = TypeAdapter(ImageGenStreamEvent)
EDITED: TypeAdapter[Any] = TypeAdapter(ImageEditStreamEvent)
COMPLETION, CHUNK = TypeAdapter(ChatCompletion), TypeAdapter(ChatCompletionChunk)
RESPONSE = TypeAdapter(Response)
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ERROR = TypeAdapter(ErrorObject)


class ModelList(BaseModel):
    object: str
    data: list[Model]


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": PRO, "messages": [{"role": "user", "content": text}], **more}


WHOLE: list[tuple[str, dict[str, Any], TypeAdapter[Any]]] = [
    ("/v1/images/generations", {"model": MODEL, "prompt": "a boat"}, ANSWER),
    ("/v1/images/generations", {"model": MODEL, "prompt": "a boat", "n": 2, "size": "16:9", "quality": "low"}, ANSWER),
    ("/v1/images/generations", {"model": MODEL, "prompt": "a boat", "response_format": "url"}, ANSWER),
    ("/v1/images/generations", {"model": MODEL, "prompt": "a boat", "quality": "hd"}, ANSWER),
    ("/v1/images/generations", {"model": MODEL, "prompt": "a boat [sim:no-usage]"}, ANSWER),
    ("/v1/images/edits", {"model": MODEL, "prompt": "x", "image": f"data:image/png;base64,{SMALL}"}, ANSWER),
    ("/v1/chat/completions", chat("a boat"), COMPLETION),
    ("/v1/chat/completions", chat("a boat", n=2), COMPLETION),
    ("/v1/chat/completions", chat("a boat", image_response_format="markdown"), COMPLETION),
    ("/v1/chat/completions", chat("a boat", web_search_options={}), COMPLETION),
    ("/v1/chat/completions", chat("a boat [sim:refusal]"), COMPLETION),
    ("/v1/chat/completions", chat("a boat [sim:blocked]"), COMPLETION),
    ("/v1/chat/completions", chat("a boat [sim:text-only]"), COMPLETION),
    ("/v1/chat/completions", chat("a boat [sim:no-usage]"), COMPLETION),
    ("/v1/responses", {"model": MODEL, "input": "a boat"}, RESPONSE),
    ("/v1/responses", {"model": PRO, "input": "a boat", "reasoning": {"summary": "auto"}}, RESPONSE),
    ("/v1/responses", {"model": MODEL, "input": "a boat", "quality": "standard"}, RESPONSE),
    ("/v1/responses", {"model": MODEL, "input": "a boat [sim:refusal]"}, RESPONSE),
    ("/v1/responses", {"model": MODEL, "input": "a boat [sim:no-usage]"}, RESPONSE),
]


@pytest.mark.parametrize(
    ("path", "body", "kind"), WHOLE, ids=lambda value: json.dumps(value)[:90] if isinstance(value, dict) else ""
)
async def test_a_whole_answer_is_openais(
    gateway: Gateway, path: str, body: dict[str, Any], kind: TypeAdapter[Any]
) -> None:
    answer = await gateway.http.post(path, json=body)
    assert answer.status_code == 200
    kind.validate_json(answer.content, strict=True)


def streams() -> Iterator[tuple[str, dict[str, Any], TypeAdapter[Any]]]:
    """The same, streamed, each event by its own type."""
    by_path = {
        "/v1/images/generations": GENERATED,
        "/v1/images/edits": EDITED,
        "/v1/chat/completions": CHUNK,
        "/v1/responses": EVENT,
    }
    more = {"/v1/chat/completions": {"stream_options": {"include_usage": True}}}
    for path, body, _ in WHOLE:
        yield path, {**body, "stream": True, **more.get(path, {})}, by_path[path]
    drafts = {"model": PRO, "prompt": "a boat", "stream": True, "partial_images": 2}
    yield "/v1/images/generations", drafts, GENERATED
    yield "/v1/images/edits", {**drafts, "image": f"data:image/png;base64,{SMALL}"}, EDITED


@pytest.mark.parametrize(
    ("path", "body", "kind"), [*streams()], ids=lambda value: json.dumps(value)[:90] if isinstance(value, dict) else ""
)
async def test_every_event_is_openais(
    gateway: Gateway, path: str, body: dict[str, Any], kind: TypeAdapter[Any]
) -> None:
    answer = await gateway.http.post(path, json=body)
    assert answer.status_code == 200
    events = [data for data in EventReader().feed(answer.content) if data != b"[DONE]"]
    assert events
    for each in events:
        kind.validate_json(each, strict=True)


async def test_models_are_openais(gateway: Gateway) -> None:
    listed = ModelList.model_validate_json((await gateway.http.get("/v1/models")).content, strict=True)
    assert listed.object == "list"
    Model.model_validate_json((await gateway.http.get(f"/v1/models/{PRO}-4k")).content, strict=True)


OPENAIS_ERRORS = [
    ("POST", "/v1/images/generations", {"model": MODEL, "prompt": ""}, 400),
    ("POST", "/v1/images/generations", {"model": MODEL, "prompt": "x", "size": "7:5"}, 400),
    ("POST", "/v1/images/generations", {"model": MODEL, "prompt": "x [sim:refusal]"}, 400),
    ("POST", "/v1/images/generations", {"model": MODEL, "prompt": "x [sim:no-image]"}, 400),
    ("POST", "/v1/images/edits", {"model": MODEL, "prompt": "x"}, 400),
    ("POST", "/v1/images/variations", {}, 404),
    ("POST", "/v1/chat/completions", {"model": MODEL}, 400),
    ("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": []}, 404),
    ("POST", "/v1/chat/completions", chat("a [sim:busy]"), 503),
    ("POST", "/v1/chat/completions", chat("a [sim:error]"), 502),
    ("POST", "/v1/chat/completions", chat("a [sim:garbage]"), 502),
    ("POST", "/v1/chat/completions", chat("a [sim:quota]"), 503),
    ("POST", "/v1/responses", {"model": MODEL}, 400),
    ("POST", "/v1/embeddings", {}, 404),
    ("GET", "/v1/models/gpt-4o", None, 404),
    ("GET", "/v1/nothing", None, 404),
    ("DELETE", f"/v1/models/{MODEL}", None, 405),
]


def check_openai_error(answer: httpx2.Response) -> None:
    document = answer.json()
    assert list(document) == ["error"]
    error = document["error"]
    assert list(error) == ["message", "type", "param", "code"]
    ERROR.validate_python(error, strict=True)


@pytest.mark.parametrize(("method", "path", "body", "status"), OPENAIS_ERRORS, ids=lambda value: str(value)[:60])
async def test_an_error_is_openais(gateway: Gateway, method: str, path: str, body: Any, status: int) -> None:
    answer = await gateway.http.request(method, path, json=body)
    assert answer.status_code == status
    check_openai_error(answer)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/images/generations", "/v1/responses", "/v1/models"])
async def test_without_a_key_the_error_is_openais(gateway: Gateway, path: str) -> None:
    for header in ("", "Bearer sk-gw-" + "x" * 43):
        method = "GET" if path.endswith("models") else "POST"
        answer = await gateway.http.request(method, path, headers={"authorization": header}, json={})
        assert answer.status_code == 401
        check_openai_error(answer)


async def test_an_empty_budget_is_an_error_in_both(gateway: Gateway) -> None:
    _, secret = await gateway.new_key(Limits(Budget(1)))
    headers = {"authorization": f"Bearer {secret}"}
    asked = await gateway.http.post("/v1/images/generations", json={"model": MODEL, "prompt": "x"}, headers=headers)
    assert asked.status_code == 429
    check_openai_error(asked)
    body = native("x")
    asked = await gateway.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body, headers=headers)
    assert asked.status_code == 429
    check_google_error(asked)
