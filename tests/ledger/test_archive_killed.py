"""Killed at every line of what puts rows away, and done again: none is lost, and none is read twice."""

import multiprocessing
import signal
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


def run(server: Server, directory: Path, killed_at: Spot | None, note_in: Path | None = None) -> int:
    """How it ended: minus the signal, or 0."""
    process = PROCESSES.Process(target=put_away, args=(server.url, directory, FEW, killed_at, note_in))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


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

    async def check() -> None:
        there = [each async for each in Rows(store, shelf).read(ACME) if not isinstance(each, Lack | Mark)]
        assert there == rows
        assert not [fault async for each in verify(books, shelf=shelf) for fault in each.faults]

    await more(0)
    assert run(server, directory, None, notes) == 0
    await check()
    lines = [line.split("\t") for line in notes.read_text().splitlines()]
    killed = 0
    for number, (file, line) in enumerate(lines, start=1):
        await more(number)
        killed += run(server, directory, Spot(file, int(line), visit=1 + number % 2)) == -signal.SIGKILL
        await check()
    assert killed > len(lines) / 2, "there are two volumes at most, and some lines are of both"
    async for _ in Archive(store, shelf, FEW).put_away(2**42):
        pass
    await check()
    assert raw.xlen(ACME) == 1
