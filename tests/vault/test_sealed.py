"""Sealed results on a disk: what others see of them, and what another key does."""

from pathlib import Path

import pytest

from gateway.vault.errors import NoSuchResult
from gateway.vault.folder import Folder
from gateway.vault.records import NotKept
from gateway.vault.results import Results
from gateway.vault.sealed import Sealed
from gateway.vault.seals import CHUNK_BYTES
from gateway.vault.spools import Spools
from tests.ledger.test_journal import full_disk
from tests.vault.kept import CAPS, KEYED, NOW, kept, label, opened, reply_of, taped
from tests.vault.tapes import FULL, files

LATER = NOW + CAPS.keyed_s + 3600.0  # whenever in the suite its turn comes


class Told:
    """How often a wrong key was told of."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


def sealing(folder: Path, spools: Spools, told: Told, key: bytes = b"a key") -> Results:
    return opened(Sealed(Folder(folder), key, spools, told))


async def test_nothing_of_a_result_can_be_read_from_the_disk(folder: Path, spools: Spools) -> None:
    await kept(sealing(folder, spools, Told()), spools, label(), [FULL, FULL], [b"a small one"])
    on_disk = b"".join(path.read_bytes() for path in files(folder))
    assert not any(word in on_disk for word in (FULL[:32], FULL[-32:], b"a small one", b"call-1", b"key-1", b"json"))
    assert spools.used_bytes == 0


async def test_what_could_not_be_kept_leaves_nothing(folder: Path, spools: Spools) -> None:
    results = sealing(folder, spools, Told())
    (tape,) = await taped(spools, [FULL, FULL])
    with full_disk(len(FULL) + 1000):
        assert await results.keep(label(), [tape], NOW) is NotKept.LOST
    tape.drop()
    assert (files(folder), spools.used_bytes) == ([], 0)


async def test_what_another_key_has_sealed_is_as_absent_and_that_is_told_once(folder: Path, spools: Spools) -> None:
    ours = sealing(folder, spools, Told())
    result = await kept(ours, spools, label(rank=KEYED), [FULL])
    told = Told()
    other = sealing(folder, spools, told, b"another key")
    assert await other.find("acme", "call-1", NOW) is None
    with pytest.raises(NoSuchResult):
        await reply_of(other, result)
    assert await other.sweep(NOW + CAPS.keyed_s - 60) == 0
    assert told.times == 1
    assert await reply_of(ours, result) == FULL, "and stays for those who have the key"
    assert await other.sweep(LATER) == 1
    assert files(folder) == []


async def test_what_was_kept_in_the_clear_is_as_absent(folder: Path, spools: Spools) -> None:
    await kept(opened(Folder(folder)), spools, label(), [FULL])
    told = Told()
    assert await sealing(folder, spools, told).find("acme", "call-1", NOW) is None
    assert told.times == 1


async def test_bytes_that_somebody_has_changed_are_not_given_out(folder: Path, spools: Spools) -> None:
    told = Told()
    results = sealing(folder, spools, told)
    result = await kept(results, spools, label(), [FULL, FULL])
    (reply,) = [path for path in files(folder) if path.suffix == ".0"]
    with reply.open("r+b") as whole:
        whole.seek(len(FULL))
        whole.write(b"another")
    with pytest.raises(NoSuchResult):
        await reply_of(results, result)
    assert told.times == 1
    before = [piece async for piece in results.read(result, 0, end=CHUNK_BYTES)]
    assert b"".join(before) == FULL[:CHUNK_BYTES], "what is not changed is"
