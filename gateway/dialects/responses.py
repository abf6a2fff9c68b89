"""OpenAI's Responses API, as far as pictures need it: input and tools in; items out, whole or as events.

Nothing is kept between two calls: what refers to an earlier one is refused, with what to send instead.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from gateway.core.call import Call, Delivery, Parsed
from gateway.core.catalog import Catalog, Model
from gateway.core.errors import BadRequest
from gateway.dialects import generation, items, openai, options, search, sizes
from gateway.dialects.base import Asked, Gathering, read_json
from gateway.dialects.outputs import Events, Shape, Whole

# What only a gateway that keeps responses could do, and what to do instead.
_NOT_HERE = {
    "previous_response_id": "no earlier response is kept; send its input and output items again in input.",
    "conversation": "no conversation is kept; send its items in input.",
    "prompt": "no prompt template is kept; send its text in input and instructions.",
    "background": "no response is kept to be fetched later; leave it out and wait, or use stream.",
}

_ONE_PICTURE = "A response holds one picture; for more, ask again or use /v1/images/generations."

# These models draw anyway: as a tool it says how.
_DRAWS = "image_generation"

_BACKGROUNDS = (None, "auto", "opaque")
_FORMATS = (None, "png", "jpeg", "jpg", "webp")


class Responses(openai.Answers):
    name = "responses"

    def parse(self, asked: Asked, catalog: Catalog) -> Parsed:
        document = read_json(asked.body, unique=True)
        named = openai.model_of(document, asked, catalog)
        _refuse_what_is_not_here(document)
        turns = items.turns_of(document.get("input"), document.get("instructions"), asked)
        drawing = _drawing(document)
        form = sizes.form_of(drawing, named.model, named.size)
        ask = openai.ask_of(named, form, _thinking(document, named.model), turns)
        tools = search.tools(document, named.model, catalog, read_elsewhere=(_DRAWS,))
        request = openai.chat_request(document, turns, form, ask, tools)
        streams = document.get("stream") is True
        partials = openai.partials_of(drawing) if streams else 0
        if partials or _thoughts_wanted(document):
            openai.show_thoughts(request, named.model)
        body = orjson.dumps(request)
        return Parsed(
            asked_name=named.name,
            ask=ask,
            delivery=Delivery.EVENTS if streams else Delivery.WHOLE,
            body=body,
            streams=False,
            form=Shape(
                streams=streams,
                partials=partials,
                quality=openai.quality_of(drawing),
                repeated=_repeated(document),
            ),
            unsigned=turns.unsigned,
            addresses=turns.addresses,
            plain=partial(openai.plain_body, body) if turns.answered else None,
        )

    def writer(self, call: Call) -> Gathering:
        shape = call.parsed.form
        assert isinstance(shape, Shape)
        return Events(call, shape) if shape.streams else Whole(call, shape)


def _refuse_what_is_not_here(document: Mapping[str, Any]) -> None:
    for name, instead in _NOT_HERE.items():
        if document.get(name):
            raise BadRequest(f"{name} is not supported: {instead}", param=name, code="unsupported_parameter")
    if document.get("n") not in (None, 1):
        raise _refused("n", _ONE_PICTURE)
    generation.refuse_cached_content(document)


def _drawing(document: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was said of the picture's form: the tool's own fields before those beside it."""
    drawing = dict(document)
    tools = document.get("tools")
    for tool in tools if isinstance(tools, list) else []:  # what else it may be is refused with the other tools
        if isinstance(tool, Mapping) and tool.get("type") == _DRAWS:
            _refuse_what_is_not_drawn(tool)
            drawing |= {name: value for name, value in tool.items() if value is not None}
    return drawing


def _refuse_what_is_not_drawn(tool: Mapping[str, Any]) -> None:
    if tool.get("background") not in _BACKGROUNDS:
        raise _refused("background", "These models draw no transparency; use 'opaque'.")
    if tool.get("output_format") not in _FORMATS:
        raise _refused("output_format", "These models draw png or jpeg, as they please.")
    if tool.get("input_image_mask"):
        raise _refused("input_image_mask", "These models take no mask; say in words what is to change.")
    if tool.get("n") not in (None, 1):
        raise _refused("n", _ONE_PICTURE)


def _refused(name: str, why: str) -> BadRequest:
    return BadRequest(f"This {name} is not supported. {why}", param=name, code="unsupported_parameter")


def _thinking(document: Mapping[str, Any], model: Model) -> str | None:
    effort = options.section(document, "reasoning").get("effort", document.get("reasoning_effort"))
    return openai.thinking_of({**document, "reasoning_effort": effort}, model)


def _thoughts_wanted(document: Mapping[str, Any]) -> bool:
    reasoning = options.section(document, "reasoning")
    return bool(reasoning.get("summary") or reasoning.get("generate_summary"))


def _repeated(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer says of the request."""
    return {
        "instructions": document.get("instructions"),
        "max_output_tokens": document.get("max_output_tokens"),
        "metadata": document.get("metadata") or {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "temperature": document.get("temperature"),
        "tool_choice": document.get("tool_choice") or "auto",
        "tools": document.get("tools") or [{"type": "image_generation"}],
        "top_p": document.get("top_p"),
    }
