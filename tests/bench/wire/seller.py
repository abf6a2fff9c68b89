"""A seller that costs next to nothing: it answers what a prompt says, in Gemini's format or in OpenAI's.

`[600 bytes]` how long the answer is, `[2.5 s]` how long it takes, `[at 1790000000.5]` when it comes, all of them at
one moment, `[chunked]` without a length. `python -m tests.bench.wire.seller` says where it listens, and serves until
its input ends.
"""

import argparse
import asyncio
import base64
import re
import ssl
import struct
import sys
import time
import zlib
from functools import cache
from typing import Any

import uvloop

_BYTES = re.compile(rb"\[(\d+) bytes\]")
_AFTER = re.compile(rb"\[(\d+(?:\.\d+)?) s\]")
_AT = re.compile(rb"\[at (\d+\.\d+)\]")
_CHUNKED = b"[chunked]"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

# Of a request this much is looked at: the prompt is in front of the pictures.
_LOOKED_AT = 4096

_CHUNK = 64 * 1024


def _png(width: int, height: int) -> bytes:
    """The beginning of a picture of this size."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


_GEMINI = (
    b'{"candidates":[{"content":{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"%b"}}]},'
    b'"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":1120,'
    b'"totalTokenCount":1132,"promptTokensDetails":[{"modality":"TEXT","tokenCount":12}],'
    b'"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1120}]},'
    b'"modelVersion":"gemini-3.1-flash-image-preview","responseId":"wire"}'
)
_OPENAI = (
    b'{"id":"wire","object":"chat.completion","created":1790000000,"model":"gemini-3.1-flash-image-preview",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":12,"completion_tokens":1120,"total_tokens":1132}}'
)


@cache
def answer(size: int, *, openai: bool, chunked: bool) -> bytes:
    """A whole answer whose body has about this size, and no less than its frame."""
    frame = _OPENAI if openai else _GEMINI
    room = max(44, size - len(frame) + 2)
    data = base64.b64encode(_png(1024, 1024)).ljust(room // 4 * 4, b"A")
    body = frame % data
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pieces = (body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK))
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


class Seller(asyncio.Protocol):
    def __init__(self) -> None:
        self._head = b""
        self._left = 0  # of the body of a request whose head has come
        self._looked_at = b""
        self._openai = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        while data:
            if not self._left:
                self._head += data
                end = self._head.find(b"\r\n\r\n")
                if end < 0:
                    return
                head, data = self._head[: end + 4], self._head[end + 4 :]
                self._head = b""
                length = _LENGTH.search(head)
                self._left = int(length[1]) if length else 0
                self._openai = b"/chat/completions" in head[: head.find(b"\r\n")]
                self._looked_at = b""
                if not self._left:
                    self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    continue
            body, data = data[: self._left], data[self._left :]
            self._left -= len(body)
            if len(self._looked_at) < _LOOKED_AT:
                self._looked_at += body[:_LOOKED_AT]
            if not self._left:
                self._answer(self._looked_at)

    def _answer(self, asked: bytes) -> None:
        size, after, at = _BYTES.search(asked), _AFTER.search(asked), _AT.search(asked)
        told = answer(int(size[1]) if size else 600, openai=self._openai, chunked=_CHUNKED in asked)
        wait_s = float(after[1]) if after else float(at[1]) - time.time() if at else 0.0
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, self._say, told)
        else:
            self._transport.write(told)

    def _say(self, told: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(told)


async def serve(tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Seller, "127.0.0.1", 0, backlog=8192, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description="A seller that costs next to nothing, until its input ends.")
    parser.add_argument("--certificate", help="with its key, in one file: serves by TLS")
    chosen = parser.parse_args()
    tls = None
    if chosen.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chosen.certificate)
    uvloop.run(serve(tls))


if __name__ == "__main__":
    main()
