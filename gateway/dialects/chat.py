"""OpenAI's chat completions: messages in, text and pictures out, whole or as events."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog
from gateway.core.errors import BadRequest
from gateway.dialects import generation, openai, options, search, sizes
from gateway.dialects.base import Asked, Gathering, read_json
from gateway.dialects.completions import Events, Shape, Show, Whole
from gateway.dialects.messages import turns_of


class Chat(openai.Answers):
    name = "chat"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        document = read_json(asked.body, unique=True)
        named = openai.model_of(document, asked, catalog)
        generation.refuse_cached_content(document)
        turns = turns_of(document.get("messages"), asked.signatures)
        form = sizes.form_of(document, named.model, named.size)
        tools = search.tools(document, named.model, catalog)
        ask = openai.ask_of(named, form, openai.thinking_of(document, named.model), turns)
        request = openai.chat_request(document, turns, form, ask, tools)
        body = orjson.dumps(request)
        streams = document.get("stream") is True
        return Parsed(
            asked_name=named.name,
            ask=ask,
            delivery=Delivery.EVENTS if streams else Delivery.WHOLE,
            body=body,
            streams=False,
            count=openai.count_of(document),
            form=Shape(streams=streams, usage_wanted=_usage_wanted(document), show=_show(document)),
            unsigned=turns.unsigned,
            plain=partial(openai.plain_body, body) if turns.answered else None,
        )

    def writer(self, call: Call) -> Gathering:
        shape = call.parsed.form
        assert isinstance(shape, Shape)
        return Events(call, shape) if shape.streams else Whole(call, shape)


def _usage_wanted(document: Mapping[str, Any]) -> bool:
    wanted = document.get("stream_options")
    return isinstance(wanted, Mapping) and wanted.get("include_usage") is True


def _show(document: Mapping[str, Any]) -> Show:
    """Where the answer's pictures are to stand: what the request says, else apart from the words."""
    said = options.first(options.places(document), "image_response_format")
    if said is None:
        return Show.IMAGES
    try:
        return Show(said)
    except ValueError:
        raise BadRequest(
            f"{said!r} is not a form of answer; use {', '.join(Show)}.", param="image_response_format"
        ) from None
