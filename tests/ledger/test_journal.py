"""What a process has written down is there after it is gone, for one other process to find."""

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.ledger.frames import Write, unframed
from gateway.ledger.journal import Journal, JournalError
from gateway.ledger.orphans import KEPT_S, Orphan, keep, kept, made, orphans, sweep

A, B, C = (Write("void", (f"key of {name}",), (name,)) for name in "abc")
NOW = 1_800_000_000.0
STORE = "redis://a.store"


def today() -> float:
    return NOW


def homes(directory: Path) -> list[Path]:
    return sorted(directory.glob("[0-9a-f]*"))


def everything(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def left_in(directory: Path, now: float = NOW) -> list[Orphan]:
    with orphans(directory, now) as found:
        return found


async def test_numbers_are_given_in_the_order_of_the_promises(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        assert journal.promise(owed=[A], in_case=[B, C]) == (1, 2, 3)
        assert (journal.left.owed, journal.left.in_case) == ({1: A}, {2: B, 3: C})
        assert journal.promise(owed=[B], over=[1, 3]) == (4,)
        assert (journal.left.owed, journal.left.in_case) == ({4: B}, {2: B})


async def test_a_process_that_owes_nothing_leaves_nothing(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        (number,) = journal.promise(owed=[A])
        assert len(homes(tmp_path)) == 1
        journal.made([number])
    assert homes(tmp_path) == []


async def test_one_that_promised_nothing_leaves_no_trace(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today):
        pass
    assert everything(tmp_path) == []


async def test_what_is_left_at_the_end_is_found(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        first, _ = journal.promise(owed=[A, B])
        journal.made([first])
        assert left_in(tmp_path) == [], "as long as it lives it is nobody else's"
    (orphan,) = left_in(tmp_path)
    assert list(orphan.left.owed.values()) == [B]
    assert orphan.told == (A,)
    assert left_in(tmp_path, NOW + KEPT_S + 1)[0].told == ()
    keep(orphan.home, STORE, NOW)
    assert homes(tmp_path) == []


async def test_what_was_made_is_kept_for_an_hour_for_the_store_that_it_is_about(tmp_path: Path) -> None:
    now = NOW - KEPT_S
    async with Journal.open(tmp_path, STORE, lambda: now) as journal:
        journal.made(journal.promise(owed=[A]))
        now = NOW
        journal.made(journal.promise(owed=[B]))
        journal.promise(over=journal.promise(in_case=[A]))
    (home,) = kept(tmp_path, STORE)
    assert kept(tmp_path, "redis://another.store") == set()
    assert made(home, NOW - KEPT_S) == [(NOW - KEPT_S, A), (NOW, B)]
    assert made(home, NOW - 1) == [(NOW, B)]
    sweep(tmp_path, NOW)
    assert kept(tmp_path, STORE) == {home}
    sweep(tmp_path, NOW + 1)
    assert everything(tmp_path) == []
    assert made(home, 0) == []


async def test_what_was_left_is_told_as_made_when_it_was(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        journal.promise(owed=[A], in_case=[B])
    (orphan,) = left_in(tmp_path)
    keep(orphan.home, STORE, NOW + 9)
    (home,) = kept(tmp_path, STORE)
    assert made(home, NOW + 1) == [(NOW + 9, A), (NOW + 9, B)]


async def test_of_two_that_look_one_finds_it(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        journal.promise(owed=[A])
    with orphans(tmp_path, NOW) as first, orphans(tmp_path, NOW) as second:
        assert (len(first), len(second)) == (1, 0)
    assert len(left_in(tmp_path)) == 1


async def test_a_thousand_promises_at_once_share_their_syncs(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        numbers = [journal.promise(owed=[Write("f", (), (str(n),))]) for n in range(1000)]
        assert sorted(number for (number,) in numbers) == list(range(1, 1001))
        for (number,), n in zip(numbers, range(1000), strict=True):
            assert journal.left.owed[number].args == (str(n),)
    (orphan,) = left_in(tmp_path)
    assert len(orphan.left.owed) == 1000


async def test_a_long_file_is_followed_by_another_and_goes_when_nothing_in_it_is_left(tmp_path: Path) -> None:
    now = NOW
    async with Journal.open(tmp_path, STORE, lambda: now) as journal:
        (home,) = homes(tmp_path)
        (number,) = journal.promise(owed=[A])
        bulky = [Write("f", (), ("x" * 500_000,))]
        for _ in range(40):
            for_now = journal.promise(owed=bulky)
            journal.made(for_now)
        await journal.turn()
        assert len(list(home.glob("0*"))) == 2, "for an hour"
        now += KEPT_S + 1
        await journal.turn()
        assert len(list(home.glob("0*"))) == 2, "the first holds what is not over"
        journal.made([number])
        await journal.turn()
        assert [path.name for path in home.glob("0*")] == ["000002"]


def failure(journal: Journal) -> str | None:
    return journal.failure


@contextmanager
def full_disk(at_bytes: int) -> Iterator[None]:
    """No file may become longer than this: writing fails in the middle of a frame, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_full_disk_is_told_and_what_failed_is_not_in_the_file(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        journal.promise(owed=[A])
        (home,) = homes(tmp_path)
        length = (home / "000001").stat().st_size
        with full_disk(length + 20):
            with pytest.raises(JournalError) as failed:
                journal.promise(owed=[B])
            assert failed.value.errno == errno.EFBIG
            assert failure(journal) == os.strerror(errno.EFBIG)
            assert (home / "000001").stat().st_size == length
            with pytest.raises(JournalError):
                await journal.turn()
        await journal.turn()
        assert failure(journal) is None, "it is found out by itself when there is room again"
        journal.promise(owed=[C])
    (orphan,) = left_in(tmp_path)
    assert [write.args for write in orphan.left.owed.values()] == [("a",), ("c",)]
    assert orphan.damaged == 0


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("not a directory")
    with pytest.raises(JournalError):
        async with Journal.open(tmp_path / "journal", STORE, today):
            pass


WRITER = """
    import asyncio, sys, time
    from pathlib import Path
    from gateway.ledger.frames import Write
    from gateway.ledger.journal import Journal

    async def main() -> None:
        async with Journal.open(Path(sys.argv[1]), "a store", time.time) as journal:
            async def promise(stem: int) -> None:
                for n in range(10**9):
                    journal.promise(owed=[Write("f", (), (f"{stem}-{n}",))])
                    sys.stdout.write(f"{stem}-{n}\\n")
                    sys.stdout.flush()
            await asyncio.gather(*(promise(stem) for stem in range(8)))

    asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 7, 100, 1000])
def test_what_was_promised_survives_a_kill(tmp_path: Path, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        promised = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.kill()
        promised += writer.stdout.read().split()
    (orphan,) = left_in(tmp_path)
    found = {write.args[0] for write in orphan.left.owed.values()}
    assert {each for each in promised if each} <= found
    assert orphan.damaged == 0


async def test_what_is_promised_is_with_the_system_at_once_and_on_the_disk_a_moment_later(tmp_path: Path) -> None:
    async with Journal.open(tmp_path, STORE, today) as journal:
        (home,) = homes(tmp_path)
        numbers = journal.promise(owed=[A])
        entries = unframed((home / "000001").read_bytes()).entries
        assert entries[-1].owed == ((numbers[0], A),)
        await journal.on_disk()
        journal.promise(owed=[B])
        later = asyncio.create_task(journal.on_disk())
        await asyncio.sleep(0)
        journal.promise(owed=[C])  # while that is being synced
        await later
        await journal.on_disk()
    (orphan,) = left_in(tmp_path)
    assert list(orphan.left.owed.values()) == [A, B, C]


async def test_after_a_sync_that_failed_all_that_is_left_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system forgets what it could not write, and says so once: nothing can be known of that file any more."""
    async with Journal.open(tmp_path, STORE, today) as journal:
        first, second = journal.promise(owed=[A], in_case=[B])
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", fails)
            with pytest.raises(JournalError):
                await journal.on_disk()
        assert failure(journal) == os.strerror(errno.EIO)
        journal.promise(owed=[C])
        await journal.on_disk()
        assert failure(journal) is None
        (home,) = homes(tmp_path)
        assert [path.name for path in sorted(home.glob("0*"))] == ["000001", "000002"]
        (again,) = unframed((home / "000002").read_bytes()).entries
        assert again.owed == ((first, A), (second + 1, C))
        assert again.in_case == ((second, B),)


def fails(_: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
