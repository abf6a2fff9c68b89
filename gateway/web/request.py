"""A request's head, as the edge sees it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from gateway.core.headers import REQUEST_ID

Scope = dict[str, Any]

# The SDKs say how long they will wait (google-genai, openai-python and openai for node, in seconds). They are told
# this much earlier than they would hang up, or a tenth of it.
_PATIENCE_HEADERS = ("x-server-timeout", "x-stainless-read-timeout", "x-stainless-timeout")
_BEFORE_HANG_UP_S = 2.0

_LEAST_S = 0.5

_CREDENTIAL = "key"

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Request:
    """`id` is the caller's own request id where it sent a sane one; `arrived_at` is on the monotonic clock."""

    id: str
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    scheme: str
    arrived_at: float

    @property
    def asked(self) -> dict[str, str]:
        """The parameters that are about what is wanted: one may be a credential."""
        return {name: value for name, value in self.query.items() if name != _CREDENTIAL}

    @property
    def length(self) -> int | None:
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None

    def patience_s(self, most_s: float) -> float:
        """How long the caller will wait, as it announces or by default, less a little to tell it so."""
        announced = [float(text) for name in _PATIENCE_HEADERS if _is_seconds(text := self.headers.get(name, ""))]
        patience_s = min([most_s, *announced])
        return max(_LEAST_S, patience_s - min(_BEFORE_HANG_UP_S, patience_s / 10))


def origin_of(scope: Mapping[str, Any], headers: Mapping[str, str], public_url: str | None) -> str | None:
    """The address that callers know, without a stroke at its end; None: the request names no host."""
    host = headers.get("host")
    return (public_url or f"{scope['scheme']}://{host}").rstrip("/") if public_url or host else None


def _is_seconds(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def request_of(scope: Scope, *, new_id: str, arrived_at: float) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    given = headers.get(REQUEST_ID, "")
    return Request(
        id=given if _SANE_ID.fullmatch(given) else new_id,
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        scheme=scope["scheme"],
        arrived_at=arrived_at,
    )
