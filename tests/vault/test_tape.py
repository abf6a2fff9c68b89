"""The bytes of one answer on a real disk: whoever reads gets all of them, and what nobody needs is nowhere."""

import asyncio
import stat
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from gateway.vault.spools import Spools
from gateway.vault.tape import PIECE_BYTES, WINDOW_BYTES, Tape, TapeLost
from tests.ledger.test_journal import full_disk
from tests.vault.tapes import FULL, bytes_of, chunk_of, files, filled, gone
from tests.waiting import PATIENCE_S

SMALL = 1024


async def turns() -> None:
    """Whatever can go on without a thread has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_small_answer_never_touches_the_disk(spools: Spools, tmp_path: Path) -> None:
    chunks = [chunk_of(SMALL, at) for at in range(1023)]
    tape = await filled(spools, *chunks)
    tape.close()
    assert (tape.size, tape.closed, tape.whole) == (1023 * SMALL, True, True)
    assert all(read is put for read, put in zip([piece async for piece in tape], chunks, strict=True))
    assert files(tmp_path) == []


async def test_a_mebibyte_goes_to_a_file_that_only_its_owner_may_read(spools: Spools, tmp_path: Path) -> None:
    tape = await filled(spools, FULL[:-1])
    assert files(tmp_path) == []
    await tape.put(FULL[-1:])
    (file,) = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_bytes() == FULL
    assert spools.used_bytes == WINDOW_BYTES


async def test_a_reader_who_keeps_up_gets_the_very_chunks(spools: Spools) -> None:
    tape = Tape(spools)
    reader = tape.read()
    for number in range(40):
        chunk = chunk_of(WINDOW_BYTES // 8 + 1, number)
        (_, read) = await asyncio.gather(tape.put(chunk), anext(reader))
        assert read is chunk


async def test_a_reader_who_is_behind_gets_pieces_of_the_file(spools: Spools) -> None:
    chunks = [chunk_of(WINDOW_BYTES // 4, number) for number in range(9)]
    tape = await filled(spools, *chunks)
    tape.close()
    sizes = [len(piece) async for piece in tape]
    assert sizes == [PIECE_BYTES, PIECE_BYTES, 2 * WINDOW_BYTES - 2 * PIECE_BYTES, WINDOW_BYTES // 4]
    assert await bytes_of(tape) == b"".join(chunks)


@pytest.mark.parametrize("begin", [0, 1, SMALL, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 7, WINDOW_BYTES + 10])
async def test_a_reader_may_begin_anywhere(spools: Spools, begin: int) -> None:
    tape = await filled(spools, FULL, b"01234", b"56789")
    reader = tape.read(begin)
    tape.close()
    assert await bytes_of(reader) == (FULL + b"0123456789")[begin:]


@pytest.mark.parametrize("end", [0, 1, SMALL, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 7, WINDOW_BYTES + 99])
@pytest.mark.parametrize("begin", [0, 1, WINDOW_BYTES + 6])
async def test_a_reader_may_end_anywhere(spools: Spools, begin: int, end: int) -> None:
    tape = await filled(spools, FULL, b"01234", b"56789")
    reader = tape.read(begin, max(begin, end))
    tape.close()
    assert await bytes_of(reader) == (FULL + b"0123456789")[begin:end]


async def test_a_reader_who_has_what_it_wanted_waits_for_no_more(spools: Spools) -> None:
    tape = await filled(spools, b"0123", b"4567")
    assert await bytes_of(tape.read(2, 6)) == b"2345"


async def test_a_reader_may_begin_before_the_bytes_are_there(spools: Spools) -> None:
    tape = Tape(spools)
    reader = tape.read(3)
    await tape.put(b"01")
    await tape.put(b"2345")
    tape.close()
    assert await bytes_of(reader) == b"345"


async def test_a_reader_waits_for_what_is_to_come(spools: Spools) -> None:
    tape = Tape(spools)
    reading = [asyncio.ensure_future(bytes_of(tape)) for _ in range(3)]
    await turns()
    await tape.put(b"a")
    await turns()
    await tape.put(b"b")
    tape.close()
    assert await asyncio.gather(*reading) == [b"ab"] * 3


async def test_without_room_the_slowest_reader_slows_the_answer_down(no_room: Spools, tmp_path: Path) -> None:
    tape = Tape(no_room)
    slow, fast = tape.read(), tape.read()
    await tape.put(FULL)
    assert not tape.whole
    putting = asyncio.ensure_future(tape.put(b"more"))
    assert await anext(fast) is FULL
    await turns()
    assert not putting.done()
    assert await anext(slow) is FULL
    await putting
    tape.close()
    assert [await bytes_of(slow), await bytes_of(fast)] == [b"more", b"more"]
    assert files(tmp_path) == []


async def left_it(tape: Tape) -> None:
    tape.read().leave()


async def closed_it(tape: Tape) -> None:
    async with aclosing(tape.read()) as reader:
        await anext(reader)


async def broke_off(tape: Tape) -> None:
    async for _ in tape:
        break


async def forgot_it(tape: Tape) -> None:
    tape.read()


async def was_cancelled(tape: Tape) -> None:
    reader = tape.read(WINDOW_BYTES // 2)
    await anext(reader)
    waiting = asyncio.ensure_future(anext(reader))
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("leaving", [left_it, closed_it, broke_off, forgot_it, was_cancelled])
async def test_who_breaks_off_holds_nobody_up(no_room: Spools, leaving: Callable[[Tape], Awaitable[None]]) -> None:
    tape = await filled(no_room, chunk_of(WINDOW_BYTES - 1))
    going = asyncio.ensure_future(leaving(tape))
    stays = tape.read()
    await going
    await tape.put(b"!")
    assert await anext(stays) == chunk_of(WINDOW_BYTES - 1)
    stays.leave()
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(8):
            await tape.put(FULL)
    assert tape.size == 9 * WINDOW_BYTES


async def test_who_has_a_reader_but_has_not_begun_loses_nothing(no_room: Spools) -> None:
    tape = Tape(no_room)
    reader = tape.read()
    await tape.put(FULL)
    putting = asyncio.ensure_future(tape.put(b"more"))
    await turns()
    assert not putting.done()
    assert await anext(reader) is FULL
    await putting
    assert await anext(reader) == b"more"


async def test_without_room_and_readers_everything_is_dropped(no_room: Spools) -> None:
    tape = Tape(no_room)
    tracemalloc.start()
    try:
        for _ in range(64):
            await tape.put(bytes(WINDOW_BYTES))
        assert tracemalloc.get_traced_memory()[1] < 3 * WINDOW_BYTES
    finally:
        tracemalloc.stop()
    with pytest.raises(TapeLost):
        tape.read()
    with pytest.raises(TapeLost):
        tape.read(tape.size - 1)
    reader = tape.read(tape.size)
    await tape.put(b"more")
    assert await anext(reader) == b"more"


async def test_what_is_on_disk_stays_until_no_reader_needs_it(tmp_path: Path) -> None:
    with closing(Spools(tmp_path, 2 * WINDOW_BYTES, memory_bytes=0)) as spools:
        tape = Tape(spools)
        first = tape.read()
        for _ in range(3):
            await tape.put(FULL)
        assert not tape.whole
        assert spools.used_bytes == 2 * WINDOW_BYTES
        second = tape.read()
        putting = asyncio.ensure_future(tape.put(b"more"))
        of_disk = [PIECE_BYTES, PIECE_BYTES, 2 * WINDOW_BYTES - 2 * PIECE_BYTES]
        assert [len(await anext(first)) for _ in range(4)] == [*of_disk, WINDOW_BYTES]
        assert not putting.done()
        assert [len(await anext(second)) for _ in range(3)] == of_disk
        await gone(tmp_path)
        assert spools.used_bytes == 0
        assert await anext(second) is FULL
        await putting
        tape.close()
        assert [await bytes_of(first), await bytes_of(second)] == [b"more", b"more"]
        with pytest.raises(TapeLost):
            tape.read()


async def test_a_full_disk_is_as_no_room(spools: Spools, tmp_path: Path) -> None:
    tape = await filled(spools, FULL)
    reader = tape.read()
    with full_disk(WINDOW_BYTES + SMALL):
        await tape.put(FULL)
    assert not tape.whole
    tape.close()
    assert await bytes_of(reader) == FULL + FULL
    await gone(tmp_path)
    assert spools.used_bytes == 0


async def test_what_is_dropped_is_nowhere(spools: Spools, tmp_path: Path) -> None:
    tape = await filled(spools, FULL, b"more")
    reading = asyncio.ensure_future(bytes_of(tape))
    begun, done = tape.read(), tape.read(WINDOW_BYTES + 4)
    await anext(begun)
    tape.drop()
    tape.drop()
    with pytest.raises(TapeLost):
        await anext(begun)
    with pytest.raises(TapeLost):
        await reading
    with pytest.raises(TapeLost):
        tape.read()
    for _ in range(3):
        await tape.put(FULL)
    tape.close()
    assert not tape.whole
    await gone(tmp_path)
    assert spools.used_bytes == 0
    assert done.at < tape.size


@pytest.mark.parametrize("ends", [Tape.drop, lambda tape: tape.leave(0)], ids=["dropped", "left"])
async def test_who_waits_for_more_is_told_that_none_will_come(spools: Spools, ends: Callable[[Tape], None]) -> None:
    tape = await filled(spools, b"some")
    reader = tape.read()
    assert await anext(reader) == b"some"
    waiting = asyncio.ensure_future(anext(reader))
    await turns()
    ends(tape)
    with pytest.raises(TapeLost):
        await waiting


async def test_who_has_read_everything_is_not_told_that_it_is_dropped(spools: Spools) -> None:
    tape = await filled(spools, b"all")
    reader = tape.read()
    await anext(reader)
    tape.close()
    tape.drop()
    assert await bytes_of(reader) == b""


async def test_half_a_gigabyte_passes_in_flat_memory(spools: Spools, tmp_path: Path) -> None:
    """The reader comes to half of it by the time all of it is there."""
    tape = Tape(spools)
    read = 0
    tracemalloc.start()
    try:
        reader = tape.read()
        for number in range(500 * 16):
            await tape.put(bytes(64 * 1024))
            if number % 24 == 0:
                read += len(await anext(reader))
        tape.close()
        assert read < 0.6 * tape.size
        async for piece in reader:
            read += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == tape.size == 500 * 1024 * 1024
    assert peak < 6 * 1024 * 1024, f"{peak / 1024 / 1024:.1f} MiB"
    tape.drop()
    await gone(tmp_path)


async def test_one_that_may_not_be_on_disk_is_not_whole_when_it_is_long(spools: Spools, tmp_path: Path) -> None:
    tape = Tape(spools, on_disk=False)
    reader = tape.read()
    for _ in range(2):
        await tape.put(b"x" * (WINDOW_BYTES // 2))
    assert not tape.whole
    tape.close()
    assert len(b"".join([piece async for piece in reader])) == WINDOW_BYTES
    assert files(tmp_path) == []
