"""The directories that volumes are in: written so that a file is there whole or not at all, and found again.

    DIRECTORY/teams/acme/2026-11/FIRST_LAST_DIGEST.jsonl.gz
    DIRECTORY/operator/2026-11/FIRST_LAST_DIGEST.jsonl.gz

A month is that of the first row (UTC). Volumes may be brought together from several machines by copying them: none has
the name of another. Blocks; whoever has a loop to serve uses a thread.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from gateway.ledger import layout
from gateway.ledger.disk import sync_directory
from gateway.ledger.volumes import NOTHING, Cut, Draft, NoVolume, Row, Title, digest, follows, order, rows

# Nobody writes on a volume for so long: whoever did was killed.
_FORGOTTEN_S = 86_400.0

_LEDGER = re.compile(r"\{t:(.*)\}:ledger")


class Lack(NamedTuple):
    """Rows that have been put away and are not at hand: those after one, up to another. `damaged` has them, or had."""

    after: str
    to: str
    damaged: Path | None = None

    def __str__(self) -> str:
        begins = f"after {self.after}" if self.after != NOTHING.row else "from the first one"
        rows = f"rows {begins} up to {self.to}, of {_moment(self.to)},"
        if self.damaged is not None:
            return f"{rows} cannot be read: {self.damaged} is damaged; put a copy of it in its place"
        return f"{rows} are archived and not at hand; name the directory that has them with --archive"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One directory or several; new volumes are put into the first."""

    directories: tuple[Path, ...]

    @contextmanager
    def writing(self, ledger: str, cut: Cut) -> Iterator["Writing"]:
        """A new volume that follows on this cut. Unless it is kept nothing of it is left."""
        home = self.directories[0] / _folder(ledger)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(home)
        path = home / f"{uuid4().hex}.draft"
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        try:
            with file:
                yield Writing(self.directories[0], path, file, Draft(file, ledger, cut))
        finally:
            path.unlink(missing_ok=True)

    def trace(self, ledger: str, cut: Cut, since: str) -> list[Path | Lack]:
        """The volumes up to this cut that have rows after `since`, and what is lacking of them, the oldest first."""
        return list(self._back(ledger, cut, since))[::-1]

    def _back(self, ledger: str, cut: Cut, since: str) -> Iterator[Path | Lack]:
        known = [(title, path) for path in self._files(ledger) if (title := Title.of(path.name))]
        while order(cut.row) > order(since):
            paths = [path for title, path in known if title.last == cut.row and cut.digest.startswith(title.digest)]
            whole = next(((path, before) for path in paths if (before := _before(path, ledger, cut))), None)
            if whole is not None:
                path, cut = whole
                yield path
                continue
            # Which volume comes before one that is lacking it alone can say: the nearest is taken for it.
            older = [title for title, _ in known if order(title.last) < order(cut.row)]
            nearest = max(older, key=lambda title: order(title.last), default=None)
            before = Cut(nearest.last, nearest.digest) if nearest else NOTHING
            yield Lack(before.row, cut.row, paths[0] if paths else None)
            cut = before

    def _files(self, ledger: str) -> Iterator[Path]:
        for directory in self.directories:
            yield from (directory / _folder(ledger)).glob("*/*.jsonl.gz")


class Writing(NamedTuple):
    """A volume that is not yet one."""

    directory: Path
    path: Path
    file: BinaryIO
    draft: Draft

    def keep(self) -> tuple[Title, Path]:
        """Gives it its name when all of it is on the disk; with the whole digest, and where it is."""
        title = self.draft.close()
        self.file.flush()
        os.fsync(self.file.fileno())
        month = self.path.parent / datetime.fromtimestamp(_at(title.first), UTC).strftime("%Y-%m")
        month.mkdir(mode=0o700, exist_ok=True)
        kept = self.path.rename(month / str(title))  # over the same rows, where another was faster
        for each in (month, *month.parents):
            sync_directory(each)
            if each == self.directory.parent:
                break
        return title, kept


def read(path: Path) -> Iterator[Row]:
    """The rows of a volume that was found whole."""
    return rows(path.read_bytes())


def _before(path: Path, ledger: str, cut: Cut) -> Cut | None:
    """Which volume it follows on; None where it is damaged."""
    with suppress(OSError, NoVolume):
        volume = path.read_bytes()
        if digest(volume).startswith(cut.digest):
            return follows(volume, ledger)
    return None


def _folder(ledger: str) -> Path:
    if ledger == layout.OPERATOR_LEDGER:
        return Path("operator")
    found = _LEDGER.fullmatch(ledger)
    assert found is not None, ledger
    return Path("teams") / found[1]


def _sweep(home: Path) -> None:
    """Removes what those who were killed have left."""
    for path in home.glob("*.draft"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _FORGOTTEN_S:
                path.unlink()


def _at(row: str) -> float:
    return order(row)[0] / 1000


def _moment(row: str) -> str:
    return datetime.fromtimestamp(_at(row), UTC).strftime("%Y-%m-%d %H:%M UTC")
