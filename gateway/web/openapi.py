"""One OpenAPI document for all: the framework's routes as it describes them, callers' routes from this table."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_GEMINI_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "status": {"type": "string"},
                "details": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}
_OPENAI_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}

_NATIVE_BODY = {
    "contents": [{"parts": [{"text": "A lighthouse in fog"}]}],
    "generationConfig": {"imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}},
}
_IMAGES_BODY = {
    "model": "gemini-3.1-flash-image-preview",
    "prompt": "A lighthouse in fog",
    "size": "1536x1024",
}
_EDIT_BODY = {
    "model": "gemini-3.1-flash-image-preview",
    "prompt": "Make it night",
    "image": "data:image/png;base64,…",
}
_CHAT_BODY = {
    "model": "gemini-3.1-flash-image-preview",
    "messages": [{"role": "user", "content": "Draw a lighthouse in fog"}],
    "stream": False,
}
_RESPONSES_BODY = {
    "model": "gemini-3.1-flash-image-preview",
    "input": "A lighthouse in fog",
    "tools": [{"type": "image_generation", "size": "1536x1024"}],
}

_CREDENTIALS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "goog": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
}

# method, path, summary, example body, how its errors look
_CALLERS: tuple[tuple[str, str, str, dict[str, Any] | None, dict[str, Any]], ...] = (
    ("post", "/v1beta/models/{model}:generateContent", "Gemini: draw, answered whole", _NATIVE_BODY, _GEMINI_ERROR),
    (
        "post",
        "/v1beta/models/{model}:streamGenerateContent",
        "Gemini: draw, streamed (alt=sse for events, else a JSON array)",
        _NATIVE_BODY,
        _GEMINI_ERROR,
    ),
    ("post", "/v1beta/models/{model}:countTokens", "Gemini: estimate tokens, free", _NATIVE_BODY, _GEMINI_ERROR),
    ("get", "/v1beta/models", "Gemini: list models", None, _GEMINI_ERROR),
    ("get", "/v1beta/models/{model}", "Gemini: one model", None, _GEMINI_ERROR),
    ("post", "/upload/v1beta/files", "Gemini: send a file, whole or piece by piece", None, _GEMINI_ERROR),
    ("get", "/v1beta/files", "Gemini: list the team's files", None, _GEMINI_ERROR),
    ("get", "/v1beta/files/{file}", "Gemini: what is known of a file", None, _GEMINI_ERROR),
    ("delete", "/v1beta/files/{file}", "Gemini: delete a file", None, _GEMINI_ERROR),
    ("post", "/v1/images/generations", "OpenAI: draw, picture as base64 or at an address", _IMAGES_BODY, _OPENAI_ERROR),
    ("post", "/v1/images/edits", "OpenAI: draw from pictures, sent as multipart/form-data", _EDIT_BODY, _OPENAI_ERROR),
    ("post", "/v1/chat/completions", "OpenAI: draw in a conversation, whole or streamed", _CHAT_BODY, _OPENAI_ERROR),
    ("post", "/v1/responses", "OpenAI: draw by the Responses API, whole or streamed", _RESPONSES_BODY, _OPENAI_ERROR),
    ("get", "/v1/models", "OpenAI: list models (with x-goog-api-key: Gemini's list)", None, _OPENAI_ERROR),
    ("get", "/v1/models/{model}", "OpenAI: one model (with x-goog-api-key: Gemini's)", None, _OPENAI_ERROR),
)


def describe(app: FastAPI) -> None:
    """Makes `app.openapi` describe callers' routes too, though the framework does not serve them."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            for method, path, summary, body, error in _CALLERS:
                schema["paths"].setdefault(path, {})[method] = _operation(path, summary, body, error)
            schema.setdefault("components", {}).setdefault("securitySchemes", {}).update(_CREDENTIALS)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _operation(path: str, summary: str, body: dict[str, Any] | None, error: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": ["callers"],
        "summary": summary,
        "security": [{"bearer": []}, {"goog": []}],
        "responses": {
            "200": {"description": "As the provider documents it.", "content": {"application/json": {"schema": {}}}},
            "default": {"description": "An error.", "content": {"application/json": {"schema": error}}},
        },
    }
    if names := re.findall(r"\{(\w+)\}", path):
        place = {"in": "path", "required": True, "schema": {"type": "string"}}
        operation["parameters"] = [{"name": name, **place} for name in names]
    if body is not None:
        content = {"application/json": {"schema": {"type": "object"}, "example": body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation
