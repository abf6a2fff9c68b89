"""How a thing is sealed with a key, and opened again in part. Pure; it knows of no store.

Each thing has a key of its own, made of the vault's, of its name and of 32 random bytes that lie before it:
so that none can be put in the place of another. Its bytes are in chunks of 64 KiB (AES-256-GCM), each sealed
with its number and with whether it is the last, so that a part is opened without the rest, and nothing can be
cut off, left out or moved within it: the STREAM construction, of Hoang, Reyhanitabar, Rogaway and Vizár.
"""

import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
UNIT_BYTES = CHUNK_BYTES + _TAG_BYTES

_FORMAT = b"\x01"
_SALT_BYTES = 32
HEAD_BYTES = len(_FORMAT) + _SALT_BYTES


class WrongSeal(Exception):
    """It was sealed with another key, under another name, or is not what was sealed."""


class Sealing:
    """What is fed comes back sealed, a little later; `head` goes before it, `end` after it."""

    def __init__(self, key: bytes, name: str) -> None:
        self.head = _FORMAT + secrets.token_bytes(_SALT_BYTES)
        self._cipher = _cipher(key, name, self.head)
        self._number = 0
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        whole = self._rest + piece
        full = max(0, len(whole) - 1) // CHUNK_BYTES * CHUNK_BYTES  # what is last has at least a byte, if any came
        view = memoryview(whole)
        units = [self._unit(view[at : at + CHUNK_BYTES], last=False) for at in range(0, full, CHUNK_BYTES)]
        self._rest = whole[full:]
        return b"".join(units)

    def end(self) -> bytes:
        return self._unit(memoryview(self._rest), last=True)

    def _unit(self, chunk: memoryview, *, last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        return self._cipher.encrypt(_nonce(number, last=last), chunk, None)


class Opening:
    """Opens units from this number on, in order; raises `WrongSeal`."""

    def __init__(self, key: bytes, name: str, head: bytes, number: int = 0) -> None:
        if len(head) != HEAD_BYTES or not head.startswith(_FORMAT):
            raise WrongSeal
        self._cipher = _cipher(key, name, head)
        self._number = number

    def units(self, sealed: bytes) -> bytes:
        """Whole units that others come after."""
        view = memoryview(sealed)
        return b"".join(self._unit(view[at : at + UNIT_BYTES], last=False) for at in range(0, len(view), UNIT_BYTES))

    def last(self, unit: bytes) -> bytes:
        """The one after which none comes."""
        return self._unit(memoryview(unit), last=True)

    def either(self, unit: bytes) -> bytes:
        """One of which it is not known whether others come after it."""
        number = self._number
        try:
            return self._unit(memoryview(unit), last=False)
        except WrongSeal:
            self._number = number
            return self.last(unit)

    def _unit(self, unit: memoryview, *, last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        try:
            return self._cipher.decrypt(_nonce(number, last=last), unit, None)
        except InvalidTag:
            raise WrongSeal from None


@dataclass(frozen=True, slots=True)
class Part:
    """Where the units lie that hold a part of a thing, and how much of what is in them is before it."""

    first: int
    begin: int
    end: int
    before: int


def part(begin: int, end: int) -> Part:
    first, behind = begin // CHUNK_BYTES, -(-end // CHUNK_BYTES)
    return Part(first, HEAD_BYTES + first * UNIT_BYTES, HEAD_BYTES + behind * UNIT_BYTES, begin - first * CHUNK_BYTES)


def sealed(key: bytes, name: str, text: bytes) -> bytes:
    sealing = Sealing(key, name)
    return sealing.head + sealing.feed(text) + sealing.end()


def opened(key: bytes, name: str, text: bytes) -> bytes:
    """All of it; raises `WrongSeal`."""
    opening = Opening(key, name, text[:HEAD_BYTES])
    units = text[HEAD_BYTES:]
    full = max(0, len(units) - 1) // UNIT_BYTES * UNIT_BYTES
    return opening.units(units[:full]) + opening.last(units[full:])


def _cipher(key: bytes, name: str, head: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), length=32, salt=head[len(_FORMAT) :], info=name.encode()).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    """Used once: the key is one thing's, and a number is counted up."""
    return number.to_bytes(11, "big") + bytes([last])
