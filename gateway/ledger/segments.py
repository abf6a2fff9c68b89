"""The files of one journal, the last of which is written to."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.ledger.disk import sync_directory
from gateway.ledger.frames import Entry, framed, unframed

# A file that is longer than this is followed by another.
_LONG = 16 << 20


@dataclass(slots=True)
class Segment:
    """One file: until when it was written to, and the highest number that was promised in it."""

    path: Path
    last_at: float = 0.0
    highest: int = 0


class Segments:
    """What is appended survives the process at once, and the machine when it is synced.

    One thread alone appends; the others may read, drop and sync meanwhile. All of it raises `OSError`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._segments: list[Segment] = []
        self._begun = 0
        self._fd = -1
        self._length = 0

    @property
    def used(self) -> bool:
        """Whether anything was ever promised in them."""
        return any(segment.highest for segment in self._segments)

    def append(self, entries: Sequence[Entry]) -> None:
        """All of them are in the file, or none is."""
        if self._fd < 0 or self._length >= _LONG:
            self.begin()
        data = b"".join(map(framed, entries))
        try:
            _write_all(self._fd, data)
        except OSError:
            self._take_back()
            raise
        self._length += len(data)
        segment = self._segments[-1]
        for entry in entries:
            for number, _ in (*entry.owed, *entry.in_case):
                segment.highest = max(segment.highest, number)
            segment.last_at = entry.at

    def syncing(self) -> int:
        """A descriptor of the last file to sync, which whoever asks closes."""
        return os.dup(self._fd)

    def begin(self) -> None:
        """What is appended from here on is in another file; what is in this one is on the disk."""
        if self._fd >= 0:
            os.fdatasync(self._fd)
        self.close()
        self._begun += 1
        path = self._home / f"{self._begun:06}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._segments.append(Segment(path))
        self._length = 0
        sync_directory(self._home)

    def read(self) -> Iterator[Entry]:
        """Everything in them, in the order it was written."""
        return (entry for segment in self._segments for entry in unframed(segment.path.read_bytes()).entries)

    def drop(self, oldest: int | None, before: float) -> None:
        """Removes files in which nothing is left, the oldest first: a later one tells what is over of an earlier."""
        while len(self._segments) > 1:
            first = self._segments[0]
            if first.last_at >= before or (oldest is not None and first.highest >= oldest):
                return
            first.path.unlink()
            del self._segments[0]

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _take_back(self) -> None:
        """What was written of entries that failed is not read later; where even that fails, another file begins."""
        try:
            os.ftruncate(self._fd, self._length)
        except OSError:
            self.close()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
