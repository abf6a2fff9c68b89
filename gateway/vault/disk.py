"""Files as the vault wants them: whole or not at all, and for nobody but their owner. All of it blocks."""

import os
import re
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

# As many as the system takes at once.
_AT_ONCE = 1024

SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # a name that cannot leave its folder


def files(folder: Path, suffix: str) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix == suffix]
    except FileNotFoundError:
        return []


def read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def unlink(path: Path) -> bool:
    """Whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def write(path: Path, text: bytes) -> None:
    """The whole text or nothing of it, also after a crash of the machine."""
    with _drafted(path) as draft:
        write_at(draft, [text], 0)
        os.fsync(draft)


def put(path: Path, text: bytes) -> None:
    """The same, but after a crash of the machine it may be gone or empty."""
    with _drafted(path) as draft:
        write_at(draft, [text], 0)


def write_at(place: int, pieces: Sequence[bytes], offset: int) -> None:
    """Writes them one behind the other, as they are."""
    left: deque[bytes | memoryview] = deque(piece for piece in pieces if piece)
    while left:
        written = os.pwritev(place, list(islice(left, _AT_ONCE)), offset)
        offset += written
        while left and written >= len(left[0]):
            written -= len(left.popleft())
        if written:
            left[0] = memoryview(left[0])[written:]


def age_s(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextmanager
def _drafted(path: Path) -> Iterator[int]:
    """What is written here is at `path` when all of it is."""
    draft = path.with_name(f"{secrets.token_hex(8)}.tmp")
    place = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield place
        draft.replace(path)
    except BaseException:
        unlink(draft)
        raise
    finally:
        os.close(place)
