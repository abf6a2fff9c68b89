"""Chat's messages, read into turns. A tool's answer is told in words: these models call no functions."""

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects.base import Asked
from gateway.dialects.pieces import Reader, signature_of
from gateway.dialects.turns import SPEAKERS, Conversation, Speaker, Turns

_TOOLS = ("tool", "function")


def turns_of(messages: object, asked: Asked) -> Turns:
    """A request's `messages`."""
    if not isinstance(messages, list) or not messages:
        raise BadRequest(
            "messages is missing: it holds what is to be drawn.", param="messages", code="missing_required_parameter"
        )
    conversation = Conversation(asked.signatures)
    reader = Reader(asked.fetches, asked.pictures)
    calls: dict[str, str] = {}  # what an answer of a tool answers, by the id of the call
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if not isinstance(message, Mapping):
            raise BadRequest(f"{where} must be an object.", param=where)
        role = message.get("role", "user")
        pieces = reader.pieces(message, where)
        if role in _TOOLS:
            conversation.add(Speaker.USER, [{"text": f"{_tool(message, calls)} returned:"}, *pieces])
            continue
        speaker = SPEAKERS.get(role) if isinstance(role, str) else None
        if speaker is None:
            raise BadRequest(f"{role!r} is not a role; use {', '.join((*SPEAKERS, *_TOOLS))}.", param=f"{where}.role")
        if speaker is Speaker.MODEL:
            calls |= _calls_of(message)
        conversation.add(speaker, pieces, signature_of(message))
    return conversation.turns(param="messages")


def _tool(message: Mapping[str, Any], calls: Mapping[str, str]) -> str:
    """What answered: these models call no functions, so another model's calls are told in words."""
    return calls.get(str(message.get("tool_call_id"))) or str(message.get("name") or "A tool")


def _calls_of(message: Mapping[str, Any]) -> dict[str, str]:
    calls = message.get("tool_calls")
    found: dict[str, str] = {}
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            found[str(call.get("id"))] = f"{function.get('name')}({function.get('arguments') or ''})"
    return found
