"""The vault on a real directory: what is kept, for whom, for how long, and what a restart finds."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.errors import BadRequest, BodyTooLarge, GatewayError
from gateway.vault.errors import NameTaken, NoSuchBlob, NoSuchUpload, StorageFull
from gateway.vault.records import NAME, Blob, Caps, Draft, Stage
from gateway.vault.vault import PIECE_BYTES, Vault

NOW = 1_800_000_000.0
CAPS = Caps(blob_bytes=4 * PIECE_BYTES, team_bytes=10 * PIECE_BYTES)
BYTES = bytes(range(256)) * 4


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path, CAPS)


def draft(size: int | None = len(BYTES), *, team: str = "acme", name: str | None = None) -> Draft:
    return Draft(team=team, media_type="image/png", title="mug", size=size, name=name)


async def pieces(*each: bytes) -> AsyncIterator[bytes]:
    for piece in each:
        yield piece


async def kept(vault: Vault, whole: bytes = BYTES, *, team: str = "acme", name: str | None = None) -> Blob:
    token, _ = await vault.begin(draft(len(whole), team=team, name=name), NOW)
    await vault.append(token, 0, pieces(whole), NOW)
    return await vault.finish(token, NOW)


async def bytes_of(vault: Vault, blob: Blob) -> bytes:
    return b"".join([piece async for piece in vault.read(blob)])


async def test_what_is_kept_comes_back_with_its_record(vault: Vault) -> None:
    blob = await kept(vault)
    assert blob == await vault.find("acme", blob.name, NOW)
    assert (blob.size, blob.sha256) == (len(BYTES), hashlib.sha256(BYTES).hexdigest())
    assert (blob.media_type, blob.title, blob.created_at) == ("image/png", "mug", NOW)
    assert blob.expires_at == NOW + 48 * 3600
    assert await bytes_of(vault, blob) == BYTES


async def test_names_can_be_names_of_googles_and_differ(vault: Vault) -> None:
    names = {(await kept(vault)).name for _ in range(20)}
    assert len(names) == 20
    assert all(NAME.fullmatch(name) and len(name) == 32 for name in names)


async def test_a_large_blob_is_read_in_pieces_that_fit_base64(vault: Vault) -> None:
    whole = BYTES * (3 * PIECE_BYTES // len(BYTES)) + b"x"
    blob = await kept(vault, whole)
    sizes = [len(piece) async for piece in vault.read(blob)]
    assert sizes == [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, 1]
    assert await bytes_of(vault, blob) == whole


async def test_another_teams_blob_is_as_absent_as_none(vault: Vault) -> None:
    blob = await kept(vault)
    for team, name in [("other", blob.name), ("acme", "nope"), ("acme", "../acme/" + blob.name), ("acme", "")]:
        with pytest.raises(NoSuchBlob) as caught:
            await vault.find(team, name, NOW)
        assert caught.value.message == NoSuchBlob(name).message
        with pytest.raises(NoSuchBlob):
            await vault.delete(team, name, NOW)
    assert await vault.blobs("other", NOW) == []


async def test_a_restart_finds_everything(vault: Vault, tmp_path: Path) -> None:
    blob = await kept(vault)
    token, _ = await vault.begin(draft(), NOW)
    await vault.append(token, 0, pieces(BYTES[:100]), NOW)
    again = Vault.open(tmp_path, CAPS)
    assert await again.blobs("acme", NOW) == [blob]
    assert await bytes_of(again, blob) == BYTES
    await again.append(token, 100, pieces(BYTES[100:]), NOW)
    assert await bytes_of(again, await again.finish(token, NOW)) == BYTES


async def test_nobody_else_on_the_machine_can_read_it_or_find_a_token(vault: Vault, tmp_path: Path) -> None:
    await kept(vault)
    token, _ = await vault.begin(draft(), NOW)
    await vault.append(token, 0, pieces(BYTES), NOW)
    paths = list((tmp_path / "vault").rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert not any(token in str(path) or (path.is_file() and token.encode() in path.read_bytes()) for path in paths)
    assert not [path for path in paths if path.suffix == ".tmp"]


async def test_what_was_sent_before_is_passed_over_and_a_gap_is_refused(vault: Vault) -> None:
    token, upload = await vault.begin(draft(), NOW)
    await vault.append(token, 0, pieces(BYTES[:300]), NOW)
    await vault.append(token, 0, pieces(BYTES[:200], BYTES[200:300]), NOW)
    await vault.append(token, 100, pieces(BYTES[100:250], BYTES[250:400]), NOW)
    assert await vault.received(token, upload, NOW) == 400
    with pytest.raises(BadRequest, match="Byte 400 is the next one, not 401"):
        await vault.append(token, 401, pieces(BYTES[401:]), NOW)
    await vault.append(token, 400, pieces(BYTES[400:]), NOW)
    assert await bytes_of(vault, await vault.finish(token, NOW)) == BYTES


async def test_two_senders_of_one_chunk_come_to_one_file(vault: Vault) -> None:
    token, _ = await vault.begin(draft(), NOW)
    await asyncio.gather(*(vault.append(token, 0, pieces(BYTES[:500], BYTES[500:]), NOW) for _ in range(5)))
    blobs = await asyncio.gather(*(vault.finish(token, NOW) for _ in range(5)))
    assert len(set(blobs)) == 1
    assert await bytes_of(vault, blobs[0]) == BYTES


async def test_what_came_before_a_sender_broke_off_is_kept(vault: Vault) -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield BYTES[:700]
        raise ConnectionError

    token, upload = await vault.begin(draft(), NOW)
    with pytest.raises(ConnectionError):
        await vault.append(token, 0, breaks_off(), NOW)
    assert await vault.received(token, upload, NOW) == 700


async def test_after_the_end_chunks_are_taken_for_repeated(vault: Vault) -> None:
    token, _ = await vault.begin(draft(), NOW)
    await vault.append(token, 0, pieces(BYTES), NOW)
    blob = await vault.finish(token, NOW)
    await vault.append(token, 512, pieces(BYTES[512:]), NOW)
    assert await vault.finish(token, NOW + 5) == blob
    assert (await vault.cancel(token, NOW)).stage is Stage.FINAL
    assert await vault.received(token, await vault.upload(token, NOW), NOW) == len(BYTES)


async def test_a_cancelled_upload_takes_nothing_more(vault: Vault) -> None:
    token, _ = await vault.begin(draft(), NOW)
    await vault.append(token, 0, pieces(BYTES), NOW)
    assert (await vault.cancel(token, NOW)).stage is Stage.CANCELLED
    assert await vault.received(token, await vault.upload(token, NOW), NOW) == 0
    with pytest.raises(BadRequest, match="was cancelled"):
        await vault.append(token, 0, pieces(BYTES), NOW)
    with pytest.raises(BadRequest, match="was cancelled"):
        await vault.finish(token, NOW)
    assert await vault.blobs("acme", NOW) == []


@pytest.mark.parametrize(("announced", "came"), [(1024, 1023), (None, 0)])
async def test_a_file_that_is_not_whole_is_not_kept(vault: Vault, announced: int | None, came: int) -> None:
    token, _ = await vault.begin(draft(announced), NOW)
    await vault.append(token, 0, pieces(BYTES[:came]), NOW)
    with pytest.raises(BadRequest, match=f"{came} bytes are here"):
        await vault.finish(token, NOW)


@pytest.mark.parametrize("announced", [100, None])
async def test_more_than_was_announced_or_may_be_is_refused(vault: Vault, announced: int | None) -> None:
    token, upload = await vault.begin(draft(announced), NOW)
    most = announced or CAPS.blob_bytes
    with pytest.raises(BodyTooLarge):
        await vault.append(token, 0, pieces(b"x" * most, b"x"), NOW)
    assert await vault.received(token, upload, NOW) <= most


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (draft(CAPS.blob_bytes + 1), BodyTooLarge),
        (draft(name="-a"), BadRequest),
        (draft(name="A"), BadRequest),
        (draft(name="a" * 41), BadRequest),
        (draft(name="../a"), BadRequest),
    ],
)
async def test_what_may_not_be_is_refused_at_once(vault: Vault, asked: Draft, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        await vault.begin(asked, NOW)


async def test_a_team_has_room_for_so_much_and_deleting_makes_more(vault: Vault) -> None:
    blob = await kept(vault, b"x" * CAPS.blob_bytes)
    await kept(vault, b"x" * CAPS.blob_bytes)
    token, _ = await vault.begin(draft(2 * PIECE_BYTES), NOW)
    with pytest.raises(StorageFull):
        await vault.begin(draft(1), NOW)
    await kept(vault, team="other")
    await vault.cancel(token, NOW)
    await vault.begin(draft(2 * PIECE_BYTES), NOW)
    with pytest.raises(StorageFull):
        await vault.begin(draft(None), NOW)
    await vault.delete("acme", blob.name, NOW)
    await vault.begin(draft(None), NOW)


async def test_a_name_is_taken_once_in_a_team_and_free_again_when_it_is_expired(vault: Vault) -> None:
    first, _ = await vault.begin(draft(name="mug"), NOW)
    second, _ = await vault.begin(draft(name="mug"), NOW)
    await vault.append(first, 0, pieces(BYTES), NOW)
    await vault.append(second, 0, pieces(BYTES), NOW)
    await vault.finish(first, NOW)
    with pytest.raises(NameTaken):
        await vault.finish(second, NOW)
    with pytest.raises(NameTaken):
        await vault.begin(draft(name="mug"), NOW)
    assert (await kept(vault, team="other", name="mug")).name == "mug"
    later = NOW + CAPS.blob_s
    third, _ = await vault.begin(draft(name="mug"), later)
    await vault.append(third, 0, pieces(BYTES), later)
    assert (await vault.finish(third, later)).created_at == later


async def test_what_is_expired_is_absent_before_it_is_swept_and_gone_after(vault: Vault, tmp_path: Path) -> None:
    blob = await kept(vault)
    token, _ = await vault.begin(draft(), NOW)
    await vault.append(token, 0, pieces(BYTES), NOW)
    assert await vault.sweep(NOW + CAPS.upload_s - 1) == 0
    with pytest.raises(NoSuchUpload):
        await vault.upload(token, NOW + CAPS.upload_s)
    later = NOW + CAPS.blob_s
    with pytest.raises(NoSuchBlob):
        await vault.find("acme", blob.name, later)
    assert await vault.blobs("acme", later) == []
    assert await vault.sweep(later) == 3  # the blob, its finished upload and the abandoned one
    assert [path for path in (tmp_path / "vault").rglob("*") if path.is_file()] == []


async def test_what_a_crash_left_behind_is_swept_when_it_is_old(vault: Vault, tmp_path: Path) -> None:
    blob = await kept(vault)
    folder = tmp_path / "vault" / "blobs" / "acme"
    left = [folder / "bytes-without-record", folder / "half-a-record.tmp", tmp_path / "vault" / "uploads" / "bytes"]
    for path in left:
        path.write_bytes(b"x")
    for path in left:
        os.utime(path, (NOW, NOW))
    assert await vault.sweep(NOW + 7200) == 1, "the finished upload of the blob"
    assert await vault.sweep(NOW + 7201) == len(left)
    assert await bytes_of(vault, blob) == BYTES
    assert not any(path.exists() for path in left)


async def test_a_blob_deleted_while_it_is_read_is_still_read(vault: Vault) -> None:
    whole = b"x" * (2 * PIECE_BYTES)
    blob = await kept(vault, whole)
    reading = vault.read(blob)
    first = await anext(reading)
    await vault.delete("acme", blob.name, NOW)
    assert first + b"".join([piece async for piece in reading]) == whole
    with pytest.raises(NoSuchBlob):
        await bytes_of(vault, blob)


async def test_of_two_that_delete_one_is_told_that_it_was_there(vault: Vault) -> None:
    blob = await kept(vault)
    told = await asyncio.gather(*(vault.delete("acme", blob.name, NOW) for _ in range(4)), return_exceptions=True)
    assert [type(each) for each in told].count(type(None)) == 1


async def test_a_cancel_in_the_middle_of_a_chunk_leaves_a_file_to_go_on_from(vault: Vault) -> None:
    waiting, never = asyncio.Event(), asyncio.Event()

    async def stalls() -> AsyncIterator[bytes]:
        yield BYTES[:64]
        waiting.set()
        await never.wait()

    token, upload = await vault.begin(draft(), NOW)
    sending = asyncio.create_task(vault.append(token, 0, stalls(), NOW))
    await waiting.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await vault.received(token, upload, NOW) == 64
    await vault.append(token, 64, pieces(BYTES[64:]), NOW)
    assert await bytes_of(vault, await vault.finish(token, NOW)) == BYTES
