"""A multipart/related body in passing: a JSON part, then a file's bytes as they come.

Knows the format only, and nothing of what the JSON says. The file is never held: only as many
bytes as its end may be split over.
"""

import re

from gateway.core.errors import BadRequest

# More than any metadata has; what is longer is not one of these bodies.
_HELD_BYTES = 64 * 1024

_BOUNDARY = re.compile(r"boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_TYPE = re.compile(rb"^content-type:[ \t]*([^\s;]+)", re.IGNORECASE | re.MULTILINE)


class Related:
    """Feed it the body; it gives the file's bytes. `metadata` is there with the first of them."""

    def __init__(self, content_type: str) -> None:
        match = _BOUNDARY.search(content_type)
        if match is None:
            raise BadRequest("The Content-Type of a multipart upload names no boundary.", code="bad_multipart")
        self._mark = b"\r\n--" + (match[1] or match[2]).encode("latin-1")
        self._held = b"\r\n"  # the first boundary is at the start of a line too
        self._metadata: bytes | None = None
        self._head: bytes | None = None  # the file part's, once it is there
        self.ended = False

    @property
    def metadata(self) -> bytes | None:
        """The JSON part; None while the file has not begun."""
        return self._metadata if self._head is not None else None

    @property
    def media_type(self) -> str | None:
        match = _TYPE.search(self._head or b"")
        return match[1].decode("latin-1") if match else None

    def feed(self, chunk: bytes) -> bytes:
        """The next bytes of the file, possibly none."""
        if self.ended:
            return b""
        self._held += chunk
        if self._head is None and not self._front():
            return b""
        at = self._held.find(self._mark)
        if at >= 0:
            self.ended = True
            return self._held[:at]
        sure = max(0, len(self._held) - len(self._mark))
        piece, self._held = self._held[:sure], self._held[sure:]
        return piece

    def _front(self) -> bool:
        """Whether everything before the file is here; if so, the file is what is held."""
        json_part = self._part(self._held)
        if json_part is not None:
            _, inside = json_part
            end = inside.find(self._mark)
            file_part = self._part(inside[end:]) if end >= 0 else None
            if file_part is not None:
                self._metadata = inside[:end]
                self._head, self._held = file_part
                return True
        if len(self._held) > _HELD_BYTES:
            raise BadRequest("A multipart upload is a JSON part and then the file.", code="bad_multipart")
        return False

    def _part(self, text: bytes) -> tuple[bytes, bytes] | None:
        """Head and inside of the part that the next boundary begins; None when it is not here yet."""
        start = text.find(self._mark)
        if start < 0:
            return None
        begin = start + len(self._mark)
        end = text.find(b"\r\n\r\n", begin)
        return None if end < 0 else (text[begin:end], text[end + 4 :])
