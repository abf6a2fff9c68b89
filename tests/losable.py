"""A store that a test can take away, and that comes back with all that was in it."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ledger.servers import Server, start


@dataclass(slots=True)
class LosableStore:
    _home: Path
    _server: Server
    _fsync: str

    @classmethod
    @contextmanager
    def started(cls, home: Path, fsync: str = "always") -> Iterator["LosableStore"]:
        store = cls(home, _start(home, fsync), fsync)
        try:
            yield store
        finally:
            store._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @contextmanager
    def away(self) -> Iterator[None]:
        """Gone as in a power cut; back at the end of the block."""
        self._server.stop()
        try:
            yield
        finally:
            self._server = _start(self._home, self._fsync)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """There, and silent: connections are taken, and nothing is answered."""
        os.kill(self._server.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._server.process.pid, signal.SIGCONT)

    def emptied(self) -> None:
        """Started again without anything that was in it, as from a disk that was lost."""
        with self.away():
            self._empty()

    @contextmanager
    def set_back(self) -> Iterator[None]:
        """What is written in the block is lost at its end, as when a replica takes over that had not heard of it."""
        with self.away():
            copy = self._home.with_name(f"{self._home.name}.before")
            shutil.copytree(self._home, copy, ignore=shutil.ignore_patterns("s"))
        yield
        with self.away():
            self._empty()
            shutil.copytree(copy, self._home, dirs_exist_ok=True)
            shutil.rmtree(copy)

    def _empty(self) -> None:
        shutil.rmtree(self._home / "appendonlydir")


def _start(home: Path, fsync: str) -> Server:
    return start("redis", home, "--appendonly", "yes", "--appendfsync", fsync)
