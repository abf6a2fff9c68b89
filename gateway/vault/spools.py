"""Where answers lie on disk while somebody may still want them: a folder for each process, counted together.

Several processes may share what their folders are in. A process keeps its own locked for as long as it
lives; what it leaves when it is killed, the next one removes that begins.
"""

import asyncio
import fcntl
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from gateway.vault.disk import write_at
from gateway.vault.records import MIB

_LOCK = "lock"

# Enough to keep a disk busy. Threads of their own, so that a disk that hangs takes no one's else away.
_THREADS = 4

# Of a gateway's answers on their way, before they are written to the disk.
MEMORY_BYTES = 32 * MIB

Made = TypeVar("Made")


class Spool:
    """One file, made when it is first written to, and readable under whatever name it has. Blocks; any thread may."""

    def __init__(self, path: Path) -> None:
        self.counted_bytes = 0
        self._path: Path | None = path
        self._fd = -1
        self._over = False
        self._turn = threading.Lock()  # nobody closes what another thread reads: its number may be a new file's by then

    def write(self, at: int, chunks: Sequence[bytes]) -> None:
        with self._turn:
            write_at(self._opened(), chunks, at)

    def read(self, at: int, size: int) -> bytes:
        """May be fewer bytes than asked for, and none where none are."""
        with self._turn:
            return os.pread(self._opened(), size, at)

    def move(self, place: Path) -> None:
        """Gives the file this name, on the same filesystem. From here on it is not removed."""
        with self._turn:
            self._opened()
            if self._path is not None:
                self._path.rename(place)
                self._path = None

    def remove(self) -> None:
        with self._turn:
            self._over = True
            if self._fd < 0:
                return
            os.close(self._fd)
            self._fd = -1
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _opened(self) -> int:
        if self._over:
            raise FileNotFoundError("the spool is removed")
        if self._fd < 0:
            assert self._path is not None
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        return self._fd


class Spools:
    """All spools of this process. `close` ends it, when nobody writes or reads any more.

    Tapes may have `memory_bytes` together in memory before they write to their spools; `held_bytes` they have,
    and of `tapes` anything has come.
    """

    def __init__(self, folder: Path, most_bytes: int, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.most_bytes = most_bytes
        self.used_bytes = 0
        self.memory_bytes = memory_bytes
        self.held_bytes = 0
        self.tapes = 0
        self._forgotten: deque[Spool] = deque()
        self._home, self._lock = _new_home(folder)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="spool")
        self._closed = False
        _sweep(folder)

    def spool(self) -> Spool:
        return Spool(self.place())

    def place(self) -> Path:
        """Where a file of this process may lie for a moment: it goes with the others when the process is gone."""
        return self._home / uuid4().hex

    def take(self, spool: Spool, size: int) -> bool:
        """Whether there is room for so many bytes more; then they count until they are given back."""
        while self._forgotten:
            self.remove(self._forgotten.popleft())
        if self.used_bytes + size > self.most_bytes:
            return False
        self.used_bytes += size
        spool.counted_bytes += size
        return True

    def give_back(self, spool: Spool) -> None:
        """It counts no more."""
        self.used_bytes -= spool.counted_bytes
        spool.counted_bytes = 0

    def remove(self, spool: Spool) -> None:
        """Takes its bytes off the count, and the file off the disk unless it was moved; soon, in a thread."""
        self.give_back(spool)
        if self._closed:
            spool.remove()
        else:
            self._threads.submit(spool.remove)

    def forget(self, spool: Spool) -> None:
        """Its owner is gone without a word: it is removed when room is next asked for. Any thread may say so."""
        self._forgotten.append(spool)

    async def work(self, work: Callable[[], Made]) -> Made:
        """Does this in a thread. A cancel leaves the thread to its work."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown()
        shutil.rmtree(self._home, ignore_errors=True)
        os.close(self._lock)

    def __repr__(self) -> str:
        return f"<Spools {self.used_bytes} of {self.most_bytes} bytes>"


def _new_home(folder: Path) -> tuple[Path, int]:
    """A folder of our own, and the descriptor that keeps it locked."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        home = folder / uuid4().hex
        home.mkdir(mode=0o700)
        lock = _locked(home)
        if lock is not None:
            return home, lock


def _sweep(folder: Path) -> None:
    """Removes the folders that nobody keeps locked."""
    for home in folder.iterdir():
        lock = _locked(home)
        if lock is not None:
            shutil.rmtree(home, ignore_errors=True)
            os.close(lock)


def _locked(home: Path) -> int | None:
    """A descriptor that keeps a folder ours until it is closed; None: somebody else has it, or it is just removed."""
    path = home / _LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None
