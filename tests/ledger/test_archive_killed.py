"""Processes that put rows away, killed at every line or several at once: no row is lost, and none is there twice."""

import multiprocessing
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.keys import Key
from gateway.ledger.archive import Archive
from gateway.ledger.budget import Books
from gateway.ledger.rows import Mark, Rows
from gateway.ledger.shelf import Lack, Shelf
from gateway.ledger.store import Store
from gateway.ledger.verify import verify
from gateway.ledger.volumes import Row
from tests.ledger.killed import Spot, put_away
from tests.ledger.servers import Server
from tests.ledger.test_archive import ACME, spend

FEW = 4
PROCESSES = multiprocessing.get_context("forkserver")


def run(server: Server, *directories: Path, killed_at: Spot | None = None, note_in: Path | None = None) -> set[int]:
    """How processes ended that put rows away into these: minus the signal, or 0."""
    args = [(server.url, directory, FEW, killed_at, note_in) for directory in directories]
    processes = [PROCESSES.Process(target=put_away, args=each) for each in args]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return {process.exitcode or 0 for process in processes}


async def there(store: Store, shelf: Shelf) -> list[Row]:
    """All rows, of books that are right."""
    assert not [fault async for each in verify(Books(store, time.time), shelf=shelf) for fault in each.faults]
    return [each async for each in Rows(store, shelf).read(ACME) if not isinstance(each, Lack | Mark)]


@pytest.mark.parametrize("shared_server", ["redis"], indirect=True)
async def test_wherever_it_is_killed_no_row_is_lost_and_none_is_there_twice(
    server: Server, store: Store, books: Books, key: Key, raw: Redis, tmp_path: Path
) -> None:
    PROCESSES.set_forkserver_preload(["tests.ledger.killed"])
    directory, notes = tmp_path / "archive", tmp_path / "notes"
    shelf, rows = Shelf((directory,)), list[Row]()

    async def more(number: int) -> None:
        stored: Any = raw.xrange(ACME)
        await spend(books, key, 10 * number, 3)
        after: Any = raw.xrange(ACME)
        rows.extend(after[len(stored) :])

    await more(0)
    assert run(server, directory, note_in=notes) == {0}
    assert await there(store, shelf) == rows
    lines = [line.split("\t") for line in notes.read_text().splitlines()]
    killed = 0
    for number, (file, line) in enumerate(lines, start=1):
        await more(number)
        killed += run(server, directory, killed_at=Spot(file, int(line), visit=1 + number % 2)) == {-signal.SIGKILL}
        assert await there(store, shelf) == rows
    assert killed > len(lines) / 2, "there are two volumes at most, and some lines are of both"
    async for _ in Archive(store, shelf, FEW).put_away(2**42):
        pass
    assert await there(store, shelf) == rows
    assert raw.xlen(ACME) == 1


@pytest.mark.parametrize("shared", [True, False])
async def test_several_processes_race(
    server: Server, store: Store, books: Books, key: Key, raw: Redis, tmp_path: Path, shared: bool
) -> None:
    directories = [tmp_path / ("archive" if shared else f"archive_{number}") for number in range(3)]
    await spend(books, key, 0, 40)
    rows: Any = raw.xrange(ACME)
    assert run(server, *directories) == {0}
    assert await there(store, Shelf(tuple(dict.fromkeys(directories)))) == rows
    assert raw.xlen(ACME) == 1
