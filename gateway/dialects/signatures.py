"""What an earlier answer is known by when it comes back without its signature.

OpenAI's formats have no place for what the model signs its words and pictures with, so most of their
callers lose it. A picture or a text is known again by its digest; where the signatures are kept in
the meantime, and for whom, is not decided here.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gateway.dialects.parts import canonical_base64
from gateway.dialects.replies import Content


def digest_of(piece: Mapping[str, Any]) -> str:
    """What names a part of Gemini's contents, a text or a picture in canonical base64."""
    if "inlineData" in piece:
        return _digest("picture", piece["inlineData"]["data"])
    return _digest("text", piece["text"].strip())


def signatures_of(content: Content) -> dict[str, str]:
    """What the parts of an answer were signed with, by their digests."""
    signed = {
        _digest("picture", canonical_base64(picture.data)): picture.signature
        for picture in content.pictures
        if picture.signature
    }
    if content.words and content.words_signature:
        signed[_digest("text", content.words.strip())] = content.words_signature
    return signed


def _digest(kind: str, text: str) -> str:
    """Equal pictures have equal canonical base64: its hash is as good as that of the bytes, and costs no decoding."""
    return hashlib.sha256(f"{kind}:".encode() + text.encode()).hexdigest()
