"""What of tapes is on a real disk: counted while it is there, a file where it is kept, and never left behind."""

import asyncio
import gc
import stat
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from gateway.vault.spools import Spools
from gateway.vault.tape import WINDOW_BYTES, TapeLost
from tests.ledger.test_journal import full_disk
from tests.vault.tapes import FULL, PLENTY, bytes_of, files, filled, gone


async def test_a_tape_that_nobody_dropped_is_found(spools: Spools, tmp_path: Path) -> None:
    tape = await filled(spools, FULL)
    del tape
    gc.collect()
    assert spools.used_bytes == WINDOW_BYTES
    other = await filled(spools, FULL)
    assert spools.used_bytes == WINDOW_BYTES
    other.drop()
    await gone(tmp_path)


@pytest.mark.parametrize("chunks", [[], [b"small"], [FULL], [FULL, b"more"]])
async def test_a_tape_becomes_a_file_and_whoever_reads_goes_on(tmp_path: Path, chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    place = tmp_path / "kept"
    with closing(Spools(tmp_path, PLENTY, memory_bytes=0)) as spools:
        tape = await filled(spools, *chunks)
        before = tape.read()
        read = await anext(before) if chunks else b""
        tape.close()
        await tape.keep(place)
        assert place.read_bytes() == whole
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert files(tmp_path) == [place]
        assert spools.used_bytes == 0
        assert await bytes_of(tape) == whole
        assert read + await bytes_of(before) == whole
        tape.drop()
    assert files(tmp_path) == [place]
    assert place.read_bytes() == whole


async def test_a_tape_that_cannot_be_kept_is_as_before(spools: Spools, tmp_path: Path) -> None:
    tape = await filled(spools, FULL, b"more")
    tape.close()
    with pytest.raises(FileNotFoundError):
        await tape.keep(tmp_path / "no such folder" / "kept")
    with full_disk(WINDOW_BYTES), pytest.raises(OSError, match="too large"):
        await tape.keep(tmp_path / "kept")
    assert spools.used_bytes == WINDOW_BYTES
    await tape.keep(tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == FULL + b"more"


async def test_a_tape_that_is_dropped_while_it_is_kept_is_kept_whole_or_not_at_all(
    spools: Spools, tmp_path: Path
) -> None:
    place = tmp_path / "kept"
    for _ in range(20):
        tape = await filled(spools, FULL, b"more")
        tape.close()
        keeping = asyncio.ensure_future(tape.keep(place))
        await asyncio.sleep(0)
        tape.drop()
        await asyncio.wait([keeping])
        assert (place.read_bytes() == FULL + b"more") if keeping.exception() is None else not files(tmp_path)
        place.unlink(missing_ok=True)
        assert spools.used_bytes == 0


async def test_a_tape_that_is_not_whole_is_not_kept(no_room: Spools, tmp_path: Path) -> None:
    tape = await filled(no_room, FULL)
    tape.close()
    with pytest.raises(TapeLost):
        await tape.keep(tmp_path / "kept")
    assert files(tmp_path) == []


OTHER = """
    import asyncio, sys
    from pathlib import Path
    from gateway.vault.spools import Spools
    from gateway.vault.tape import Tape

    async def main():
        tape = Tape(Spools(Path(sys.argv[1]), 1 << 30, memory_bytes=0))
        await tape.put(bytes(1 << 20))
        print("written", flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""


def test_what_a_killed_process_left_goes_and_what_a_running_one_has_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(OTHER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"written\n"
        Spools(tmp_path, PLENTY, memory_bytes=0).close()
        assert len(files(tmp_path)) == 1
        other.kill()
    Spools(tmp_path, PLENTY, memory_bytes=0).close()
    assert list(tmp_path.iterdir()) == []
