import pytest

from gateway.core.errors import NotFound, WrongMethod
from gateway.dialects.base import Operation
from gateway.dialects.routes import Route, credential, for_callers, route, speaks_gemini

GOOG = {"x-goog-api-key": "k"}
BEARER = {"authorization": "Bearer k"}

ROUTES = [
    ("POST", "/v1beta/models/m:generateContent", GOOG, Route("gemini", Operation.GENERATE, "v1beta", "m")),
    ("POST", "/v1/models/m:generateContent", BEARER, Route("gemini", Operation.GENERATE, "v1", "m")),
    ("POST", "/v1/models/models/m:generateContent", GOOG, Route("gemini", Operation.GENERATE, "v1", "models/m")),
    ("POST", "//v1beta/models/m:streamGenerateContent/", GOOG, Route("gemini", Operation.STREAM, "v1beta", "m")),
    ("POST", "/v1/models/m:countTokens", GOOG, Route("gemini", Operation.COUNT_TOKENS, "v1", "m")),
    ("GET", "/v1/models", GOOG, Route("gemini", Operation.LIST_MODELS, "v1")),
    ("GET", "/v1/models", BEARER, Route("chat", Operation.LIST_MODELS, "v1")),
    ("GET", "/v1/models/m", GOOG, Route("gemini", Operation.GET_MODEL, "v1", "m")),
    ("GET", "/v1/models/m", BEARER, Route("chat", Operation.GET_MODEL, "v1", "m")),
    ("GET", "/models", BEARER, Route("chat", Operation.LIST_MODELS, "v1")),
    ("GET", "/v1beta/models", BEARER, Route("gemini", Operation.LIST_MODELS, "v1beta")),
    ("POST", "/v1/images/generations", BEARER, Route("images", Operation.GENERATE, "v1")),
    ("POST", "/images/generations", BEARER, Route("images", Operation.GENERATE, "v1")),
    ("POST", "/v1/chat/completions/", BEARER, Route("chat", Operation.COMPLETE, "v1")),
    # A base URL with one version too many, or too few.
    ("POST", "/v1/v1/chat/completions", BEARER, Route("chat", Operation.COMPLETE, "v1")),
    ("POST", "/chat/completions", BEARER, Route("chat", Operation.COMPLETE, "v1")),
    ("POST", "/v1beta/v1beta/models/m:generateContent", GOOG, Route("gemini", Operation.GENERATE, "v1beta", "m")),
    ("POST", "/v1/v1beta/models/m:generateContent", GOOG, Route("gemini", Operation.GENERATE, "v1beta", "m")),
    ("POST", "/v1beta/v1/models/m:generateContent", GOOG, Route("gemini", Operation.GENERATE, "v1", "m")),
    ("POST", "/models/m:generateContent", GOOG, Route("gemini", Operation.GENERATE, "v1beta", "m")),
    ("GET", "/v1beta/v1beta/models", GOOG, Route("gemini", Operation.LIST_MODELS, "v1beta")),
    # Google's own OpenAI layer.
    ("POST", "/v1beta/openai/chat/completions", BEARER, Route("chat", Operation.COMPLETE, "v1")),
    ("POST", "/v1beta/openai/images/generations", BEARER, Route("images", Operation.GENERATE, "v1")),
    ("GET", "/v1beta/openai/models", BEARER, Route("chat", Operation.LIST_MODELS, "v1")),
    ("GET", "/openai/v1/models/m", BEARER, Route("chat", Operation.GET_MODEL, "v1", "m")),
]


@pytest.mark.parametrize(("method", "path", "headers", "expected"), ROUTES)
def test_path_and_credential_name_dialect_and_operation(
    method: str, path: str, headers: dict[str, str], expected: Route
) -> None:
    assert for_callers(path)
    assert route(method, path, gemini=speaks_gemini(path, headers, {})) == expected


@pytest.mark.parametrize(
    "path", ["/v1/embeddings", "/v1beta/interactions", "/v1beta/models/m:predict", "/v1/models/a/b"]
)
def test_what_is_not_offered_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        route("POST", path, gemini=True)


def test_a_wrong_method_names_the_right_one() -> None:
    with pytest.raises(WrongMethod, match="takes POST, not GET") as caught:
        route("GET", "/v1/chat/completions", gemini=False)
    assert caught.value.allowed == ("POST",)


def test_head_is_get_without_the_body() -> None:
    assert route("HEAD", "/v1/models", gemini=False) == route("GET", "/v1/models", gemini=False)


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/admin/api/keys", "/gateway/usage", "/v2/models"])
def test_the_gateways_own_paths_are_left_to_the_framework(path: str) -> None:
    assert not for_callers(path)


CREDENTIALS = [
    ({"x-goog-api-key": "a", "authorization": "Bearer b"}, {"key": "c"}, "a"),
    ({"authorization": "Bearer b"}, {"key": "c"}, "c"),
    ({"authorization": "Bearer b"}, {}, "b"),
    ({"authorization": "bearer  b "}, {}, "b"),
    ({"authorization": "Basic b"}, {}, None),
    ({"api-key": "d"}, {}, "d"),
    ({"x-api-key": "e"}, {}, "e"),
    ({"x-goog-api-key": " "}, {}, None),
    ({}, {}, None),
]


@pytest.mark.parametrize(("headers", "query", "expected"), CREDENTIALS)
def test_the_key_is_found_wherever_an_sdk_puts_it(
    headers: dict[str, str], query: dict[str, str], expected: str | None
) -> None:
    assert credential(headers, query) == expected
