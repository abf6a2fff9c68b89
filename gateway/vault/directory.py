"""Where kept bytes lie on disk, and how they get there. Synchronous: the vault calls it from threads.

    vault/blobs/TEAM/NAME         the bytes        vault/blobs/TEAM/NAME.json    their record
    vault/uploads/ID              bytes so far     vault/uploads/ID.json         the record of the upload

A blob is there when its record is; a record is written under another name and renamed. Nothing is
kept in memory, so that a restart loses nothing and replicas may share the directory.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from gateway.vault.disk import SAFE, age_s, files, read, unlink, write, write_at
from gateway.vault.records import Blob, Upload

_RECORD = ".json"

# Bytes without a record are a writer's that is about to write it, or, when older than any upload, left by a crash.
_ORPHAN_S = 2 * 3600.0


class Directory:
    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        for folder in (root, self._blobs, self._uploads):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def blob(self, team: str, name: str) -> Blob | None:
        text = read(self._place(team, name, _RECORD)) if SAFE.fullmatch(name) else None
        return None if text is None else Blob.loaded(text)

    def blobs(self, team: str) -> list[Blob]:
        texts = [read(path) for path in files(self._team(team), _RECORD)]
        return [Blob.loaded(text) for text in texts if text is not None]

    def blob_path(self, blob: Blob) -> Path:
        return self._place(blob.team, blob.name)

    def remove(self, blob: Blob) -> bool:
        """Whether it was there: of two that remove it, one is told so."""
        there = unlink(self._place(blob.team, blob.name, _RECORD))
        unlink(self._place(blob.team, blob.name))
        return there

    def upload(self, upload_id: str) -> Upload | None:
        text = read(self._upload(upload_id, _RECORD))
        return None if text is None else Upload.loaded(text)

    def uploads(self) -> Iterator[tuple[str, Upload]]:
        for path in files(self._uploads, _RECORD):
            text = read(path)
            if text is not None:
                yield path.name.removesuffix(_RECORD), Upload.loaded(text)

    def keep_upload(self, upload_id: str, upload: Upload) -> None:
        write(self._upload(upload_id, _RECORD), upload.dumped())

    def remove_upload(self, upload_id: str) -> None:
        unlink(self._upload(upload_id, _RECORD))
        self.drop_bytes(upload_id)

    def drop_bytes(self, upload_id: str) -> None:
        unlink(self._upload(upload_id))

    def received(self, upload_id: str) -> int:
        try:
            return self._upload(upload_id).stat().st_size
        except FileNotFoundError:
            return 0

    def write(self, upload_id: str, offset: int, pieces: list[bytes]) -> None:
        place = os.open(self._upload(upload_id), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            for piece in pieces:
                write_at(place, [piece], offset)
                offset += len(piece)
        finally:
            os.close(place)

    def digest(self, upload_id: str) -> str:
        """The SHA-256 of what came. Also makes sure that it is on the disk, before anybody is told."""
        with self._upload(upload_id).open("rb") as whole:
            os.fsync(whole.fileno())
            return hashlib.file_digest(whole, "sha256").hexdigest()

    def settle(self, upload_id: str, blob: Blob) -> None:
        """Makes a blob of an upload's bytes; raises `FileExistsError` when the name is taken."""
        self._team(blob.team).mkdir(mode=0o700, exist_ok=True)
        place = self._place(blob.team, blob.name)
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._upload(upload_id).replace(place)
        write(self._place(blob.team, blob.name, _RECORD), blob.dumped())

    def sweep(self, now: float) -> int:
        """Removes what is expired and what a crash left behind; says how many things that were."""
        removed = 0
        for team in [path.name for path in self._blobs.iterdir()]:
            expired = [blob for blob in self.blobs(team) if not blob.live(now)]
            removed += sum(self.remove(blob) for blob in expired)
            removed += _sweep_orphans(self._team(team), now)
        for upload_id, upload in list(self.uploads()):
            if not upload.live(now):
                self.remove_upload(upload_id)
                removed += 1
        return removed + _sweep_orphans(self._uploads, now)

    def _team(self, team: str) -> Path:
        if not SAFE.fullmatch(team):
            raise ValueError(f"{team!r} is not a team's id")
        return self._blobs / team

    def _place(self, team: str, name: str, suffix: str = "") -> Path:
        return self._team(team) / f"{name}{suffix}"

    def _upload(self, upload_id: str, suffix: str = "") -> Path:
        return self._uploads / f"{upload_id}{suffix}"


def _sweep_orphans(folder: Path, now: float) -> int:
    removed = 0
    for path in list(folder.iterdir()):
        alone = path.suffix != _RECORD and not path.with_name(path.name + _RECORD).exists()
        if alone and age_s(path, now) > _ORPHAN_S:
            removed += unlink(path)
    return removed
