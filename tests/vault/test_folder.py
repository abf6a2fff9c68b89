"""What is so of results in a directory alone: whose the files are, a full disk, and a crash of the machine."""

import stat
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway.vault.errors import NoSuchResult
from gateway.vault.folder import Folder
from gateway.vault.records import NotKept
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from tests.ledger.test_journal import full_disk
from tests.vault.kept import keep, kept, label, opened, reply_of
from tests.vault.tapes import FULL, chunk_of, files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def results(folder: Path) -> Results:
    return opened(Folder(folder))


async def test_names_tell_nothing_and_files_are_their_owners_alone(
    results: Results, spools: Spools, folder: Path
) -> None:
    await kept(results, spools, label(), [FULL], [b"small"])
    names = {path.name.partition(".")[0] for path in files(folder)}
    assert len(names) == 1
    assert len(names.pop()) == 64
    assert not any("call-1" in str(path.relative_to(folder)) for path in files(folder))
    assert [stat.S_IMODE(path.stat().st_mode) for path in files(folder)] == [0o600] * 3
    assert stat.S_IMODE((folder / "acme").stat().st_mode) == 0o700
    await kept(opened(Folder(folder), b"another"), spools, label())
    assert len(files(folder)) == 5, "with another secret it has another name"


async def test_who_is_reading_what_is_deleted_gets_all_of_it(results: Results, spools: Spools) -> None:
    result = await kept(results, spools, label(), [FULL, FULL])
    async with aclosing(results.read(result, 0)) as pieces:
        first = await anext(pieces)
        await results.delete(result)
        assert first + b"".join([piece async for piece in pieces]) == FULL + FULL


@pytest.mark.parametrize(("full_at_bytes", "reply"), [(1000, 2000), (100, 5)], ids=["a reply", "the record"])
async def test_a_full_disk_keeps_nothing_and_forgets_nothing(
    results: Results, spools: Spools, folder: Path, full_at_bytes: int, reply: int
) -> None:
    await kept(results, spools, label("before"))
    used, before = results.used_bytes, files(folder)
    with full_disk(full_at_bytes):
        why = await keep(
            results, spools, label(), [b"small"], [chunk_of(2000)] if full_at_bytes == 1000 else [b"small"]
        )
    assert why is NotKept.FAILED
    assert (files(folder), results.used_bytes) == (before, used)


async def test_bytes_that_a_crash_of_the_machine_has_cut_are_not_taken_for_all(
    results: Results, spools: Spools, folder: Path
) -> None:
    result = await kept(results, spools, label(), [FULL])
    (reply,) = [path for path in files(folder) if path.suffix == ".0"]
    with reply.open("r+b") as whole:
        whole.truncate(1000)
    with pytest.raises(NoSuchResult):
        await reply_of(results, result)
