"""What processes that are gone have left in their journals: for others to make, and then to tell again for an hour.

A journal's directory is locked for as long as its process lives. Whoever finds one unlocked makes what is left in it:
an `Orphan`. When all of it was made, or its process has ended and owes nothing, it is kept under another name, with
which store it was about: a store that goes back within the hour is told it again.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.ledger.frames import Entry, Left, Write, left_of, unframed

# What was made is kept for so long all the same: a store that lost its last minutes can be told again.
KEPT_S = 3600.0

_LOCK = "lock"
_KEPT = "told"


@dataclass(frozen=True, slots=True)
class Orphan:
    """What a process that is gone has left: `told` was made, so lately that the store may have lost it since.

    `damaged` counts the entries that cannot be read.
    """

    home: Path
    left: Left
    told: tuple[Write, ...]
    damaged: int


@contextmanager
def orphans(directory: Path, today: float) -> Iterator[list[Orphan]]:
    """The journals below this directory that nobody keeps locked. They are ours until the block is left."""
    locks: list[int] = []
    found: list[Orphan] = []
    try:
        for home in sorted(directory.glob("[0-9a-f]*/")):
            if (lock := locked(home)) is not None:
                locks.append(lock)
                found.append(_read(home, today - KEPT_S))
        yield found
    finally:
        for lock in locks:
            os.close(lock)


def keep(home: Path, store: str, today: float) -> None:
    """Everything in it was made, just now or before: nobody finds it any more but `kept`."""
    os.utime(home / _LOCK, (today, today))
    home.rename(home.with_name(f"{_KEPT}-{_digest(store)}-{home.name}"))


def kept(directory: Path, store: str) -> set[Path]:
    """The journals that are kept of those about this store."""
    return set(directory.glob(f"{_KEPT}-{_digest(store)}-*/"))


def made(home: Path, since: float) -> list[tuple[float, Write]]:
    """When what was made of a kept journal, or promised, since then; in that order. Empty where it is gone."""
    try:
        made_at = (home / _LOCK).stat().st_mtime
        entries = _entries(home)
    except FileNotFoundError:
        return []
    left = left_of(entries)
    last = [(made_at, write) for write in (*left.owed.values(), *left.in_case.values())]
    return [each for each in (*told(entries, left, since), *last) if each[0] >= since]


def sweep(directory: Path, before: float) -> None:
    """Removes what has been kept since before then."""
    for home in directory.glob(f"{_KEPT}-*/"):
        with suppress(FileNotFoundError):  # another process may do the same
            if (home / _LOCK).stat().st_mtime < before:
                _remove(home)


def told(entries: Iterable[Entry], left: Left, since: float) -> Iterator[tuple[float, Write]]:
    """What was owed since then and has been made, with when it was promised."""
    for entry in entries:
        if entry.at >= since:
            yield from ((entry.at, write) for number, write in entry.owed if number not in left.owed)


def locked(home: Path) -> int | None:
    """A descriptor that keeps a directory ours until it is closed; None: somebody else has it, or it is gone."""
    try:
        fd = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def _read(home: Path, since: float) -> Orphan:
    found = [unframed(path.read_bytes()) for path in sorted(home.glob("[0-9]*"))]
    entries = [entry for each in found for entry in each.entries]
    left = left_of(entries)
    lately = tuple(write for _, write in told(entries, left, since))
    return Orphan(home, left, lately, sum(each.damaged for each in found))


def _entries(home: Path) -> list[Entry]:
    return [entry for path in sorted(home.glob("[0-9]*")) for entry in unframed(path.read_bytes()).entries]


def _remove(home: Path) -> None:
    """The oldest file first: a later one tells what is over of an earlier."""
    for path in sorted(home.glob("[0-9]*")):
        path.unlink()
    shutil.rmtree(home)


def _digest(store: str) -> str:
    return hashlib.sha256(store.encode()).hexdigest()[:8]
