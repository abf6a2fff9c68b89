"""What a request is for, by its route: the model it names, how to read it, how to write its reply.

The seller's routing is careless in one way that costs money, and so is this: any verb on a model
draws a picture, `:countTokens` too. Only the embedding verbs are not routed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request

from gateway.sim import ask, chat
from gateway.sim.ask import Ask
from gateway.sim.native import Document, Form, Fragments, Head
from gateway.sim.seller import Refused, invalid, no_route
from gateway.sim.tables import Named


@dataclass(frozen=True, slots=True)
class Sheet:
    """A request before its model is looked up."""

    model: str
    read: Callable[[Named], Ask]
    form: Callable[[Head], Form]


def native(request: Request, body: bytes, *, strict_signatures: bool) -> Sheet:
    """A `models/{model}:{verb}` request. `alt=sse` is looked at before the verb, whatever that is."""
    model, colon, verb = request.path_params["target"].rpartition(":")
    if not colon or "embed" in verb.lower():
        raise Refused(no_route(request.method, request.url.path))
    streams = verb.startswith("stream") or request.query_params.get("alt") == "sse"
    read = partial(ask.read, body, strict_signatures=strict_signatures)
    return Sheet(model, read, Fragments if streams else Document)


def completions(_: Request, body: bytes) -> Sheet:
    """A chat completions request."""
    document = ask.json_object(body)
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("field model is required")
    form: Callable[[Head], Form] = chat.Completion
    if document.get("stream") is True:
        form = partial(chat.Chunks, reports_usage=chat.asks_for_usage(document))
    return Sheet(model, partial(_read_chat, document), form)


def _read_chat(document: dict[str, object], named: Named) -> Ask:
    return chat.read(named, document)
