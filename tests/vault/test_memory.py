"""Tapes that have room in memory touch no disk; what does not fit goes there, and all of it is counted."""

import gc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.vault.spools import Spools
from gateway.vault.tape import WINDOW_BYTES, Tape
from tests.vault.tapes import PLENTY, chunk_of

ROOM = 4 * WINDOW_BYTES
CHUNK = chunk_of(WINDOW_BYTES // 4)


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path / "spools", PLENTY, memory_bytes=ROOM)) as made:
        yield made


async def put(tape: Tape, count: int) -> None:
    for _ in range(count):
        await tape.put(CHUNK)


async def test_what_fits_into_memory_is_read_as_it_came_and_written_nowhere(roomy: Spools) -> None:
    tape = Tape(roomy)
    await put(tape, 16)
    tape.close()
    assert roomy.used_bytes == 0
    assert roomy.held_bytes == ROOM
    assert [piece is CHUNK for piece in [each async for each in tape]] == [True] * 16
    tape.drop()
    assert roomy.held_bytes == 0


async def test_what_does_not_fit_goes_to_the_disk_and_is_the_same(roomy: Spools) -> None:
    first, second = Tape(roomy), Tape(roomy)
    await put(first, 12)
    await put(second, 9)
    assert roomy.used_bytes == len(CHUNK) * 5, "as soon as it is too much, all that this one has"
    assert roomy.held_bytes == len(CHUNK) * (12 + 4)
    for tape, count in ((first, 12), (second, 9)):
        tape.close()
        assert b"".join([piece async for piece in tape]) == CHUNK * count
        tape.drop()
    assert (roomy.held_bytes, roomy.used_bytes) == (0, 0)


async def test_a_tape_that_is_kept_is_not_in_memory_any_more(roomy: Spools, tmp_path: Path) -> None:
    tape = Tape(roomy)
    await put(tape, 6)
    tape.close()
    await tape.keep(tmp_path / "kept")
    assert roomy.held_bytes == 0
    assert (tmp_path / "kept").read_bytes() == CHUNK * 6
    assert b"".join([piece async for piece in tape]) == CHUNK * 6


async def test_of_very_many_that_do_not_fit_each_has_little_in_memory(tmp_path: Path) -> None:
    with closing(Spools(tmp_path / "spools", PLENTY, memory_bytes=ROOM)) as spools:
        tapes = [Tape(spools) for _ in range(200)]
        for _ in range(8):
            for tape in tapes:
                await tape.put(CHUNK)
        assert spools.held_bytes < 80 * WINDOW_BYTES
        for tape in tapes:
            tape.close()
            assert b"".join([piece async for piece in tape.read(7 * len(CHUNK))]) == CHUNK
            tape.drop()


async def test_one_that_is_forgotten_gives_its_room_back(roomy: Spools) -> None:
    tape = Tape(roomy)
    await put(tape, 3)
    del tape
    gc.collect()
    assert roomy.held_bytes == 0


async def test_one_that_may_not_be_on_disk_is_in_memory_as_long_as_there_is_room(roomy: Spools) -> None:
    tape = Tape(roomy, on_disk=False)
    kept = []
    for _ in range(17):
        await tape.put(CHUNK)
        kept.append(tape.whole)
    assert kept == [True] * 16 + [False]
    assert roomy.used_bytes == 0
