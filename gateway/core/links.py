"""Tokens that stand for a picture, and let whoever has one fetch it without a key, for an hour.

A token says whose call it is, which of its pictures, and until when, and is signed. Of the same picture it is
always the same. Pure.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Self

# As long as OpenAI's.
LASTS_S = 3600

# What is signed with the same secret elsewhere begins otherwise.
_MARK = b"picture|"

_SIGNATURE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Link:
    """One picture of a team's call, from 1 on, until `ends_at` (seconds since 1970)."""

    team: str
    call_id: str
    number: int
    ends_at: int

    @classmethod
    def made(cls, team: str, call_id: str, number: int, made_at: float) -> Self:
        """For a call that was made then."""
        return cls(team, call_id, number, int(made_at) + LASTS_S)

    def live(self, now: float) -> bool:
        return now < self.ends_at


class Links:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, link: Link) -> str:
        words = f"{link.ends_at:x}|{link.number}|{link.call_id}|{link.team}".encode()
        signed = words + hmac.digest(self._secret, _MARK + words, "sha256")
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()

    def read(self, token: str, now: float) -> Link | None:
        """What a token stands for; None: it is none of ours, or its time is over."""
        link = _link_of(token)
        if link is None or not hmac.compare_digest(self.token(link).encode(), token.encode()):
            return None
        return link if link.live(now) else None


def _link_of(token: str) -> Link | None:
    """What a token says, true or not."""
    try:
        words = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:-_SIGNATURE_BYTES].decode()
        ends_at, number, call_id, team = words.split("|")
        return Link(team, call_id, int(number), int(ends_at, 16))
    except (binascii.Error, ValueError):
        return None
