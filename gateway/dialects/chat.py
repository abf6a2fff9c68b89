"""OpenAI's chat completions: messages in, text and pictures out, whole or as events."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog
from gateway.core.errors import BadRequest
from gateway.core.keys import Show
from gateway.dialects import generation, openai, options, search, sizes
from gateway.dialects.base import Asked, Gathering, read_json
from gateway.dialects.completions import Events, Shape, Whole
from gateway.dialects.messages import turns_of

# Programs that drop `images` from a message, by what they call themselves: browsers and the chat programs built
# on one, Vercel's AI SDK, Pydantic AI. A picture that they do not show is paid for all the same.
_READS_TEXT_ALONE = ("mozilla/", "ai-sdk", "pydantic-ai/")


class Chat(openai.Answers):
    name = "chat"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        document = read_json(asked.body, unique=True)
        named = openai.model_of(document, asked, catalog)
        generation.refuse_cached_content(document)
        turns = turns_of(document.get("messages"), asked)
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
            form=Shape(streams=streams, usage_wanted=_usage_wanted(document), show=_show(document, asked)),
            unsigned=turns.unsigned,
            addresses=turns.addresses,
            plain=partial(openai.plain_body, body) if turns.answered else None,
        )

    def writer(self, call: Call) -> Gathering:
        shape = call.parsed.form
        assert isinstance(shape, Shape)
        return Events(call, shape) if shape.streams else Whole(call, shape)


def _usage_wanted(document: Mapping[str, Any]) -> bool:
    wanted = document.get("stream_options")
    return isinstance(wanted, Mapping) and wanted.get("include_usage") is True


def _show(document: Mapping[str, Any], asked: Asked) -> Show:
    """Where the answer's pictures are to stand: what the request says, else the key, else where the program looks."""
    said = options.first(options.places(document), "image_response_format")
    if said is None:
        return asked.show or _looked_for(document, asked.agent.lower())
    try:
        return Show(said)
    except ValueError:
        raise BadRequest(
            f"{said!r} is not a form of answer; use {', '.join(Show)}.", param="image_response_format"
        ) from None


def _looked_for(document: Mapping[str, Any], agent: str) -> Show:
    """Whoever asks for pictures by `modalities` knows `images`; a program that shows text alone needs Markdown."""
    modalities = document.get("modalities")
    if isinstance(modalities, list) and any(str(each).lower() == "image" for each in modalities):
        return Show.IMAGES
    return Show.MARKDOWN if any(name in agent for name in _READS_TEXT_ALONE) else Show.IMAGES
