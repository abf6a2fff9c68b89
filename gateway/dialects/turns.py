"""Chat messages as Gemini's system instruction and turns.

Decides who says what. A picture of an earlier answer stays the model's when it comes back with the
signature it left with; without one it goes back as the user's, since the provider refuses a turn of
the model's that it cannot verify.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects.pieces import Piece, pieces_of, signature_of

_SYSTEM, _USER, _MODEL, _TOOL = "system", "user", "model", "tool"

_SPEAKERS = {
    "system": _SYSTEM,
    "developer": _SYSTEM,
    "user": _USER,
    "assistant": _MODEL,
    "model": _MODEL,
    "tool": _TOOL,
    "function": _TOOL,
}


@dataclass(frozen=True, slots=True)
class Turns:
    """A conversation. `system` is empty when nothing was said."""

    system: str
    contents: list[dict[str, Any]]

    @property
    def text_bytes(self) -> int:
        texts = (part["text"] for content in self.contents for part in content["parts"] if "text" in part)
        return len(self.system.encode()) + sum(len(text.encode()) for text in texts)


def turns_of(messages: object) -> Turns:
    """The messages, system texts out of wherever they stand, neighbours of one role merged."""
    if not isinstance(messages, list) or not messages:
        raise BadRequest(
            "messages is missing: it holds what is to be drawn.", param="messages", code="missing_required_parameter"
        )
    reader = _Reader()
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if not isinstance(message, Mapping):
            raise BadRequest(f"{where} must be an object.", param=where)
        reader.read(message, where)
    if not reader.contents:
        raise BadRequest("messages holds no user message.", param="messages")
    return Turns("\n".join(reader.system), reader.contents)


class _Reader:
    """Reads messages one after the other."""

    def __init__(self) -> None:
        self.system: list[str] = []
        self.contents: list[dict[str, Any]] = []
        self._calls: dict[str, str] = {}  # what an answer of a tool answers, by the id of the call

    def read(self, message: Mapping[str, Any], where: str) -> None:
        role = message.get("role", "user")
        speaker = _SPEAKERS.get(role) if isinstance(role, str) else None
        if speaker is None:
            raise BadRequest(f"{role!r} is not a role; use {', '.join(_SPEAKERS)}.", param=f"{where}.role")
        pieces = pieces_of(message, where)
        if speaker == _SYSTEM:
            self.system += [piece["text"] for piece in pieces if "text" in piece]
            self._add(_USER, _unsigned([piece for piece in pieces if "text" not in piece]))
        elif speaker == _MODEL:
            self._calls |= _calls_of(message)
            self._answer(_signed(_once(pieces), signature_of(message)))
        elif speaker == _TOOL:
            self._add(_USER, [{"text": f"{self._tool(message)} returned:"}, *_unsigned(pieces)])
        else:
            self._add(_USER, _unsigned(pieces))

    def _answer(self, pieces: list[Piece]) -> None:
        """An earlier answer. Its pictures without a signature go back as the user's."""
        self._add(_MODEL, [piece for piece in pieces if not _foreign(piece)])
        foreign = [piece for piece in pieces if _foreign(piece)]
        if foreign:
            self._add(_USER, [{"text": "The picture you drew before:"}, *foreign])

    def _add(self, role: str, pieces: list[Piece]) -> None:
        if not pieces:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += pieces
        else:
            self.contents.append({"role": role, "parts": pieces})

    def _tool(self, message: Mapping[str, Any]) -> str:
        """What answered: these models call no functions, so another model's calls are told in words."""
        called = self._calls.get(str(message.get("tool_call_id")))
        return called or str(message.get("name") or "A tool")


def _calls_of(message: Mapping[str, Any]) -> dict[str, str]:
    calls = message.get("tool_calls")
    found: dict[str, str] = {}
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            found[str(call.get("id"))] = f"{function.get('name')}({function.get('arguments') or ''})"
    return found


def _foreign(piece: Piece) -> bool:
    return "inlineData" in piece and "thoughtSignature" not in piece


def _unsigned(pieces: list[Piece]) -> list[Piece]:
    return [{name: value for name, value in piece.items() if name != "thoughtSignature"} for piece in pieces]


def _once(pieces: list[Piece]) -> list[Piece]:
    """Answers in both forms hold each picture twice: as Markdown, and in `images` with its signature."""
    kept: dict[object, Piece] = {}
    for at, piece in enumerate(pieces):
        key = piece["inlineData"]["data"] if "inlineData" in piece else at
        kept[key] = {**kept.get(key, {}), **piece}
    return list(kept.values())


def _signed(pieces: list[Piece], signature: str | None) -> list[Piece]:
    """A message's own signature is that of its last picture, unless that has one: then it is that of the words."""
    if signature is None or any(piece.get("thoughtSignature") == signature for piece in pieces):
        return pieces
    pictures = [at for at, piece in enumerate(pieces) if "inlineData" in piece]
    words = [at for at, piece in enumerate(pieces) if "text" in piece]
    signed = next((at for at in (*pictures[-1:], *words[:1]) if "thoughtSignature" not in pieces[at]), None)
    return [{**piece, "thoughtSignature": signature} if at == signed else piece for at, piece in enumerate(pieces)]
