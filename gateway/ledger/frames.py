"""What stands in a journal: entries, each in a frame that tells whether all of it arrived. Pure.

A frame is the length of an entry and its checksum (CRC-32), four bytes each, and the entry as JSON. An
entry is whole or not there at all, so what must be true together is written in one. A file that ends in
the middle of a frame was being written when its process died: that entry was promised to nobody.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

_HEAD = struct.Struct(">II")

# No entry is longer, so a longer one is no entry.
_LONGEST = 1 << 20


class Write(NamedTuple):
    """A function of the library with its keys and arguments; made any number of times, it counts once."""

    function: str
    keys: tuple[str, ...]
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What was promised, and what has become of it. `at` is the date, in seconds.

    `owed` are writes to be made whatever happens, `in_case` those to be made by whoever finds the journal
    after its process died, each by its number; `over` are the numbers of either that are not to be made
    any more, because they were, or because the process is past that point.
    """

    at: float
    owed: tuple[tuple[int, Write], ...] = ()
    in_case: tuple[tuple[int, Write], ...] = ()
    over: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds: its entries, where the last one ends, and how many frames between them are damaged."""

    entries: list[Entry]
    ends: int
    damaged: int = 0


@dataclass(slots=True)
class Left:
    """What is still to be made of the entries read so far, by number; numbers are not used twice."""

    owed: dict[int, Write] = field(default_factory=dict)
    in_case: dict[int, Write] = field(default_factory=dict)

    def read(self, entry: Entry) -> None:
        self.owed.update(entry.owed)
        self.in_case.update(entry.in_case)
        for number in entry.over:
            self.owed.pop(number, None)
            self.in_case.pop(number, None)

    def __bool__(self) -> bool:
        return bool(self.owed or self.in_case)


def framed(entry: Entry) -> bytes:
    parts = {"owed": entry.owed, "in_case": entry.in_case, "over": entry.over}
    document = {"at": entry.at, **{name: part for name, part in parts.items() if part}}
    text = orjson.dumps(document, default=tuple)
    return _HEAD.pack(len(text), zlib.crc32(text)) + text


def unframed(data: bytes) -> Found:
    """The entries of a file up to where it ends or is torn; a damaged frame between whole ones is passed over."""
    entries: list[Entry] = []
    ends = damaged = doubtful = 0
    at = 0
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        start, at = at + _HEAD.size, at + _HEAD.size + length
        if not 0 < length <= _LONGEST or at > len(data):
            break
        text = data[start:at]
        if zlib.crc32(text) == checksum:
            entries.append(_entry(orjson.loads(text)))
            ends, damaged, doubtful = at, damaged + doubtful, 0
        else:
            doubtful += 1  # damaged if a whole one follows, else torn
    return Found(entries, ends, damaged)


def left_of(entries: Iterable[Entry]) -> Left:
    """What is still to be made of them."""
    left = Left()
    for entry in entries:
        left.read(entry)
    return left


def _entry(document: dict[str, Any]) -> Entry:
    return Entry(
        at=document["at"],
        owed=_writes(document.get("owed", ())),
        in_case=_writes(document.get("in_case", ())),
        over=tuple(document.get("over", ())),
    )


def _writes(written: Sequence[Sequence[Any]]) -> tuple[tuple[int, Write], ...]:
    return tuple((number, Write(function, tuple(keys), tuple(args))) for number, (function, keys, args) in written)
