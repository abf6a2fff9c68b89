"""What is asked of whoever is measured. How long an answer is, and when it comes, the prompt tells the seller."""

import base64
import json
from dataclasses import dataclass

from tests.bench.wire.load import NUMBER

MODEL = "gemini-3.1-flash-image-preview"
_NUMBER = NUMBER.decode()
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """`connections` that ask again and again; `says` is for the seller. Its figure is CPU by `unit`: call, or MB of
    the answers or of the requests. `route`: native, or one that the gateway translates."""

    name: str
    connections: int
    says: str
    unit: str = "call"
    upload: int = 0
    route: str = "native"

    def path(self) -> str:
        return {
            "native": f"/v1beta/models/{MODEL}:generateContent",
            "images": "/v1/images/generations",
            "streamed images": "/v1/images/generations",
            "chat": "/v1/chat/completions",
            "edits": "/v1/images/edits",
        }[self.route]

    def head(self) -> str:
        """A request's head, up to its length."""
        kind = f"multipart/form-data; boundary={_BOUNDARY}" if self.route == "edits" else "application/json"
        return f"POST {self.path()} HTTP/1.1\r\nhost: wire\r\ncontent-type: {kind}\r\n"

    def body(self) -> bytes:
        prompt = f"A boat, {_NUMBER}. {self.says}"
        if self.route in ("images", "streamed images"):
            return json.dumps({"model": MODEL, "prompt": prompt, "stream": self.route != "images"}).encode()
        if self.route == "chat":
            return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": prompt}]}).encode()
        if self.route == "edits":
            return _form(prompt, self.upload)
        parts: list[dict[str, object]] = [{"text": prompt}]
        if self.upload:
            data = base64.b64encode(_PNG + bytes(self.upload * 3 // 4)).decode()
            parts.append({"inlineData": {"mimeType": "image/png", "data": data}})
        return json.dumps({"contents": [{"parts": parts}]}, separators=(",", ":")).encode()


_BOUNDARY = "wire0123456789"
_PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAIAAADwf7zU")


def _form(prompt: str, size: int) -> bytes:
    fields = {"model": MODEL, "prompt": prompt}
    told = [
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    file = (
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n'
        "content-type: image/png\r\n\r\n"
    )
    return b"".join([*told, file.encode(), _PNG, bytes(size), f"\r\n--{_BOUNDARY}--\r\n".encode()])


SMALL = "[600 bytes]"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many calls at once, by a `route` as a case's. `kind` and `count` are of a `Job`; the seller takes `hold_s`.

    `{at}` in what it says is a moment so long after it begins. Its figures: CPU a call, memory a call above what there
    was before, and what answers took longer than the seller.
    """

    name: str
    kind: str
    count: int
    says: str
    hold_s: float = 0.0
    route: str = "native"


CROWDS = (
    Crowd("100 in flight", "held", 100, "[600 bytes] [8 s]", 8.0),
    Crowd("1000 in flight", "held", 1000, "[600 bytes] [8 s]", 8.0),
    Crowd("9000 in flight", "held", 9000, "[600 bytes] [30 s]", 30.0),
    Crowd("300 answers of 2 MB at once", "once", 300, f"[{2 * MB} bytes] [at {{at}}]", 5.0),
    Crowd("100 that read no more of 16 MB", "stalled", 100, f"[{16 * MB} bytes]"),
    Crowd("6 of 16 MB at once", "once", 6, f"[{16 * MB} bytes]"),
    Crowd("6 images of 16 MB at once", "once", 6, f"[{16 * MB} bytes]", route="images"),
    Crowd("6 chats of 16 MB at once", "once", 6, f"[{16 * MB} bytes]", route="chat"),
    Crowd("6 streamed images of 16 MB", "once", 6, f"[{16 * MB} bytes]", route="streamed images"),
)

CLOSED = (
    Case("small, 1", 1, SMALL),
    Case("small, 32", 32, SMALL),
    Case("small, 256", 256, SMALL),
    Case("small, 1000", 1000, SMALL),
    Case("2 MB", 8, f"[{2 * MB} bytes]", "MB"),
    Case("16 MB", 4, f"[{16 * MB} bytes]", "MB"),
    Case("16 MB chunked", 4, f"[{16 * MB} bytes] [chunked]", "MB"),
    Case("20 MB request", 4, SMALL, "MB", upload=20 * MB),
    Case("images, 16 MB", 4, f"[{16 * MB} bytes]", "MB", route="images"),
    Case("chat, 2 MB", 8, f"[{2 * MB} bytes]", "MB", route="chat"),
    Case("edits, 8 MB", 4, SMALL, "MB", upload=8 * MB, route="edits"),
)
