"""`python -m tests.bench.vault`: results through a cap, each read while it comes and once more when it is kept.

Eight at a time, of ten teams; what was read makes way for what comes. It needs the cap on the disk, and a little
more; a bucket
is told of by `--bucket s3://BUCKET/PREFIX` and the environment, and then its disk is not looked at.
"""

import argparse
import asyncio
import os
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.vault.bucket import Bucket
from gateway.vault.folder import Folder
from gateway.vault.records import MIB, Label, Rank, Result, ResultCaps
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.store import Store
from gateway.vault.tape import Tape

AT_ONCE = 8
TEAMS = 10
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Passage:
    """What passed: `left` is still kept; `most_bytes` were on the disk at a time, `grown_bytes` more in memory."""

    results: int
    whole: int
    left: int
    most_bytes: int
    grown_bytes: int
    took_s: float


class Run:
    def __init__(self, folder: Path, spools: Spools, store: Store, size: int, cap: int) -> None:
        self._folder = folder
        self._spools = spools
        self._size = size
        self._results = Results(store, b"a secret", ResultCaps(all_bytes=cap, team_bytes=cap))
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._most_bytes = 0

    async def passage(self, count: int) -> Passage:
        await self._results.sweep(time.time())
        before, began = peak_bytes(), time.monotonic()
        whole = sum(await asyncio.gather(*(self._one(number) for number in range(count))))
        took_s = time.monotonic() - began
        left = [number for number in range(count) if await self._found(number)]
        return Passage(count, whole, len(left), self._most_bytes, peak_bytes() - before, took_s)

    async def _one(self, number: int) -> bool:
        async with self._turn:
            tape = Tape(self._spools)
            _, read = await asyncio.gather(self._write(tape), _length(tape))
            label = Label(f"team-{number % TEAMS}", str(number), "key", Rank.WANTED, {})
            why = await self._results.keep(label, [tape], time.time())
            self._most_bytes = max(self._most_bytes, await asyncio.to_thread(on_disk, self._folder))
            tape.drop()
            result = await self._found(number)
            if why is not None or result is None:
                return False
            again = 0
            async for piece in self._results.read(result, 0):
                again += len(piece)
            await self._results.rerank(result, Rank.GIVEN, time.time())
            return read == again == self._size

    async def _write(self, tape: Tape) -> None:
        for at in range(0, self._size, CHUNK):
            await tape.put(os.urandom(min(CHUNK, self._size - at)))
        tape.close()

    async def _found(self, number: int) -> Result | None:
        return await self._results.find(f"team-{number % TEAMS}", str(number), time.time())


async def _length(tape: Tape) -> int:
    return sum([len(piece) async for piece in tape])


def on_disk(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def peak_bytes() -> int:
    """The most that was in memory since the process began."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def words(passed: Passage, size: int, cap: int) -> str:
    return (
        f"{passed.results} results of {size / 1e6:g} MB through {cap // MIB} MiB in {passed.took_s:.0f} s:"
        f" {passed.whole} read whole twice, {passed.left} still kept;"
        f" at most {passed.most_bytes / MIB:.0f} MiB on disk, memory grew by {passed.grown_bytes / MIB:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=500)
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--cap-mib", type=int, default=2048)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--bucket")
    asked = parser.parse_args()
    size, cap = round(asked.megabytes * 1e6), asked.cap_mib * MIB
    with tempfile.TemporaryDirectory(dir=asked.folder) as home:
        folder = Path(home)
        with closing(Spools(folder / "spools", cap)) as spools:
            store = Bucket(asked.bucket, spools) if asked.bucket else Folder(folder / "results")
            passed = asyncio.run(Run(folder, spools, store, size, cap).passage(asked.results))
    print(words(passed, size, cap))


if __name__ == "__main__":
    main()
