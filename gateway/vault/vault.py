"""The vault: bytes that are kept for their owner, and for a while.

Whose they are is part of every question, so that what is another team's cannot be told from what is
not there. An upload is known by its token alone, and only the token's hash is on disk. What is due
is a matter of `now`: the vault runs no tasks, whoever owns it calls `sweep`.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

from gateway.core.errors import BadRequest, BodyTooLarge
from gateway.vault.directory import Directory
from gateway.vault.errors import NameTaken, NoSuchBlob, NoSuchUpload, StorageFull
from gateway.vault.records import NAME, Blob, Caps, Draft, Stage, Upload

# Read in pieces of this many bytes: a multiple of three, so that they can be put into base64 one by one.
PIECE_BYTES = 3 * 256 * 1024

# What comes is written when there is this much of it: a thread for each of the server's small pieces would be dear.
_WRITE_BYTES = 1024 * 1024


class Vault:
    def __init__(self, directory: Directory, caps: Caps) -> None:
        self._directory = directory
        self.caps = caps
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._starting = asyncio.Lock()

    @classmethod
    def open(cls, data_dir: Path, caps: Caps = Caps()) -> Self:
        return cls(Directory(data_dir / "vault"), caps)

    async def begin(self, draft: Draft, now: float) -> tuple[str, Upload]:
        """Opens an upload; the token is all that its sender needs from here on."""
        if draft.size is not None and draft.size > self.caps.blob_bytes:
            raise BodyTooLarge(f"The file is larger than {self.caps.blob_bytes} bytes, which is the most one may have.")
        if draft.name is not None and not NAME.fullmatch(draft.name):
            raise BadRequest("A name is 1 to 40 lower-case letters, digits and dashes, no dash at its ends.")
        if draft.name is not None and await self._there(draft.team, draft.name, now):
            raise _taken(draft.name)
        token = secrets.token_urlsafe(32)
        upload = Upload(
            name=draft.name or secrets.token_hex(16),
            team=draft.team,
            media_type=draft.media_type,
            title=draft.title,
            size=draft.size,
            created_at=now,
            expires_at=now + self.caps.upload_s,
        )
        async with self._starting:  # or two would find room for one
            used = await asyncio.to_thread(self._used_bytes, draft.team, now)
            if used + upload.most_bytes(self.caps) > self.caps.team_bytes:
                raise StorageFull(
                    f"Your team's files and running uploads fill the {self.caps.team_bytes} bytes it has; delete some."
                )
            await asyncio.to_thread(self._directory.keep_upload, _id_of(token), upload)
        return token, upload

    async def upload(self, token: str, now: float) -> Upload:
        upload = await asyncio.to_thread(self._directory.upload, _id_of(token))
        if upload is None or not upload.live(now):
            raise NoSuchUpload("There is no upload at this address, or it has expired; start again.")
        return upload

    async def received(self, token: str, upload: Upload, now: float) -> int:
        """How many bytes are here, and need not be sent again."""
        if upload.stage is Stage.FINAL:
            blob = await self._there(upload.team, upload.name, now)
            return blob.size if blob else upload.size or 0
        return await asyncio.to_thread(self._directory.received, _id_of(token))

    async def append(self, token: str, offset: int, pieces: AsyncIterator[bytes], now: float) -> None:
        """Adds what comes at `offset`. What is here already is passed over: senders repeat what was not confirmed.

        When the sender breaks off, what came so far is kept.
        """
        async with self._lock(token):
            upload = await self.upload(token, now)
            if upload.stage is Stage.FINAL:
                return
            if upload.stage is Stage.CANCELLED:
                raise BadRequest("This upload was cancelled; start again.", code="upload_cancelled")
            here = await self.received(token, upload, now)
            if offset > here:
                raise BadRequest(f"Byte {here} is the next one, not {offset}.", code="wrong_offset")
            await self._write(token, here, _behind(pieces, here - offset), upload.most_bytes(self.caps))

    async def finish(self, token: str, now: float) -> Blob:
        """The blob that the upload has become. Asked again, the same answer."""
        async with self._lock(token):
            upload = await self.upload(token, now)
            if upload.stage is Stage.FINAL:
                return await self.find(upload.team, upload.name, now)
            if upload.stage is Stage.CANCELLED:
                raise BadRequest("This upload was cancelled; start again.", code="upload_cancelled")
            here = await self.received(token, upload, now)
            if here == 0 or (upload.size is not None and here != upload.size):
                announced = "none were announced" if upload.size is None else f"{upload.size} were announced"
                raise BadRequest(f"The file is not whole: {here} bytes are here, {announced}.", code="upload_not_whole")
            return await asyncio.to_thread(self._settle, _id_of(token), upload, here, now)

    async def cancel(self, token: str, now: float) -> Upload:
        """Ends an upload and drops its bytes; one that is finished stays so."""
        async with self._lock(token):
            upload = await self.upload(token, now)
            if upload.stage is Stage.ACTIVE:
                upload = upload.at(Stage.CANCELLED)
                await asyncio.to_thread(self._directory.keep_upload, _id_of(token), upload)
                await asyncio.to_thread(self._directory.drop_bytes, _id_of(token))
            return upload

    async def find(self, team: str, name: str, now: float) -> Blob:
        """The team's blob of this name; raises `NoSuchBlob`."""
        blob = await self._there(team, name, now)
        if blob is None:
            raise NoSuchBlob(name)
        return blob

    async def blobs(self, team: str, now: float) -> list[Blob]:
        """All that a team keeps, the newest first."""
        found = await asyncio.to_thread(self._directory.blobs, team)
        return sorted((blob for blob in found if blob.live(now)), key=lambda blob: (-blob.created_at, blob.name))

    async def delete(self, team: str, name: str, now: float) -> None:
        blob = await self.find(team, name, now)
        if not await asyncio.to_thread(self._directory.remove, blob):
            raise NoSuchBlob(name)

    async def read(self, blob: Blob) -> AsyncGenerator[bytes]:
        """The bytes, in pieces of `PIECE_BYTES` but for the last; `NoSuchBlob` if they are just deleted."""
        try:
            whole = await asyncio.to_thread(self._directory.blob_path(blob).open, "rb")
        except FileNotFoundError:
            raise NoSuchBlob(blob.name) from None
        with whole:
            while piece := await asyncio.to_thread(whole.read, PIECE_BYTES):
                yield piece

    async def sweep(self, now: float) -> int:
        """Removes what is expired; says how many things that were."""
        return await asyncio.to_thread(self._directory.sweep, now)

    async def _write(self, token: str, here: int, pieces: AsyncIterator[bytes], most_bytes: int) -> None:
        waiting: list[bytes] = []
        size = 0
        try:
            async for piece in pieces:
                if here + size + len(piece) > most_bytes:
                    raise BodyTooLarge(f"More came than the {most_bytes} bytes that were announced or may be.")
                waiting.append(piece)
                size += len(piece)
                if size >= _WRITE_BYTES:
                    await asyncio.to_thread(self._directory.write, _id_of(token), here, waiting)
                    here, waiting, size = here + size, [], 0
        finally:
            if waiting:
                # In this thread: a cancel must not come between, and it is at most a megabyte.
                self._directory.write(_id_of(token), here, waiting)

    def _settle(self, upload_id: str, upload: Upload, size: int, now: float) -> Blob:
        blob = Blob(
            name=upload.name,
            team=upload.team,
            media_type=upload.media_type,
            title=upload.title,
            size=size,
            sha256=self._directory.digest(upload_id),
            created_at=now,
            expires_at=now + self.caps.blob_s,
        )
        old = self._directory.blob(upload.team, upload.name)
        if old is not None and not old.live(now):
            self._directory.remove(old)
        try:
            self._directory.settle(upload_id, blob)
        except FileExistsError:
            raise _taken(upload.name) from None
        self._directory.keep_upload(upload_id, upload.at(Stage.FINAL))
        return blob

    async def _there(self, team: str, name: str, now: float) -> Blob | None:
        blob = await asyncio.to_thread(self._directory.blob, team, name)
        return blob if blob is not None and blob.live(now) else None

    def _used_bytes(self, team: str, now: float) -> int:
        """What a team keeps, and what its running uploads may come to."""
        kept = sum(blob.size for blob in self._directory.blobs(team))
        coming = (upload for _, upload in self._directory.uploads() if upload.team == team and upload.live(now))
        return kept + sum(upload.most_bytes(self.caps) for upload in coming if upload.stage is Stage.ACTIVE)

    def _lock(self, token: str) -> asyncio.Lock:
        """One sender at a time: the first try may still be writing when the second comes."""
        lock = self._locks.get(token)
        if lock is None:
            lock = self._locks[token] = asyncio.Lock()
        return lock


def _taken(name: str) -> NameTaken:
    return NameTaken(f"There is a file {name} already.", param="file.name")


def _id_of(token: str) -> str:
    """The token is a credential: its name on disk does not tell it."""
    return hashlib.sha256(token.encode()).hexdigest()


async def _behind(pieces: AsyncIterator[bytes], skip: int) -> AsyncIterator[bytes]:
    """What comes after the first `skip` bytes."""
    async for piece in pieces:
        rest = piece[skip:]
        skip = max(0, skip - len(piece))
        if rest:
            yield rest
