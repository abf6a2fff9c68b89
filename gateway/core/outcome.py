"""What came of an attempt.

Every status, failure and finished reply becomes an Outcome here and nowhere else: what it was,
whether another lane may be tried, whose fault it is, and whether the upstream bills it. After this
file nobody looks at a status code again.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.usage import Usage


class Verdict(StrEnum):
    """What came of an attempt; the same words stand in metrics, logs and the ledger."""

    PICTURE = "picture"
    NO_PICTURE = "no_picture"  # a complete answer without one: a refusal, or only text
    FRUITLESS = "fruitless"  # the same, and no decision: the model failed to draw, and may not fail again
    REJECTED = "rejected"  # the upstream found the request itself wrong
    UNSIGNED = "unsigned"  # it misses, or does not know, the signature of an earlier answer in the request
    BUSY = "busy"  # the group has no capacity now
    FAILED = "failed"  # the upstream broke before it answered
    CREDENTIAL = "credential"  # it does not take our key, or the key has no money left
    UNREACHABLE = "unreachable"  # no connection; nothing was sent
    LOST = "lost"  # the connection ended after the request was sent and before an answer
    SILENT = "silent"  # no answer within the total time
    CUT = "cut"  # an answer that broke off, or was not one


class Billed(StrEnum):
    """Whether the upstream bills an attempt."""

    NO = "no"
    YES = "yes"
    MAYBE = "maybe"


class Blame(StrEnum):
    """What an outcome speaks against."""

    NOBODY = "nobody"
    CALLER = "caller"
    LANE = "lane"  # this address or credential only
    GROUP = "group"  # the capacity behind every lane of the group


@dataclass(frozen=True, slots=True)
class Rule:
    retry: bool
    blame: Blame
    billed: Billed


# One table. BUSY and FAILED are not billed as the reseller states; LOST may be, so its successor is
# the operator's risk, never the caller's. CUT, NO_PICTURE and FRUITLESS had status 200, which is billed.
RULES: dict[Verdict, Rule] = {
    Verdict.PICTURE: Rule(retry=False, blame=Blame.NOBODY, billed=Billed.YES),
    Verdict.NO_PICTURE: Rule(retry=False, blame=Blame.NOBODY, billed=Billed.YES),
    Verdict.FRUITLESS: Rule(retry=False, blame=Blame.NOBODY, billed=Billed.YES),
    Verdict.REJECTED: Rule(retry=False, blame=Blame.CALLER, billed=Billed.NO),
    Verdict.UNSIGNED: Rule(retry=False, blame=Blame.CALLER, billed=Billed.NO),
    Verdict.BUSY: Rule(retry=True, blame=Blame.GROUP, billed=Billed.NO),
    Verdict.FAILED: Rule(retry=True, blame=Blame.GROUP, billed=Billed.NO),
    Verdict.CREDENTIAL: Rule(retry=True, blame=Blame.LANE, billed=Billed.NO),
    Verdict.UNREACHABLE: Rule(retry=True, blame=Blame.LANE, billed=Billed.NO),
    Verdict.LOST: Rule(retry=True, blame=Blame.GROUP, billed=Billed.MAYBE),
    Verdict.SILENT: Rule(retry=False, blame=Blame.GROUP, billed=Billed.MAYBE),
    Verdict.CUT: Rule(retry=False, blame=Blame.GROUP, billed=Billed.YES),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` and `message` are the upstream's own, kept for whoever words the answer.

    `billed` is the rule's unless the status says otherwise: an edge that gave up (504, 52x) does not
    know what the machine behind it went on to do.
    """

    verdict: Verdict
    billed: Billed
    status: int | None = None
    message: str = ""
    retry_after_s: int | None = None

    @property
    def retry(self) -> bool:
        return RULES[self.verdict].retry

    @property
    def blame(self) -> Blame:
        return RULES[self.verdict].blame


@dataclass(frozen=True, slots=True)
class Reply:
    """What a complete answer with status 200 held.

    `pictures` counts finished pictures, `pixels` are those of the last, where its head tells;
    `finish` is the provider's finishReason, `block` its blockReason, `words` the text and `note`
    the finishMessage, both possibly shortened.
    """

    usage: Usage | None
    pictures: int
    pixels: tuple[int, int] | None = None
    finish: str | None = None
    block: str | None = None
    words: str = ""
    note: str = ""
    error: str = ""

    @property
    def empty(self) -> bool:
        """Whether it says nothing at all, not even why."""
        return not (self.pictures or self.finish or self.block or self.words or self.error)


def outcome(verdict: Verdict, *, status: int | None = None, message: str = "") -> Outcome:
    """An outcome as the table has it."""
    return Outcome(verdict, RULES[verdict].billed, status, message)


def of_reply(reply: Reply | None) -> Outcome:
    """What an answer with status 200 came to; None: it ended early or was not what it should be."""
    if reply is None or reply.empty:
        return outcome(Verdict.CUT, status=200)
    if reply.error:
        return outcome(Verdict.CUT, status=200, message=reply.error)
    return outcome(_drawn(reply), status=200, message=reply.words or reply.note)


def _drawn(reply: Reply) -> Verdict:
    if reply.pictures:
        return Verdict.PICTURE
    return Verdict.FRUITLESS if reply.finish in _FRUITLESS and not reply.block else Verdict.NO_PICTURE


# Reasons of the provider that are no decision about the content. Its users find that the same request
# often works when it is sent again.
_FRUITLESS = frozenset(
    {
        "NO_IMAGE",
        "IMAGE_OTHER",
        "OTHER",
        "LANGUAGE",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)

# Statuses whose meaning does not depend on the body.
_BY_STATUS: dict[int, Verdict] = {
    401: Verdict.CREDENTIAL,
    402: Verdict.CREDENTIAL,
    403: Verdict.CREDENTIAL,
    408: Verdict.BUSY,
    409: Verdict.BUSY,
    425: Verdict.BUSY,
    429: Verdict.BUSY,
    503: Verdict.BUSY,
    529: Verdict.BUSY,
}

# An edge in front of the upstream gave up; the upstream itself may well have drawn and billed.
_EDGE_GAVE_UP = frozenset({504, 520, 521, 522, 523, 524})

# What a reseller says when a group has no machine for a model (one-api and new-api, both tongues),
# whatever status it puts on it.
_NO_CHANNEL = ("no available channel", "无可用渠道", "get_channel_failed")

# What Google says with status 400 of an earlier answer whose thought signature is missing or not its own.
_BAD_SIGNATURE = re.compile("thought[ _]?signature")

# What Google says of a bad key with status 400.
_BAD_KEY = ("API_KEY_INVALID", "api key not valid", "API key expired")


def of_status(status: int, body: str, *, retry_after_s: int | None = None) -> Outcome:
    """What an answer other than 200 came to. `body` is its text, as far as it was read."""
    verdict = _verdict(status, body.lower())
    billed = Billed.MAYBE if status in _EDGE_GAVE_UP else RULES[verdict].billed
    return Outcome(verdict, billed, status, body, retry_after_s)


def _verdict(status: int, text: str) -> Verdict:
    if any(mark.lower() in text for mark in _NO_CHANNEL):
        return Verdict.BUSY
    if status == 400 and any(mark.lower() in text for mark in _BAD_KEY):
        return Verdict.CREDENTIAL
    if status == 400 and _BAD_SIGNATURE.search(text):
        return Verdict.UNSIGNED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return Verdict.REJECTED
    # 5xx, and whatever is not an answer at all: a redirect, a 204, a page.
    return Verdict.FAILED
