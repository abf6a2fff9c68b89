"""Every error a caller can be told about, and what each says of money and of trying again.

    GatewayError
    ├── CallerError                 the request was wrong; nothing was sent, nothing is owed
    │   ├── BadRequest              400  a field is missing, malformed or not offered
    │   ├── MissingKey              401  no credential in the request
    │   ├── UnknownKey              401  not a key of ours, expired or revoked
    │   ├── NotAllowed              403  the key may not use this model or group
    │   ├── UnknownModel            404
    │   ├── NotFound                404  no such route or object
    │   ├── WrongMethod             405
    │   ├── BodyTooLarge            413
    │   ├── BodyTooSlow             408
    │   ├── KeyReused               422  the Idempotency-Key stands for another request
    │   ├── OverBudget              429  the team's or the key's budget would be exceeded
    │   └── TooFast                 429  more requests or pictures than the team or the key may ask for now
    ├── GatewayBusy                 503  draining, or no lane can take the call
    ├── PremiumSpent                503  the allowance for dearer groups is spent, and the cheaper cannot take the call
    ├── GroupStopped                503  the groups it may use do not answer, and the one that does is dearer
    ├── BooksAway                   503  the store cannot be reached, so nothing may be spent
    ├── UpstreamError               whatever came of the attempts
    │   ├── UpstreamRejected        4xx  the upstream found the request wrong
    │   ├── UpstreamBusy            503  every lane answered 429 or 503, or could not be reached
    │   ├── UpstreamFailed          502  every lane failed otherwise
    │   ├── UpstreamUnavailable     503  the upstream does not take our credential
    │   ├── UpstreamSilent          504  no answer in time; it may still be billed to the operator
    │   ├── StillDrawing            504  the caller's patience is over; the call goes on without it
    │   ├── CallUnsure              409  the Idempotency-Key stands for a call that may have been billed
    │   ├── AnswerGone              410  it was charged, and its answer is kept no more
    │   ├── UpstreamCut             502  the answer broke off or was not one
    │   └── NoPicture               400  an answer without a picture, where only a picture will do
    └── InternalError               500  ours

Apart from them `CallerLeft`: nobody is there to be told.

How an error looks to a caller is decided by the dialects alone.
"""

from typing import ClassVar

from gateway.core.budgets import Alert
from gateway.core.headers import IDEMPOTENCY_KEY


class CallerLeft(Exception):
    """The caller hung up. Nobody's failure, and nothing that was sent upstream ends with it."""


class GatewayError(Exception):
    """`message` says what happened and what the reader can do about it; it may be shown to callers.

    `status` is the HTTP status, `google_status` the canonical code Gemini callers get, `type` and
    `code` the OpenAI pair, `reason` the reason of Google's ErrorInfo. `billed` is "no", "yes" or
    "unknown". `should_retry` None leaves it to the SDK's own rule. `drill` names those that touched the call,
    `call_id` the call that it is about, where that is not the caller's own.
    """

    status: int = 500
    google_status: str = "INTERNAL"
    type: ClassVar[str] = "server_error"
    code: str = "internal_error"
    reason: ClassVar[str] = "INTERNAL_ERROR"
    billed: str = "no"
    should_retry: ClassVar[bool | None] = False
    retry_after_s: int | None = None
    drill: str | None = None
    call_id: str | None = None

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class CallerError(GatewayError):
    status = 400
    google_status = "INVALID_ARGUMENT"
    type = "invalid_request_error"


class BadRequest(CallerError):
    reason = "INVALID_ARGUMENT"

    def __init__(self, message: str, *, param: str | None = None, code: str = "invalid_value") -> None:
        super().__init__(message, param=param)
        self.code = code


class MissingKey(CallerError):
    status = 401
    google_status = "PERMISSION_DENIED"
    code = "invalid_api_key"
    reason = "API_KEY_MISSING"


class UnknownKey(CallerError):
    status = 401
    google_status = "INVALID_ARGUMENT"
    code = "invalid_api_key"
    reason = "API_KEY_INVALID"


class NotAllowed(CallerError):
    status = 403
    google_status = "PERMISSION_DENIED"
    code = "model_not_allowed"
    reason = "NOT_ALLOWED"


class UnknownModel(CallerError):
    status = 404
    google_status = "NOT_FOUND"
    code = "model_not_found"
    reason = "MODEL_NOT_FOUND"


class NotFound(CallerError):
    status = 404
    google_status = "NOT_FOUND"
    code = "not_found"
    reason = "NOT_FOUND"


class WrongMethod(CallerError):
    """`allowed` are the methods that the path takes."""

    status = 405
    google_status = "INVALID_ARGUMENT"
    code = "method_not_allowed"
    reason = "METHOD_NOT_ALLOWED"

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class BodyTooLarge(CallerError):
    status = 413
    code = "request_too_large"
    reason = "REQUEST_TOO_LARGE"


