"""Every route that callers' SDKs take, a request for each, and how errors look there."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.house import MODEL

NATIVE = {"contents": [{"parts": [{"text": "a boat"}]}]}
IMAGES = {"model": MODEL, "prompt": "a boat"}
EDIT = {
    **IMAGES,
    "image": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGM8UaHBgA0wYRUdtB"
    "IAHicBeAYWg8oAAAAASUVORK5CYII=",
}
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}

JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Way:
    """`gemini` says whose errors its callers get, `relayed` whether it may reach the seller."""

    method: str
    path: str
    body: dict[str, Any] | None
    gemini: bool
    relayed: bool = True

    async def go(self, http: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
        """Underscores in header names stand for dashes."""
        dashed = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
        return await http.request(self.method, self.path, json=self.body, headers=dashed)


RELAYED: dict[str, Way] = {
    "generate": Way("POST", f"/v1beta/models/{MODEL}:generateContent", NATIVE, gemini=True),
    "generate v1": Way("POST", f"/v1/models/{MODEL}:generateContent", NATIVE, gemini=True),
    "events": Way("POST", f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", NATIVE, gemini=True),
    "array": Way("POST", f"/v1beta/models/{MODEL}:streamGenerateContent", NATIVE, gemini=True),
    "images": Way("POST", "/v1/images/generations", IMAGES, gemini=False),
    "images stream": Way("POST", "/v1/images/generations", {**IMAGES, "stream": True}, gemini=False),
    "edits": Way("POST", "/v1/images/edits", EDIT, gemini=False),
    "responses": Way("POST", "/v1/responses", {"model": MODEL, "input": "a boat"}, gemini=False),
    "responses stream": Way("POST", "/v1/responses", {"model": MODEL, "input": "a boat", "stream": True}, gemini=False),
    "chat": Way("POST", "/v1/chat/completions", CHAT, gemini=False),
    "chat stream": Way("POST", "/v1/chat/completions", {**CHAT, "stream": True}, gemini=False),
}

LOCAL: dict[str, Way] = {
    "count": Way("POST", f"/v1beta/models/{MODEL}:countTokens", NATIVE, gemini=True, relayed=False),
    "gemini models": Way("GET", "/v1beta/models", None, gemini=True, relayed=False),
    "gemini model": Way("GET", f"/v1beta/models/{MODEL}", None, gemini=True, relayed=False),
    "openai models": Way("GET", "/v1/models", None, gemini=False, relayed=False),
    "openai model": Way("GET", f"/v1/models/{MODEL}", None, gemini=False, relayed=False),
}

WAYS: dict[str, Way] = {**RELAYED, **LOCAL}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a caller is told, in each of the two families: status and code."""

    gemini: tuple[int, str, str]  # HTTP status, canonical status, reason
    openai: tuple[int, str, str]  # HTTP status, type, code


def refusal_of(answer: httpx2.Response, *, gemini: bool) -> tuple[int, str, str]:
    """The error in an answer, in the terms of `Refusal`; fails where its shape is not the family's to the letter."""
    assert answer.headers["content-type"] == JSON
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-request-id"]
    assert answer.headers["x-gateway-billed"] in ("no", "yes", "unknown")
    document = answer.json()
    assert list(document) == ["error"]
    return _of_google(answer, document["error"]) if gemini else _of_openai(answer, document["error"])


def _of_google(answer: httpx2.Response, error: dict[str, Any]) -> tuple[int, str, str]:
    assert list(error) == ["code", "message", "status", "details"]
    assert error["code"] == answer.status_code
    assert error["message"]
    known, *_ = error["details"]
    assert known["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert known["metadata"]["billed"] == answer.headers["x-gateway-billed"]
    return answer.status_code, error["status"], known["reason"]


def _of_openai(answer: httpx2.Response, error: dict[str, Any]) -> tuple[int, str, str]:
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    return answer.status_code, error["type"], error["code"]
