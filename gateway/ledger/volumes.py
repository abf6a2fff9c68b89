"""The format of the files that rows of a ledger are put away in. Pure: bytes in and out.

A volume has rows of one ledger that follow each other, and is never written again. It is JSON lines in gzip: the first
says which ledger it is of and which volume it follows on, each of the others has a row. A volume is known by the digest
of its file, SHA-256, and names that of the one before it: who knows the last of them can tell all that come before it
from others, and whether one is damaged. Its file is named for its first and last row and the beginning of its digest.
"""

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

Row = tuple[str, Mapping[str, str]]

_NAME = re.compile(r"(\d{1,20}-\d{1,20})_(\d{1,20}-\d{1,20})_([0-9a-f]{16})\.jsonl\.gz")

# It is written once a day, and small ones are read sooner than they are written.
_LEVEL = 6


class Cut(NamedTuple):
    """Up to which row a ledger has been put away, and the digest of the volume that ends there."""

    row: str
    digest: str


# Nothing has been put away.
NOTHING = Cut("0-0", "")


class Title(NamedTuple):
    """What the name of a file says: its first and last row, and how its digest begins."""

    first: str
    last: str
    digest: str

    def __str__(self) -> str:
        return f"{self.first}_{self.last}_{self.digest[:16]}.jsonl.gz"

    @classmethod
    def of(cls, name: str) -> "Title | None":
        """None for a file that is no volume."""
        found = _NAME.fullmatch(name)
        return cls(*found.groups()) if found else None


class NoVolume(OSError):
    """Bytes that are no volume, or no longer all of one."""


def order(row: str) -> tuple[int, int]:
    """Where a row stands among others, which its name tells: "1790000000000-1"."""
    at_ms, _, place = row.partition("-")
    return int(at_ms), int(place)


class Draft:
    """A volume that is being written: `add` rows, then `close` it and write it to the disk, then name it."""

    def __init__(self, out: BinaryIO, ledger: str, follows: Cut) -> None:
        self.rows = 0
        self._ledger = ledger
        self._first = self._last = ""
        self._digest = _Digest(out)
        # Without a time of its own, so that the same rows are the same bytes.
        self._zip = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._digest, mtime=0)
        self._write({"ledger": ledger, "after": follows.row, "digest": follows.digest})

    def add(self, rows: Iterable[Row]) -> None:
        for name, row in rows:
            self._first = self._first or name
            self._last = name
            self.rows += 1
            self._write({"ledger": self._ledger, "name": name, "row": row})

    def close(self) -> Title:
        """With the whole digest."""
        self._zip.close()
        return Title(self._first, self._last, self._digest.hex)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._zip.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def digest(volume: bytes) -> str:
    return hashlib.sha256(volume).hexdigest()


def follows(volume: bytes, ledger: str) -> Cut:
    """Which volume it follows on; raises `NoVolume` where it is not of this ledger."""
    head = next(_lines(volume), {})
    if head.get("ledger") != ledger:
        raise NoVolume(f"it is not of {ledger}")
    return Cut(head["after"], head["digest"])


def rows(volume: bytes) -> Iterator[Row]:
    """Its rows, in their order; raises `NoVolume`."""
    lines = _lines(volume)
    if next(lines, None) is None:
        raise NoVolume("it is empty")
    return ((line["name"], line["row"]) for line in lines)


def _lines(volume: bytes) -> Iterator[dict[str, Any]]:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(volume)) as text:
            for line in text:
                yield json.loads(line)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise NoVolume(str(error)) from error


class _Digest(io.RawIOBase):
    """Passes bytes on, and has the digest of all of them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._hash = hashlib.sha256()

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()

    def writable(self) -> bool:
        return True

    def write(self, some: Any) -> int:
        self._hash.update(some)
        return self._out.write(some)
