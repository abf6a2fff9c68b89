"""Server-sent events, read from chunks and written whole.

Reads what upstreams send (LF or CRLF, comments, `data:` with or without the space, a picture of
30 MB in one line, split anywhere) without ever looking at a byte twice.
"""

from collections.abc import Iterator


class EventReader:
    """Feed it chunks; it gives the data of every event completed by them, in order."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of the unfinished line
        self._data: list[bytes] = []  # data lines of the unfinished event

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        at = 0
        while (newline := chunk.find(b"\n", at)) >= 0:
            self._line.append(chunk[at:newline])
            at = newline + 1
            yield from self._end_of_line()
        if at < len(chunk):
            self._line.append(chunk[at:])

    def finish(self) -> Iterator[bytes]:
        """The last event, where the stream ended without its blank line."""
        yield from self._end_of_line()
        yield from self._end_of_event()

    def _end_of_line(self) -> Iterator[bytes]:
        line = b"".join(self._line).removesuffix(b"\r")
        self._line.clear()
        if not line:
            yield from self._end_of_event()
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))

    def _end_of_event(self) -> Iterator[bytes]:
        if self._data:
            event = b"\n".join(self._data)
            self._data.clear()
            yield event


def event(data: bytes, *, name: str | None = None) -> bytes:
    """One event; `data` must hold no line break, which compact JSON never does."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + data + b"\n\n"