class BodyTooSlow(CallerError):
    status = 408
    google_status = "DEADLINE_EXCEEDED"
    code = "request_timeout"
    reason = "REQUEST_TIMEOUT"


class KeyReused(CallerError):
    status = 422
    code = "idempotency_key_reused"
    reason = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another request in the last 24 hours; send a new key, or the same "
            "request as then.",
            param=IDEMPOTENCY_KEY,
        )


class OverBudget(CallerError):
    """`alerts` are shares of budgets that were passed since the call before."""

    alerts: tuple[Alert, ...] = ()
    status = 429
    google_status = "RESOURCE_EXHAUSTED"
    type = "insufficient_quota"
    code = "insufficient_quota"
    reason = "BUDGET_EXCEEDED"


class TooFast(CallerError):
    status = 429
    google_status = "RESOURCE_EXHAUSTED"
    type = "requests"
    code = "rate_limit_exceeded"
    reason = "RATE_LIMIT_EXCEEDED"
    should_retry = True


class GatewayBusy(GatewayError):
    status = 503
    google_status = "UNAVAILABLE"
    code = "gateway_overloaded"
    reason = "GATEWAY_OVERLOADED"
    should_retry = True
    retry_after_s = 5


class PremiumSpent(GatewayError):
    status = 503
    google_status = "UNAVAILABLE"
    code = "premium_cap"
    reason = "PREMIUM_CAP"
    should_retry = True


class GroupStopped(GatewayError):
    status = 503
    google_status = "UNAVAILABLE"
    code = "upstream_degraded"
    reason = "UPSTREAM_DEGRADED"
    should_retry = True


class BooksAway(GatewayError):
    status = 503
    google_status = "UNAVAILABLE"
    code = "admission_unavailable"
    reason = "BOOKS_AWAY"
    should_retry = True
    retry_after_s = 5


class UpstreamError(GatewayError):
    """What came of the attempts, for the caller: the upstream's own words only where they are about the request."""

    status = 502
    google_status = "UNAVAILABLE"
    code = "upstream_error"
    reason = "UPSTREAM_ERROR"
    should_retry = True


# Google's name for a status, where the upstream did not give its own.
GOOGLE_STATUS: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    451: "FAILED_PRECONDITION",
}


class UpstreamRejected(UpstreamError):
    """`message` is the upstream's, scrubbed; `status` and, where it gave one, `google_status` are its own."""

    type = "invalid_request_error"
    code = "invalid_request"
    reason = "UPSTREAM_REJECTED"
    should_retry = False

    def __init__(self, message: str, *, status: int, google_status: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.google_status = google_status or GOOGLE_STATUS.get(status, "INVALID_ARGUMENT")


class UpstreamBusy(UpstreamError):
    status = 503
    code = "upstream_overloaded"
    reason = "UPSTREAM_OVERLOADED"
    retry_after_s = 15


class UpstreamFailed(UpstreamError):
    retry_after_s = 5


class UpstreamUnavailable(UpstreamError):
    status = 503
    code = "upstream_unavailable"
    reason = "UPSTREAM_UNAVAILABLE"
    should_retry = False
    retry_after_s = 30


class UpstreamSilent(UpstreamError):
    status = 504
    google_status = "DEADLINE_EXCEEDED"
    code = "upstream_timeout_unsettled"
    reason = "UPSTREAM_TIMEOUT"
    billed = "unknown"
    should_retry = False


class StillDrawing(UpstreamError):
    """Told just before the caller's SDK would hang up without an answer. Asked the same again, it gets it."""

    status = 504
    google_status = "DEADLINE_EXCEEDED"
    code = "deferred"
    reason = "STILL_DRAWING"
    billed = "unknown"
    should_retry = True


class CallUnsure(UpstreamError):
    status = 409
    google_status = "ABORTED"
    type = "invalid_request_error"
    code = "idempotency_unsettled"
    reason = "CALL_UNSETTLED"
    billed = "unknown"
    should_retry = False


class AnswerGone(UpstreamError):
    status = 410
    google_status = "FAILED_PRECONDITION"
    type = "invalid_request_error"
    code = "answer_gone"
    reason = "ANSWER_GONE"
    billed = "yes"
    should_retry = False


class UpstreamCut(UpstreamError):
    google_status = "INTERNAL"
    code = "upstream_truncated"
    reason = "UPSTREAM_TRUNCATED"
    should_retry = False


class NoPicture(UpstreamError):
    """The model answered without a picture. The seller bills it, so the caller is charged."""

    status = 400
    google_status = "FAILED_PRECONDITION"
    type = "image_generation_user_error"
    reason = "NO_PICTURE"
    billed = "yes"
    should_retry = False

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class InternalError(GatewayError):
    should_retry = None
