"""What the seller says when it does not draw: its envelope and its own words.

The seller runs a descendant of one-api: the same envelope on native and OpenAI routes, Chinese
texts, and a request id in the message. The texts are from its documentation and published logs.
"""

from dataclasses import dataclass

import orjson

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply. The first piece of the body is the one that holds the picture, if any."""

    status: int
    media_type: str
    body: tuple[bytes, ...]
    streamed: bool = False  # without a length, in chunks

    def headers(self, call_id: str) -> list[tuple[str, str]]:
        head = [("content-type", self.media_type), ("x-oneapi-request-id", call_id)]
        if not self.streamed:
            head.append(("content-length", str(sum(map(len, self.body)))))
        return head


class Refused(Exception):
    """The seller does not serve this request; `complaint` is what it answers."""

    def __init__(self, complaint: "Complaint") -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error in the seller's envelope, before it has its request id."""

    status: int
    message: str
    type: str = "shell_api_error"
    code: str = ""
    param: str = ""

    def answer(self, call_id: str) -> Answer:
        message = f"{self.message} (request id: {call_id})" if self.message else ""
        error = {
            "message": message,
            "localized_message": message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return Answer(self.status, JSON, (orjson.dumps({"error": error}),))


BAD_KEY = Complaint(401, "无效的令牌", code="invalid_api_key")
BUSY = Complaint(429, "当前分组上游负载已饱和，请稍后再试", code="upstream_saturated")
BROKEN = Complaint(
    500,
    "write tcp 10.0.3.7:3000->10.0.9.1:51774: connection reset by peer",
    type="upstream_error",
    code="write_response_body_failed",
)
BAD_GATEWAY = Complaint(502, "", type="upstream_error", code="bad_response_status_code", param="502")
NO_QUOTA = Complaint(
    403,
    "user [1024] quota [1250] preConsumedQuota [27500] is not enough",
    code="insufficient_user_quota",
)


def no_channel(model: str, group: str) -> Complaint:
    return Complaint(503, f"no available channel for model {model} under group {group}", code="model_not_found")


def no_route(method: str, path: str) -> Complaint:
    return Complaint(404, f"Invalid URL ({method} {path})", type="invalid_request_error", code="not_found")


def invalid(message: str) -> Refused:
    """Google's 400, as the seller wraps it."""
    return Refused(Complaint(400, message, type="upstream_error", code="invalid_request"))
