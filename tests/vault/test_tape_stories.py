"""Any story of one tape: whatever its readers do, and whenever, whoever stays gets everything."""

import asyncio
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.vault.spools import Spools
from gateway.vault.tape import WINDOW_BYTES, Tape, TapeLost
from tests.vault.tapes import PLENTY, bytes_of, chunk_of
from tests.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Reads:
    """One reader: the byte and the turn it begins at, how often it looks away, and after how many steps it leaves."""

    begin: int
    waits: int
    pauses: int
    steps: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """One tape: room on the disk, the sizes of its chunks, its readers, and when, if ever, it is dropped."""

    room: int
    sizes: list[int]
    readers: list[Reads]
    dropped_after: int | None


STORIES = st.builds(
    Story,
    room=st.sampled_from([0, WINDOW_BYTES, 3 * WINDOW_BYTES, PLENTY]),
    sizes=st.lists(st.sampled_from([0, 1, 1000, 64 * 1024, 400_000, WINDOW_BYTES, 1_500_000]), max_size=16),
    readers=st.lists(
        st.builds(
            Reads,
            begin=st.sampled_from([0, 0, 0, 1, 500_000, WINDOW_BYTES, 2_000_000]),
            waits=st.integers(0, 40),
            pauses=st.integers(0, 12),
            steps=st.none() | st.integers(0, 6),
        ),
        max_size=4,
    ),
    dropped_after=st.none() | st.none() | st.integers(0, 16),
)


async def sleeps(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def written(tape: Tape, chunks: list[bytes], dropped_after: int | None) -> None:
    for number, chunk in enumerate(chunks):
        if number == dropped_after:
            asyncio.get_running_loop().call_soon(tape.drop)
        await tape.put(chunk)
        await sleeps(number % 3)
    tape.close()


async def follow(tape: Tape, reads: Reads, whole: bytes) -> None:
    """Fails when a reader who stays gets anything but everything, or one who leaves anything but its beginning."""
    await sleeps(reads.waits)
    try:
        reader = tape.read(reads.begin)
    except TapeLost:
        assert not tape.whole
        return
    read = bytearray()
    steps = 0
    try:
        async for piece in reader:
            read += piece
            steps += 1
            if steps == reads.steps:
                break
            await sleeps(reads.pauses)
        else:
            assert read == whole[reads.begin :]
    except TapeLost:
        assert not tape.whole
        with pytest.raises(TapeLost):
            tape.read()  # only a tape that was dropped fails who is reading
    assert whole[reads.begin :].startswith(read)


async def told(story: Story, folder: Path) -> None:
    chunks = [chunk_of(size, number) for number, size in enumerate(story.sizes)]
    whole = b"".join(chunks)
    with closing(Spools(folder, story.room, memory_bytes=0)) as spools:
        tape = Tape(spools)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            for reads in story.readers:
                tasks.create_task(follow(tape, reads, whole))
            tasks.create_task(written(tape, chunks, story.dropped_after))
        assert tape.size == len(whole)
        if tape.whole:
            assert await bytes_of(tape) == whole
        tape.drop()
        assert spools.used_bytes == 0


@settings(max_examples=150, deadline=None)
@given(STORIES)
def test_whoever_stays_gets_everything_whatever_the_others_do(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(told(story, Path(folder)))
        assert list(Path(folder).iterdir()) == []
