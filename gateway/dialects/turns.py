"""A conversation as Gemini's system instruction and turns.

Decides what becomes of what each speaker said. A picture of an earlier answer stays the model's when
it comes back with the signature it left with, or is known by one; without it goes back as the user's,
since the provider refuses a turn of the model's that it cannot verify.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects.pieces import Piece
from gateway.dialects.signatures import digest_of


class Speaker(StrEnum):
    """Who says something. User and model are the roles of Gemini's turns; the system has a place of its own."""

    SYSTEM = "system"
    USER = "user"
    MODEL = "model"


# By the roles of OpenAI's formats, and Gemini's own word for the model.
SPEAKERS = {
    "system": Speaker.SYSTEM,
    "developer": Speaker.SYSTEM,
    "user": Speaker.USER,
    "assistant": Speaker.MODEL,
    "model": Speaker.MODEL,
}


@dataclass(frozen=True, slots=True)
class Turns:
    """A conversation. `system` is empty when nothing was said.

    `unsigned` are the digests of what the model said and drew in it that came without a signature.
    """

    system: str
    contents: list[dict[str, Any]]
    unsigned: frozenset[str] = frozenset()

    @property
    def text_bytes(self) -> int:
        texts = (part["text"] for content in self.contents for part in content["parts"] if "text" in part)
        return len(self.system.encode()) + sum(len(text.encode()) for text in texts)

    @property
    def answered(self) -> bool:
        """Whether the model said anything in it."""
        return any(content["role"] == Speaker.MODEL for content in self.contents)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of pictures that are not there yet, each once."""
        parts = (part for content in self.contents for part in content["parts"] if "fileData" in part)
        return tuple(dict.fromkeys(part["fileData"]["fileUri"] for part in parts))

    def pictures(self, speaker: Speaker) -> int:
        """How many pictures a speaker's turns show."""
        turns = (content["parts"] for content in self.contents if content["role"] == speaker)
        return sum("text" not in part for parts in turns for part in parts)


class Conversation:
    """What was said so far: system texts out of wherever they stand, neighbours of one role merged.

    `known` are the signatures that are remembered, by digest.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._unsigned: set[str] = set()
        self._system: list[str] = []
        self._contents: list[dict[str, Any]] = []

    def add(self, speaker: Speaker, pieces: list[Piece], signature: str | None = None) -> None:
        """The next to be said. `signature` is what the model signed the whole of it with."""
        if speaker is Speaker.SYSTEM:
            self._system += [piece["text"] for piece in pieces if "text" in piece]
            self._add(Speaker.USER, _unsigned([piece for piece in pieces if "text" not in piece]))
        elif speaker is Speaker.MODEL:
            self._answer(_signed(_once(pieces), signature))
        else:
            self._add(Speaker.USER, _unsigned(pieces))

    def turns(self, *, param: str) -> Turns:
        """Raises `BadRequest` when nobody but the system said anything."""
        if not self._contents:
            raise BadRequest(f"{param} holds no user message.", param=param)
        return Turns("\n".join(self._system), self._contents, frozenset(self._unsigned))

    def _answer(self, pieces: list[Piece]) -> None:
        """An earlier answer. Its pictures without a signature go back as the user's."""
        pieces = [self._recalled(piece) for piece in pieces]
        self._add(Speaker.MODEL, [piece for piece in pieces if not _foreign(piece)])
        foreign = [piece for piece in pieces if _foreign(piece)]
        if foreign:
            self._add(Speaker.USER, [{"text": "The picture you drew before:"}, *foreign])

    def _recalled(self, piece: Piece) -> Piece:
        """A piece of an earlier answer with the signature it is known by, where it came without one."""
        if "thoughtSignature" in piece or "fileData" in piece:
            return piece
        digest = digest_of(piece)
        if digest not in self._known:
            self._unsigned.add(digest)
            return piece
        return {**piece, "thoughtSignature": self._known[digest]}

    def _add(self, role: Speaker, pieces: list[Piece]) -> None:
        if not pieces:
            return
        if self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"] += pieces
        else:
            self._contents.append({"role": role.value, "parts": pieces})


def plain(contents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same turns with nothing in them that must be signed: what the model said and drew is put as the user's."""
    told: list[dict[str, Any]] = []
    for content in contents:
        parts = _unsigned(content["parts"])
        if content["role"] == Speaker.MODEL:
            parts.insert(0, {"text": "Your answer before:"})
        if told:
            told[-1]["parts"] += parts
        else:
            told.append({"role": Speaker.USER.value, "parts": parts})
    return told


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
