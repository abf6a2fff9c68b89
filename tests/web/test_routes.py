"""Which family a request belongs to, what is not there, and the request's id."""

import httpx2
import pytest

from tests.house import MODEL, Gateway
from tests.web.ways import CHAT, NATIVE, WAYS, Refusal, refusal_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_FOUND = Refusal((404, "NOT_FOUND", "NOT_FOUND"), (404, "invalid_request_error", "not_found"))
NO_MODEL = Refusal((404, "NOT_FOUND", "MODEL_NOT_FOUND"), (404, "invalid_request_error", "model_not_found"))
WRONG_METHOD = Refusal(
    (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED"), (405, "invalid_request_error", "method_not_allowed")
)

# What is not there, and who would have asked for it.
NOWHERE = [
    ("GET", "/v1beta/nothing", True),
    ("POST", f"/v1beta/models/{MODEL}:predict", True),
    ("POST", f"/v1/models/{MODEL}:predict", True),
    ("GET", "/v1beta", True),
    ("POST", "/upload/v1beta/models", True),
    ("GET", "/v1/nothing", False),
    ("GET", "/v1", False),
    ("POST", "/v1/embeddings", False),
    ("POST", "/chat/nothing", False),
]

UNKNOWN_MODEL = [
    ("POST", "/v1beta/models/gpt-image-1:generateContent", NATIVE, True),
    ("POST", "/v1beta/models/gpt-image-1:streamGenerateContent", NATIVE, True),
    ("POST", "/v1beta/models/gpt-image-1:countTokens", NATIVE, True),
    ("GET", "/v1beta/models/gpt-image-1", None, True),
    ("POST", f"/v1beta/models/{MODEL}-9k:generateContent", NATIVE, True),
    ("POST", "/v1/images/generations", {"model": "gpt-image-1", "prompt": "a boat"}, False),
    ("POST", "/v1/chat/completions", {**CHAT, "model": "gpt-4o"}, False),
    ("GET", "/v1/models/gpt-image-1", None, False),
]


@pytest.mark.parametrize(("method", "path", "gemini"), NOWHERE)
async def test_what_is_not_there_is_told_in_the_familys_own_words(
    shared: Gateway, method: str, path: str, gemini: bool
) -> None:
    answer = await shared.http.request(method, path)
    assert refusal_of(answer, gemini=gemini) == (NOT_FOUND.gemini if gemini else NOT_FOUND.openai)


async def test_on_a_shared_path_the_form_of_the_credential_says_whose_words(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    answer = await stranger.get("/v1/nothing", headers={"x-goog-api-key": shared.secret})
    assert refusal_of(answer, gemini=True) == NOT_FOUND.gemini


@pytest.mark.parametrize(("method", "path", "body", "gemini"), UNKNOWN_MODEL)
async def test_an_unknown_model_is_told_with_the_known_ones(
    shared: Gateway, method: str, path: str, body: dict[str, object] | None, gemini: bool
) -> None:
    answer = await shared.http.request(method, path, json=body)
    assert refusal_of(answer, gemini=gemini) == (NO_MODEL.gemini if gemini else NO_MODEL.openai)
    assert MODEL in answer.json()["error"]["message"]
    if not gemini:
        assert answer.json()["error"]["param"] == "model"


@pytest.mark.parametrize("name", WAYS)
async def test_a_wrong_method_is_told_with_the_right_one(shared: Gateway, name: str) -> None:
    way = WAYS[name]
    answer = await shared.http.request("PUT", way.path)
    assert refusal_of(answer, gemini=way.gemini) == (WRONG_METHOD.gemini if way.gemini else WRONG_METHOD.openai)
    assert f"takes {way.method}, not PUT" in answer.json()["error"]["message"]


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "DELETE", "PATCH", "TRACE"])
async def test_no_other_method_draws_a_picture(shared: Gateway, method: str) -> None:
    answer = await shared.http.request(method, "/v1/images/generations")
    assert answer.status_code == 405
    assert answer.headers["x-gateway-billed"] == "no"
    assert bool(answer.content) == (method != "HEAD")


FORMS = {
    "bearer": ({"authorization": "Bearer {}"}, "data"),
    "azure's header": ({"api-key": "{}"}, "data"),
    "google's header": ({"x-goog-api-key": "{}"}, "models"),
    "bearer of google's client": ({"authorization": "Bearer {}", "x-goog-api-client": "google-genai-sdk/3"}, "models"),
}


@pytest.mark.parametrize("form", FORMS)
async def test_the_list_of_models_is_in_the_callers_format(
    shared: Gateway, stranger: httpx2.AsyncClient, form: str
) -> None:
    headers, holds = FORMS[form]
    answer = await stranger.get("/v1/models", headers={n: value.format(shared.secret) for n, value in headers.items()})
    assert answer.status_code == 200
    assert holds in answer.json()


async def test_a_key_in_the_query_is_googles_way(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    assert "models" in (await stranger.get(f"/v1/models?key={shared.secret}")).json()


@pytest.mark.parametrize("name", WAYS)
async def test_a_callers_own_request_id_is_kept(shared: Gateway, name: str) -> None:
    assert (await WAYS[name].go(shared.http, x_request_id="my-id.1:2_3")).headers["x-request-id"] == "my-id.1:2_3"


@pytest.mark.parametrize("given", ["a", "x" * 128])
async def test_a_request_id_may_be_so_short_and_so_long(shared: Gateway, given: str) -> None:
    assert (await WAYS["openai models"].go(shared.http, x_request_id=given)).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["two words", "x" * 129, 'quote"d', "caf\u00e9", "<b>"])
async def test_a_request_id_that_might_do_harm_is_replaced(shared: Gateway, given: str) -> None:
    told = (await WAYS["images"].go(shared.http, x_request_id=given)).headers["x-request-id"]
    assert told.startswith("req_")
    assert len(told) == 28


async def test_an_error_has_the_callers_request_id_too(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    answer = await WAYS["images"].go(stranger, x_request_id="mine")
    assert (answer.status_code, answer.headers["x-request-id"]) == (401, "mine")


async def test_every_request_has_an_id_of_its_own(shared: Gateway) -> None:
    ids = {(await WAYS["openai models"].go(shared.http)).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_an_answer_says_what_it_was_and_what_it_cost(shared: Gateway) -> None:
    answer = await WAYS["images"].go(shared.http)
    told = {name: value for name, value in answer.headers.items() if name.startswith(("x-", "cache"))}
    assert told.keys() == {
        "cache-control",
        "x-accel-buffering",
        "x-request-id",
        "x-gateway-call-id",
        "x-gateway-group",
        "x-gateway-attempts",
        "x-gateway-billed",
        "x-gateway-cost-usd",
    }
    assert (told["x-gateway-billed"], told["x-gateway-group"], told["x-gateway-attempts"]) == ("yes", "Default", "1")
    assert 0 < float(told["x-gateway-cost-usd"]) < 1
