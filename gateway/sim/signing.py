"""Thought signatures: how the model signs what it says and draws, and the check that Google's endpoint makes.

A signature is bound to the picture it was given with, and any copy of the simulator knows its own
again. Google enforces signatures on the turns of the model, the seller only sometimes: the check is
made when the simulator is told to.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.sim.seller import invalid

_KEY = b"the simulator's own"

# What Google's documentation gives for turns that another model or a program wrote.
_BYPASS = ("context_engineering_is_the_way_to_go", "skip_thought_signature_validator")


def of_picture(data: bytes) -> str:
    return _signed(hashlib.sha256(data).digest())


def of_words(call_id: str, at: int) -> str:
    """Bound to nothing: a stream gives the words in pieces, and only the first of them is signed."""
    return _signed(hashlib.sha256(f"{call_id} {at}".encode()).digest())


def check(contents: Sequence[Mapping[str, Any]]) -> None:
    """Raises `Refused` for a turn of the model without the signatures that it was given with."""
    for at, turn in enumerate(contents):
        if turn.get("role") == "model":
            for place, part in _to_be_signed(turn["parts"]):
                _check_part(part, at, place)


def _to_be_signed(parts: Sequence[Mapping[str, Any]]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """The first words of a turn and all its pictures; thoughts are not signed."""
    words = True
    for place, part in enumerate(parts):
        if part.get("thought"):
            continue
        if "inlineData" in part:
            yield place, part
        elif words and part.get("text"):
            words = False
            yield place, part


def _check_part(part: Mapping[str, Any], at: int, place: int) -> None:
    given = part.get("thoughtSignature")
    kind = "Image" if "inlineData" in part else "Text"
    if not given:
        raise invalid(
            f"{kind} part is missing a thought_signature in content position {at + 1}, part position {place + 1}."
        )
    if given not in _BYPASS and not _fits(given, part):
        raise invalid(f"Invalid thought signature for content at index {at}.")


def _fits(given: str, part: Mapping[str, Any]) -> bool:
    try:
        # Python's SDK sends back what it was given in the URL-safe alphabet.
        raw = base64.b64decode(given.translate(str.maketrans("-_", "+/")), validate=True)
        if "inlineData" in part and raw[:32] != hashlib.sha256(base64.b64decode(part["inlineData"]["data"])).digest():
            return False
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(raw[32:], _mac(raw[:32]))


def _signed(digest: bytes) -> str:
    return base64.b64encode(digest + _mac(digest)).decode()


def _mac(digest: bytes) -> bytes:
    return hmac.digest(_KEY, digest, "sha256")
