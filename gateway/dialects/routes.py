"""Which dialect and operation a request is, from its method, path and the form of its credential.

Some paths belong to both families: the newer Gemini SDKs speak `/v1`, and so do all of OpenAI's.
There the credential's form decides, as it does at the reseller.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.errors import NotFound, WrongMethod
from gateway.dialects.base import Operation

GEMINI, IMAGES, CHAT, RESPONSES = "gemini", "images", "chat", "responses"


@dataclass(frozen=True, slots=True)
class Route:
    dialect: str
    operation: Operation
    version: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """`dialect` None: the path is shared, and the credential's form decides."""

    method: str
    pattern: re.Pattern[str]
    dialect: str | None
    operation: Operation


_NATIVE = r"(?:/(?P<version>v1beta|v1alpha|v1))?"
_OPENAI = r"(?:/(?P<version>v1))?"
_MODEL = r"(?P<model>(?:models/|tunedModels/)?[^/:]+)"

_TABLE: tuple[_Row, ...] = tuple(
    _Row(method, re.compile(pattern), dialect, operation)
    for method, pattern, dialect, operation in (
        ("POST", rf"{_NATIVE}/models/{_MODEL}:generateContent", GEMINI, Operation.GENERATE),
        ("POST", rf"{_NATIVE}/models/{_MODEL}:streamGenerateContent", GEMINI, Operation.STREAM),
        ("POST", rf"{_NATIVE}/models/{_MODEL}:countTokens", GEMINI, Operation.COUNT_TOKENS),
        ("GET", rf"/(?P<version>v1beta|v1alpha)/models/{_MODEL}", GEMINI, Operation.GET_MODEL),
        ("GET", r"/(?P<version>v1beta|v1alpha)/models", GEMINI, Operation.LIST_MODELS),
        ("GET", rf"{_OPENAI}/models/{_MODEL}", None, Operation.GET_MODEL),
        ("GET", rf"{_OPENAI}/models", None, Operation.LIST_MODELS),
        ("POST", rf"{_OPENAI}/images/generations", IMAGES, Operation.GENERATE),
        ("POST", rf"{_OPENAI}/images/edits", IMAGES, Operation.EDIT),
        ("POST", rf"{_OPENAI}/chat/completions", CHAT, Operation.COMPLETE),
        ("POST", rf"{_OPENAI}/responses", RESPONSES, Operation.COMPLETE),
    )
)

_VERSIONS = ("v1", "v1beta", "v1alpha")

# Every first path segment that belongs to callers' SDKs; all else is the gateway's own.
_CALLERS = frozenset({*_VERSIONS, "models", "chat", "images", "openai", "responses", "files", "upload"})


def tidy(path: str) -> str:
    """A path as it was meant: what a base URL with one version too many, or one too few, makes of it.

    Of several versions in front the last counts; Google's own OpenAI layer is under `/v1beta/openai`.
    """
    parts = [part for part in path.split("/") if part]
    versions = []
    while parts and parts[0] in (*_VERSIONS, "openai"):
        versions.append(parts.pop(0))
    if "openai" in versions:
        versions = ["v1"]
    return "/" + "/".join([*versions[-1:], *parts])


def for_callers(path: str) -> bool:
    """Whether a path is one that an SDK would ask for."""
    return path.lstrip("/").split("/", 1)[0] in _CALLERS


def speaks_gemini(path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """Whether a caller is of the Gemini family, as far as the path and the form of the credential tell."""
    meant = tidy(path)
    if meant.startswith(("/v1beta", "/v1alpha", "/upload/")) or ":" in meant:
        return True
    if "openai" in path.split("/"):
        return False
    return "x-goog-api-key" in headers or "x-goog-api-client" in headers or "key" in query


def route(method: str, path: str, *, gemini: bool) -> Route:
    """The row of the table; raises `NotFound` or `WrongMethod`, to be told in the caller's dialect."""
    meant = tidy(path)
    wanted = "GET" if method == "HEAD" else method
    others = set()
    for row in _TABLE:
        match = row.pattern.fullmatch(meant)
        if match is None:
            continue
        if row.method != wanted:
            others.add(row.method)
            continue
        found = match.groupdict()
        dialect = row.dialect or (GEMINI if gemini else CHAT)
        usual = "v1beta" if dialect == GEMINI else "v1"
        return Route(dialect, row.operation, found.get("version") or usual, found.get("model"))
    if others:
        allowed = tuple(sorted(others))
        raise WrongMethod(f"{meant} takes {' or '.join(allowed)}, not {method}.", allowed=allowed)
    raise NotFound(f"There is nothing at {method} {meant}; the routes are listed in /openapi.json.")


def credential(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key a caller sends, wherever its SDK puts it."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    candidates = (
        headers.get("x-goog-api-key"),
        query.get("key"),
        token if scheme.lower() == "bearer" else None,
        headers.get("api-key"),
        headers.get("x-api-key"),
    )
    return next((each.strip() for each in candidates if each and each.strip()), None)
