"""A caller's request as the edge would hand it to a dialect."""

from typing import Any

import orjson

from gateway.core.call import Parsed
from gateway.dialects.base import Asked, Dialect
from gateway.dialects.chat import Chat
from gateway.dialects.gemini import Gemini
from gateway.dialects.images import Images
from gateway.dialects.responses import Responses
from gateway.dialects.routes import route
from tests.facts import catalog

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (Gemini(), Images(), Chat(), Responses())}


def asked(path: str, body: Any = None, query: dict[str, str] | None = None) -> tuple[Dialect, Asked]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    found = route("POST", path, gemini=False)
    return DIALECTS[found.dialect], Asked(found.operation, found.version, found.model, query or {}, raw)


def parse(path: str, body: Any, query: dict[str, str] | None = None) -> Parsed:
    dialect, request = asked(path, body, query)
    return dialect.parse(request, catalog())
