"""The items that callers of OpenAI's Responses API send, read into turns.

Nothing of an earlier response is kept here, so an item that only names one is refused with what to
do instead.
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects.base import Asked
from gateway.dialects.pieces import Reader, signature_of
from gateway.dialects.turns import SPEAKERS, Conversation, Speaker, Turns

# What an answer may hold besides text and pictures; sent back, it tells these models nothing.
_IGNORED = ("reasoning", "web_search_call")

_SEND_WHOLE = (
    "Nothing of an earlier response is kept here: send its items whole, pictures with their `result` "
    "(LangChain, Vercel AI SDK: set store to false)."
)


def turns_of(sent: object, instructions: object, asked: Asked) -> Turns:
    """A request's `input`, a text or a list of items; `instructions` are what the system says first."""
    if not isinstance(instructions, str | None):
        raise BadRequest("instructions must be a text.", param="instructions")
    items = [{"role": "user", "content": sent}] if isinstance(sent, str) and sent.strip() else sent
    if not isinstance(items, list) or not items:
        raise BadRequest(
            "input is missing: a text, or a list of messages, that says what is to be drawn.",
            param="input",
            code="missing_required_parameter",
        )
    conversation = Conversation(asked.signatures)
    reader = Reader(asked.fetches, asked.pictures)
    if instructions:
        conversation.add(Speaker.SYSTEM, [{"text": instructions}])
    for index, item in enumerate(items):
        where = f"input[{index}]"
        if not isinstance(item, Mapping):
            raise BadRequest(f"{where} must be an object.", param=where)
        _add(conversation, reader, item, where)
    return conversation.turns(param="input")


def _add(conversation: Conversation, reader: Reader, item: Mapping[str, Any], where: str) -> None:
    kind = item.get("type") or ("message" if "role" in item else "item_reference")
    if kind == "message":
        conversation.add(_speaker(item, where), reader.pieces(item, where), signature_of(item))
    elif kind == "image_generation_call":
        _add_drawn(conversation, reader, item, where)
    elif kind == "item_reference":
        raise BadRequest(f"{where} names an item by its id alone. {_SEND_WHOLE}", param=where)
    elif kind not in _IGNORED:
        raise BadRequest(
            f"{where}: {kind!r} items are not supported; use message and image_generation_call.", param=f"{where}.type"
        )


def _speaker(item: Mapping[str, Any], where: str) -> Speaker:
    role = item.get("role", "user")
    speaker = SPEAKERS.get(role) if isinstance(role, str) else None
    if speaker is None:
        raise BadRequest(f"{where}.role must be user, assistant, system or developer.", param=f"{where}.role")
    return speaker


def _add_drawn(conversation: Conversation, reader: Reader, item: Mapping[str, Any], where: str) -> None:
    """A picture of an earlier answer."""
    result = item.get("result")
    if not result and item.get("status") == "failed":
        return
    if not isinstance(result, str) or not result:
        raise BadRequest(f"{where} has no result. {_SEND_WHOLE}", param=f"{where}.result")
    conversation.add(Speaker.MODEL, [reader.picture(result, f"{where}.result")], signature_of(item))
