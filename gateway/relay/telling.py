"""What a caller is told: in the head of an answer, or when no attempt answered.

The upstream's own words go through only where they are about the request; about keys, groups and
balances the caller learns nothing.
"""

import math
import re

from gateway.core.allowance import Exhausted, Owner
from gateway.core.errors import (
    AnswerGone,
    BooksAway,
    CallUnsure,
    GatewayBusy,
    GatewayError,
    GroupStopped,
    PremiumSpent,
    UpstreamBusy,
    UpstreamCut,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamSilent,
    UpstreamUnavailable,
)
from gateway.core.outcome import Outcome, Verdict
from gateway.dialects.gemini import error_of

_MOST_CHARACTERS = 2048
_MOST_RETRY_S = 60  # the OpenAI SDKs ignore a longer Retry-After

# What resellers append to every message, and anything that has the look of a key.
_REQUEST_ID = re.compile(r"\s*\(request id: [^)]*\)")
_KEY_LIKE = re.compile(r"\b(?:sk-[\w-]{6,}|AIza[\w-]{10,}|Bearer\s+\S+)")


def of_failure(outcome: Outcome | None, denied: Exhausted | None = None) -> GatewayError:
    """The error for the failure that a race ended with; `denied` is why a dearer group was not tried."""
    if denied is not None:
        return _premium_spent(denied)
    if outcome is None:
        return GatewayBusy("No group can take this call now; try again shortly.")
    match outcome.verdict:
        case Verdict.REJECTED | Verdict.UNSIGNED:
            message, google_status = error_of(outcome.message)
            return UpstreamRejected(scrubbed(message), status=outcome.status or 400, google_status=google_status)
        case Verdict.BUSY | Verdict.UNREACHABLE:
            what = "has no capacity" if outcome.verdict is Verdict.BUSY else "cannot be reached"
            return _after(UpstreamBusy(f"The upstream {what} now; nothing was charged. Try again."), outcome)
        case Verdict.CREDENTIAL:
            return UpstreamUnavailable("The upstream cannot be used now; the operator of this gateway must look at it.")
        case Verdict.CUT:
            return UpstreamCut("The upstream's answers broke off; nothing is charged to your key. Try again.")
        case Verdict.SILENT | Verdict.LOST:
            return UpstreamSilent(
                "The upstream took the request and never answered. Nothing was charged to your key, "
                "but the seller may have drawn the picture: trying again may draw another."
            )
        case _:
            return UpstreamFailed("The upstream failed; nothing was charged. Try again.")


_WHOSE = {Owner.TEAM: "this team's", Owner.INSTALLATION: "this gateway's"}


def _premium_spent(denied: Exhausted) -> GatewayError:
    if denied.owner is Owner.UNKNOWN:
        return BooksAway(
            "The cheaper group cannot take this call now, and while the books cannot be reached nothing is spent on a "
            "dearer one. Nothing was charged. Try again shortly."
        )
    error = PremiumSpent(
        f"The cheaper group cannot take this call now, and {_WHOSE[denied.owner]} allowance for dearer ones is spent: "
        f"it begins anew in {denied.anew_s} s. Nothing was charged. Try again later, or have the allowance raised."
    )
    error.retry_after_s = min(denied.anew_s, _MOST_RETRY_S)
    return error


def of_stopped(again_s: float) -> GatewayError:
    """The error for a call whose groups have stopped, while one goes on that is too dear for it."""
    error = GroupStopped(
        f"The group that this key and this request allow has stopped answering, and is asked again in {again_s:.0f} s; "
        "the one that answers is dearer. Nothing was sent or charged. Try again then, or let the call be dearer."
    )
    error.retry_after_s = min(math.ceil(again_s), _MOST_RETRY_S)
    return error


def of_journal() -> GatewayError:
    """The error for a call of which nothing could be written down."""
    return BooksAway("What calls cost cannot be written down at the moment, so nothing is spent; try again shortly.")


def of_gone(call_id: str) -> GatewayError:
    """The error for an answer that was drawn and charged, and is not kept."""
    return AnswerGone(f"Call {call_id} was drawn and charged, and its answer is not kept any more.")


def of_unsure(call_id: str) -> GatewayError:
    """The error for a request whose Idempotency-Key stands for a call of which nobody knows whether it was billed."""
    return CallUnsure(
        f"Call {call_id} was sent under this Idempotency-Key, and it is not known yet whether it was billed. "
        "Ask again later, or send Idempotency-Resend: true to have it drawn anew, and perhaps pay for both."
    )


def scrubbed(message: str) -> str:
    """An upstream's message without request ids, without anything like a key, and not endless."""
    text = _KEY_LIKE.sub("***", _REQUEST_ID.sub("", message)).strip()
    return text[:_MOST_CHARACTERS] or "The upstream found the request wrong and did not say why."


def _after(error: GatewayError, outcome: Outcome) -> GatewayError:
    if outcome.retry_after_s is not None:
        error.retry_after_s = min(max(outcome.retry_after_s, 1), _MOST_RETRY_S)
    return error
