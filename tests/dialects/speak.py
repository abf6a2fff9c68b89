"""A caller's request as the edge would hand it to a dialect, and an answer as it would be sent."""

from typing import Any

import orjson

from gateway.core.call import Parsed
from gateway.core.skim import Skeleton, Skimmer
from gateway.dialects.base import Asked, Dialect
from gateway.dialects.chat import Chat
from gateway.dialects.digits import Padded
from gateway.dialects.gemini import Gemini
from gateway.dialects.images import Images
from gateway.dialects.places import insides_of
from gateway.dialects.responses import Responses
from gateway.dialects.routes import route
from gateway.dialects.spans import pieces_of
from tests.facts import catalog

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (Gemini(), Images(), Chat(), Responses())}


def asked(path: str, body: Any = None, query: dict[str, str] | None = None) -> tuple[Dialect, Asked]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    found = route("POST", path, gemini=False)
    return DIALECTS[found.dialect], Asked(found.operation, found.version, found.model, query or {}, raw)


def parse(path: str, body: Any, query: dict[str, str] | None = None) -> Parsed:
    dialect, request = asked(path, body, query)
    return dialect.parse(request, catalog())


def skeleton_of(body: bytes, step: int = 10**9) -> Skeleton:
    skimmer = Skimmer()
    for at in range(0, len(body), step):
        skimmer.feed(body[at : at + step])
    return skimmer.skeleton


def base64_of(body: bytes, picture: int, step: int = 10**9) -> bytes:
    """A picture of a reply as it is sent, out of chunks of this size."""
    begin, end = insides_of(skeleton_of(body, step))[picture]
    padded = Padded()
    told = [padded.feed(body[at : min(at + step, end)]) for at in range(begin, end, step)]
    return b"".join((*told, padded.finish()))


def sent(written: bytes, *replies: bytes) -> bytes:
    """What was written of replies, with their pictures where it has room for them."""
    pieces = pieces_of(written)
    return b"".join(
        each if isinstance(each, bytes) else base64_of(replies[each.reply], each.picture) for each in pieces
    )
