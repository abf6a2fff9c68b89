"""What an earlier answer is known by when it comes back without its signature.

OpenAI's formats have no place for what the model signs its words and pictures with, so most of their
callers lose it. A picture or a text is known again by its digest; where the signatures are kept in
the meantime, and for whom, is not decided here.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gateway.dialects.replies import Content, Sketch


def digest_of(piece: Mapping[str, Any]) -> str:
    """What names a part of Gemini's contents, a text or a picture in canonical base64."""
    if "inlineData" in piece:
        return _digest("picture", piece["inlineData"]["data"])
    return _digest("text", piece["text"].strip())


def signatures_of(content: Content, digests: Mapping[int, str]) -> dict[str, str]:
    """What the parts of an answer were signed with, by their digests; `digests` are those of its `signed_pictures`."""
    signed = {digests[picture.number]: signature for picture, signature in signed_pictures(content)}
    if content.words and content.words_signature:
        signed[_digest("text", content.words.strip())] = content.words_signature
    return signed


def signed_pictures(content: Content) -> list[tuple[Sketch, str]]:
    """Those of an answer that the model has signed, each with its signature."""
    return [(picture, picture.signature) for picture in content.pictures if picture.signature]


class PictureDigest:
    """The digest of a picture whose canonical base64 comes in pieces.

    Equal pictures have equal canonical base64: its hash is as good as that of the bytes, and costs no decoding.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256(b"picture:")

    def feed(self, base64: bytes) -> None:
        self._hash.update(base64)

    @property
    def told(self) -> str:
        return self._hash.hexdigest()


def _digest(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}:".encode() + text.encode()).hexdigest()
