"""One caller's request, as facts.

A Call is complete when it is made and never changes: every attempt is built anew from it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.core.catalog import Model, SizeFacts
from gateway.core.claims import Claim
from gateway.core.keys import Key, Mode

# The operation of dialects that have no other.
_COMPLETE = "complete"


_CALL_ID = re.compile(r"call_([0-9a-f]{11})[0-9a-f]{21}(\.[0-9]+)?")

_ONE_OF_SEVERAL = re.compile(r"([^.]+)\.([1-9][0-9]{0,2})", re.ASCII)

# Of them an id takes so many, at random.
CHANCES = 21


def call_id(made_at: float, chance: str) -> str:
    """The id of a call, from its date and from so many hexadecimal digits as `CHANCES` says.

    It begins with the time, so that its rows are found by it.
    """
    return f"call_{round(made_at * 1000):011x}{chance[:CHANCES]}"


def came_ms(call_id: str) -> int | None:
    """When a call came, in ms since 1970, by its id; None, or any time at all, for one of an earlier release."""
    match = _CALL_ID.fullmatch(call_id)
    return int(match[1], 16) if match else None


def request_of(call_id: str) -> tuple[str, int | None]:
    """The id of the request that a call was made for, and which of its pictures the call is; None: the only one.

    "call_1.2" is the second picture of the request "call_1"; see `Call.each`.
    """
    match = _ONE_OF_SEVERAL.fullmatch(call_id)
    return (match[1], int(match[2])) if match else (call_id, None)


class Delivery(StrEnum):
    """How the caller wants the answer to arrive."""

    WHOLE = "whole"
    EVENTS = "events"  # server-sent events
    ARRAY = "array"  # Gemini's stream without alt=sse: one JSON array, element by element


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be drawn, as far as it decides the price. Read from the very bytes that are forwarded.

    `references` are the pictures the user shows, `history` those that the model drew before.
    """

    model: Model
    size: str
    ratio: str | None = None
    references: int = 0
    history: int = 0
    thinking: str | None = None
    text_bytes: int = 0

    @property
    def size_facts(self) -> SizeFacts:
        return self.model.sizes[self.size]

    @property
    def thinks_hard(self) -> bool:
        """Whether the model was told to think longer than it does by itself."""
        return self.thinking is not None and self.thinking not in ("minimal", "low")

    @property
    def long(self) -> bool:
        """Whether the provider itself allows more time for it: 4K, or more than three references."""
        return self.size == "4K" or self.references > 3


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a dialect read from a request.

    `body` is the request as Gemini's generateContent takes it: the caller's own bytes where they
    need no change, the translation otherwise. `streams` says whether the upstream is asked for a
    stream of it; `count` how many pictures are wanted, each of them a call of its own. `form` is
    what the dialect noted for writing the answer; nobody else reads it.

    `unsigned` are the digests of earlier answers in it that came back without their signature: read
    again with those that are known, it keeps them the model's. `plain` writes the body with nothing in
    it that must be signed; None where there is no such thing, or where the body is the caller's own.
    `addresses` are those of pictures that must be fetched before it can be sent.

    `linked`: its answer names addresses, so what is at them must be kept before it is told.

    `files`: it may name files that were uploaded.

    `insists`: an answer without a picture is none to this caller, so a fruitless one is tried once more.
    """

    asked_name: str
    ask: Ask
    delivery: Delivery
    body: bytes
    streams: bool
    count: int = 1
    form: object = None
    unsigned: frozenset[str] = frozenset()
    plain: Callable[[], bytes] | None = None
    addresses: tuple[str, ...] = ()
    files: bool = False
    insists: bool = False
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a known key for a known model.

    `key` is the key as this call may use it: its limits may be stricter here than in the books.
    `arrived_at` is on the monotonic clock, `made_at` is the date. The caller waits for at most
    `patience_s` after its arrival; the call itself does not end with it. `claim` is what it may have that was asked
    for before; None: nothing. `address` gives that of one of its pictures, from 1 on; None: nobody could fetch there.
    """

    id: str
    request_id: str
    key: Key
    dialect: str
    operation: str
    parsed: Parsed
    arrived_at: float
    made_at: float
    patience_s: float
    claim: Claim | None = None
    address: "Callable[[Call, int], str] | None" = None
    ask: Ask = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ask", self.parsed.ask)  # it is looked at everywhere

    @property
    def route(self) -> str:
        """By which way it came: "images.edit"; a dialect with one operation has its name alone: "chat"."""
        return self.dialect if self.operation == _COMPLETE else f"{self.dialect}.{self.operation}"

    @property
    def mode(self) -> Mode:
        return self.key.limits.failover or Mode.AUTO

    def each(self) -> "list[Call]":
        """One call for each picture that is wanted: these models draw one at a time."""
        count = self.parsed.count
        return [self] if count == 1 else [replace(self, id=f"{self.id}.{number + 1}") for number in range(count)]
