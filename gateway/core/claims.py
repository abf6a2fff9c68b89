"""Whether a request was made before, and whose answer it may then have instead of one of its own.

An answer that was asked for and paid for belongs to whoever asks the same again because the answer did not
come: nobody pays twice. But the same prompt, asked twice on purpose, means two pictures. So it is not
enough that two requests are the same; something has to say that one is a retry of the other:

    what says so                          the other still runs            the other has ended
    the same Idempotency-Key              one answer for all of them      the same answer again, for 24 h
    the SDK's own header of a retry       one whose caller has left       one that was not delivered, for 15 min;
                                                                          else one that was, for 2 min
    nothing but the request itself        one whose caller has left       one that was not delivered, for 10 min

Each answer that was left is for one that comes back: three that were left make three pictures for three.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.errors import BadRequest
from gateway.core.headers import FRESH, IDEMPOTENCY_KEY, IDEMPOTENCY_RESEND

ONCE_S = 24 * 3600.0
_LEFT_MARKED_S = 15 * 60.0
_LEFT_S = 10 * 60.0
_GIVEN_S = 2 * 60.0


class Stands(StrEnum):
    """How a call stands for whoever asks the same again."""

    RUNNING = "running"
    KEPT = "kept"  # its answer is in the vault, and was not delivered
    GIVEN = "given"  # the same, and it was
    UNSURE = "unsure"  # nobody knows whether it was billed
    LOST = "lost"  # it was billed, and its answer is gone
    FAILED = "failed"  # nobody owes anything, and its caller knows
    NOTHING = "nothing"  # there is nothing to have
    LEFT = "left"  # as it did: whoever had claimed it wants it no more


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store knows of a call: how it stands, None: it knows of none, and whether its hold has ended."""

    stands: Stands | None
    ended: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """The call whose answer a request may have, and which process has it drawn."""

    call_id: str
    stands: Stands
    owner: str


_LONGEST_KEY = 255
_SENT = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request may have that was asked for before it.

    `asked` is its fingerprint, the same for the same request of the same key. Under an Idempotency-Key it is known
    by `once`, and by nothing else. Otherwise it may have an answer that its caller left at most `left_s` ago, and
    one that was delivered at most `given_s` ago. `marks`: its client says of a retry that it is one. `resends`: it
    would rather pay again than not know.
    """

    asked: str
    once: str | None = None
    left_s: float = 0.0
    given_s: float = 0.0
    marks: bool = False
    resends: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a request's headers say, as they came; None: it has none of that name.

    `retry` counts the retries of an SDK, from "0" on (x-stainless-retry-count).
    """

    retry: str | None = None
    fresh: str | None = None
    resend: str | None = None


def claim_of(asked: str, evidence: Evidence, *, once: str | None) -> Claim:
    """What a request with this fingerprint claims; `once` is the name of its Idempotency-Key here, if it has one.

    Raises `BadRequest` for a header that says nothing.
    """
    fresh = _said(FRESH, evidence.fresh)
    resends = _said(IDEMPOTENCY_RESEND, evidence.resend)
    if once is not None:
        return Claim(asked, once, resends=resends)
    if resends:
        raise BadRequest("Idempotency-Resend needs an Idempotency-Key to send again.", param=IDEMPOTENCY_RESEND)
    marks = evidence.retry is not None and evidence.retry.isdecimal()
    if fresh:
        return Claim(asked, marks=marks)
    retries = marks and int((evidence.retry or "0")[:9]) > 0
    return Claim(
        asked, left_s=_LEFT_MARKED_S if retries else _LEFT_S, given_s=_GIVEN_S if retries else 0.0, marks=marks
    )


def checked_key(key: str) -> str:
    """An Idempotency-Key as it may be: 1 to 255 visible ASCII characters; raises `BadRequest`."""
    if not 1 <= len(key) <= _LONGEST_KEY or not all("!" <= each <= "~" for each in key):
        raise BadRequest(
            f"Idempotency-Key takes 1 to {_LONGEST_KEY} visible ASCII characters, a UUID for example.",
            param=IDEMPOTENCY_KEY,
        )
    return key


def _said(name: str, value: str | None) -> bool:
    if value is None:
        return False
    said = _SENT.get(value.strip().lower())
    if said is None:
        raise BadRequest(f"{name}: {value[:40]!r} is neither 1 nor 0.", param=name)
    return said
