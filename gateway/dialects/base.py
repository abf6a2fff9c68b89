"""What every dialect offers, in the two nouns it is asked with.

A dialect reads a caller's request into facts and a body for the upstream, and writes the
upstream's answer, or an error, in the caller's own format. All of it is pure: bytes in, bytes out.
"""

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson

from gateway.core.call import Call, Parsed
from gateway.core.catalog import Catalog, Model, Named
from gateway.core.errors import BadRequest, GatewayError, NotAllowed, UnknownModel
from gateway.core.keys import Show
from gateway.dialects.replies import Content

# Python reads `\ud83c` alone as text that cannot be encoded again.
_HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")

# What is read can be written again: no request of any SDK is deeper, and JSON elsewhere has 64 bits.
_DEEPEST = 64
_LARGEST = 2**63 - 1

JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class Operation(StrEnum):
    """What a caller wants; the first four are relayed, the others are answered by the gateway itself."""

    GENERATE = "generate"
    STREAM = "stream"
    EDIT = "edit"
    COMPLETE = "complete"
    LIST_MODELS = "list_models"
    GET_MODEL = "get_model"
    COUNT_TOKENS = "count_tokens"

    @property
    def relayed(self) -> bool:
        return self in (Operation.GENERATE, Operation.STREAM, Operation.EDIT, Operation.COMPLETE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A caller's request as the route table understood it.

    `model` is the name in the path, if there is one. `signatures` are what is remembered, by digest, of
    earlier answers in it; see `Parsed.unsigned`. Where `fetches`, it may name pictures by their addresses;
    `pictures` are those that were fetched. `agent` is the program that asks, as it calls itself;
    `show` where the key has its pictures, as far as that is settled.
    """

    operation: Operation
    version: str
    model: str | None
    query: Mapping[str, str]
    body: bytes
    content_type: str = JSON
    signatures: Mapping[str, str] = field(default_factory=dict)
    fetches: bool = False
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    agent: str = ""
    show: Show | None = None


class Passing(ABC):
    """Writes an answer while it arrives. Told of every chunk in order, then once of the end.

    `keeps_length` says that chunks go through unchanged, so that the upstream's length holds for the
    caller too. `heartbeat` may be sent while nothing else is; None: the format allows none, and an
    answer begins with its first byte.
    """

    content_type: str
    keeps_length = False
    heartbeat: bytes | None = None

    @abstractmethod
    def feed(self, chunk: bytes) -> bytes:
        """The answer's next part, possibly empty."""

    def closing(self) -> bytes:
        """The rest of the answer."""
        return b""

    def broken(self, error: GatewayError) -> bytes:
        """What tells the caller of an error after the answer has begun; empty where the format has no such thing."""
        return b""


class Gathering(ABC):
    """Writes one answer out of whole replies, one for each picture that was asked for.

    Told of each reply as it is complete, by its number, and once of the end. With a `heartbeat` the
    answer is a stream: `opening` and what `each` gives are sent at once. Without one everything is
    in `closing`. Both leave room for pictures, which are read from the reply when they are sent: see
    `spans`. One that is `linked` names addresses of its pictures, unless it is told before `closing`
    that they are not kept.
    """

    content_type: str
    heartbeat: bytes | None = None
    linked = False

    def opening(self) -> bytes:
        """What a stream begins with."""
        return b""

    @abstractmethod
    def each(self, number: int, content: Content) -> bytes:
        """What can be sent of a reply. Raises `GatewayError` when there is nothing in it for the caller."""

    def unlink(self) -> None:
        """Nothing is at the addresses: the answer is to hold the pictures themselves."""
        self.linked = False

    @abstractmethod
    def closing(self) -> bytes:
        """The rest of the answer, when there was at least one reply."""

    def broken(self, error: GatewayError) -> bytes:
        """As in `Passing`."""
        return b""


class Dialect(Protocol):
    name: str

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        """The request as facts and as the upstream is to be sent it. Raises `CallerError`."""

    def writer(self, call: Call) -> Passing | Gathering:
        """What writes the answer to this call."""

    def local(self, asked: Asked, catalog: Catalog, models: tuple[Model, ...]) -> bytes:
        """The answer to an operation that is not relayed, for a key that may use `models`."""

    def error(self, error: GatewayError) -> tuple[int, bytes]:
        """Status and body that tell this dialect's callers of an error."""


def find_model(catalog: Catalog, name: str, asked: Asked) -> Named:
    named = catalog.find(name)
    if named is None:
        raise UnknownModel(
            f"models/{name.removeprefix('models/')} is not found for API version {asked.version}, "
            f"or is not supported. Known models: {', '.join(model.id for model in catalog.models)}.",
            param="model",
        )
    return named


def allowed_model(catalog: Catalog, asked: Asked, models: tuple[Model, ...]) -> Named:
    """The model a path names, for a key that may use `models`."""
    named = find_model(catalog, asked.model or "", asked)
    if named.model not in models:
        raise NotAllowed(f"This key may not use {named.model.id}; ask whoever gave it to you.", param="model")
    return named


def read_json(body: bytes, *, unique: bool = False) -> dict[str, Any]:
    """A request body as an object. With `unique`, a name given twice in one object is refused.

    Parsers differ in which of two equal names they take: what is priced must be what is forwarded.
    """
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique if unique else None,
            parse_int=_whole_number,
            parse_float=_number,
            parse_constant=_no_number,
        )
        if _HALF_A_CHARACTER.search(body):
            orjson.loads(body)  # refuses a half without its other, which no answer could be written with
    except UnicodeDecodeError:
        raise BadRequest("The request body is not UTF-8.", code="invalid_json") from None
    except RecursionError:
        raise BadRequest("The request body is nested too deeply.", code="invalid_json") from None
    except ValueError as error:
        raise BadRequest(f"The request body is not valid JSON: {error}.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise BadRequest("The request body must be a JSON object.", code="invalid_json")
    if body.count(b"{") + body.count(b"[") > _DEEPEST and _too_deep(document):
        raise BadRequest("The request body is nested too deeply.", code="invalid_json")
    return document


def _too_deep(document: object) -> bool:
    level = [document]
    for _ in range(_DEEPEST):
        insides = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for inside in insides for each in inside if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _whole_number(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST:
        raise ValueError(f"{text[:40]} is a number of more than 64 bits")
    return number


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is larger than any number here")
    return number


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise BadRequest(f"{name!r} is given twice in one object.", param=name)
        document[name] = value
    return document
