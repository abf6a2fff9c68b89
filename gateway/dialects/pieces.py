"""The pieces of a message: text, and pictures in every wrapping that OpenAI's callers put them in.

Out come the parts of Gemini's contents. Who said them, and in which order turns follow each other,
is decided in `turns`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects import parts

Piece = dict[str, Any]

# A picture that an earlier answer of a chat carried as Markdown. Neither class of characters holds what
# begins a picture, so that a text of beginnings without an end is read once and not once for each.
_MARKDOWN_PICTURE = re.compile(r"!\[[^\[\]]*\]\((data:image/[A-Za-z0-9+/=_.;,%-]+)\)")

_TEXTS = ("text", "refusal")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads pieces. A picture may be named by its address where `fetches`; `pictures` has those that were fetched.

    One that was not is a part with fileData, as Gemini has it; whoever asked fetches it and reads again.
    """

    fetches: bool
    pictures: Mapping[str, bytes]

    def pieces(self, message: Mapping[str, Any], where: str) -> list[Piece]:
        """A message's content, then the pictures that it has in an array of their own."""
        pieces = self._content(message.get("content"), f"{where}.content")
        images = message.get("images")
        if images is None:
            return pieces
        if not isinstance(images, list):
            raise BadRequest(f"{where}.images must be a list.", param=f"{where}.images")
        for at, image in enumerate(images):
            pieces += self._piece(image, f"{where}.images[{at}]")
        return pieces

    def shown(self, given: object, where: str) -> Piece:
        """What can be nothing but a picture: its address or data, or an object that has it."""
        address = _address(given) if isinstance(given, Mapping) else given
        if not isinstance(address, str) or not address:
            raise BadRequest(
                f"{where} must be a picture: a data URI, or an object that has one in image_url; a file_id is not "
                "known here.",
                param=where,
            )
        return self.picture(address, where)

    def picture(self, address: str, where: str) -> Piece:
        """A picture from a data URI, bare base64 or an address. Raises `BadRequest` for what is none."""
        scheme, colon, _ = address[:16].partition(":")
        if scheme.lower() in ("http", "https"):
            return self._addressed(address, where)
        read = parts.picture_of_data_uri if colon else parts.picture_of_base64
        return inline(read(address, param=where))

    def _addressed(self, address: str, where: str) -> Piece:
        if not self.fetches:
            raise BadRequest(
                f"{where} is an address, and this gateway fetches none; send a data URI: data:image/png;base64,…",
                param=where,
            )
        if address not in self.pictures:
            return {"fileData": {"fileUri": address}}
        return inline(parts.picture_of_bytes(self.pictures[address], param=where))

    def _content(self, content: object, where: str) -> list[Piece]:
        if content is None:
            return []
        if isinstance(content, str):
            return self._with_markdown(content, where)
        if not isinstance(content, list):
            raise BadRequest(f"{where} must be a string or a list of parts.", param=where)
        pieces: list[Piece] = []
        for at, part in enumerate(content):
            pieces += self._piece(part, f"{where}[{at}]")
        return pieces

    def _piece(self, part: object, where: str) -> list[Piece]:
        if isinstance(part, str):
            return self._with_markdown(part, where)
        if isinstance(part, Mapping):
            signature = signature_of(part)
            for name in _TEXTS:
                if isinstance(part.get(name), str):
                    return _signed(self._with_markdown(part[name], where), signature)
            if (address := _address(part)) is not None:
                return _signed([self.picture(address, where)], signature)
        raise BadRequest(
            f"{where} must be a text or a picture: a text, image_url or input_image part, or a file part with its "
            "data in file_data; a file_id is not known here.",
            param=where,
        )

    def _with_markdown(self, text: str, where: str) -> list[Piece]:
        """Text, with the pictures that Markdown carries as data URIs taken out into parts of their own.

        Space around a picture was put there with it: the words are to be what the model signed.
        """
        if "](data:image/" not in text:
            return [{"text": text}] if text else []
        pieces: list[Piece] = []
        for at, piece in enumerate(_MARKDOWN_PICTURE.split(text)):
            if at % 2:
                pieces.append(self.picture(piece, where))
            elif words := piece.strip():
                pieces.append({"text": words})
        return pieces


def signature_of(entry: Mapping[str, Any]) -> str | None:
    """What the model signed a message or an entry of it with: Google's own convention for OpenAI's formats."""
    extra = entry.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    signature = google.get("thought_signature") if isinstance(google, Mapping) else None
    return signature if isinstance(signature, str) and signature else None


def _signed(pieces: list[Piece], signature: str | None) -> list[Piece]:
    return [{**piece, "thoughtSignature": signature} for piece in pieces] if signature else pieces


def _address(part: Mapping[str, Any]) -> str | None:
    """Where a part has its picture: an address, or the data itself."""
    for outer, inner in (("image_url", ("url",)), ("source", ("data", "url")), ("file", ("file_data",))):
        held = part.get(outer)
        candidates = [held.get(name) for name in inner] if isinstance(held, Mapping) else [held]
        for each in candidates:
            if isinstance(each, str) and each:
                return each
    return None


def inline(picture: parts.Picture) -> Piece:
    """A picture as a part of Gemini's contents."""
    return {"inlineData": {"mimeType": picture.mime, "data": picture.data}}
