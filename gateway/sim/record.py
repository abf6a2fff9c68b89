"""What the simulator was sent and what it answered, for tests that must see the very bytes.

A wrapper around the whole app: it reads each request to its end, notes it, and passes it on as one
message. The simulator's own pages under /sim/ are not noted.
"""

import hashlib
from collections import OrderedDict, deque
from dataclasses import asdict, dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUESTS = 1000
_REPLIES = 64
_REPLIES_BYTES = 256 * 1024 * 1024
_TEXT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body_bytes: int
    sha256: str
    text: str  # the beginning of the body


class Record:
    """The last requests, and the last replies by request id."""

    def __init__(self) -> None:
        self._requests: deque[Received] = deque(maxlen=_REQUESTS)
        self._replies: OrderedDict[str, list[bytes]] = OrderedDict()
        self.noted = 0

    def note(self, received: Received) -> None:
        self._requests.append(received)
        self.noted += 1

    def requests(self) -> list[dict[str, object]]:
        return [asdict(each) for each in self._requests]

    def keep(self, call_id: str, sent: list[bytes]) -> None:
        """Keeps a reply under its id; `sent` may still be growing."""
        self._replies[call_id] = sent
        self._replies.move_to_end(call_id)
        while len(self._replies) > _REPLIES:
            self._replies.popitem(last=False)
        while len(self._replies) > 1 and self._kept_bytes() > _REPLIES_BYTES:
            self._replies.popitem(last=False)

    def reply(self, call_id: str) -> bytes | None:
        sent = self._replies.get(call_id)
        return None if sent is None else b"".join(sent)

    def _kept_bytes(self) -> int:
        return sum(len(piece) for sent in self._replies.values() for piece in sent)


class Recording:
    """ASGI wrapper that notes every request before the app sees it."""

    def __init__(self, app: ASGIApp, record: Record) -> None:
        self._app = app
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            return
        if not scope["path"].startswith("/sim/"):
            self._record.note(_received(scope, body))
        await self._app(scope, _replayed(body, receive), send)


async def _whole_body(receive: Receive) -> bytes | None:
    """The request's body; None when the caller left before its end."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _received(scope: Scope, body: bytes) -> Received:
    return Received(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        text=body[:_TEXT_BYTES].decode("utf-8", "replace"),
    )
