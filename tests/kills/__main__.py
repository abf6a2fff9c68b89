"""`python -m tests.kills`: gateways killed at random moments under load, or at every boundary, and their books."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.kills.boundaries import BOUNDARIES, PROMISED
from tests.kills.crashes import CRASHES
from tests.kills.rig import played
from tests.kills.stage import Stage

BOUNDARY, EVERY = "boundaries", "every"


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[EVERY, BOUNDARY, *CRASHES], default=EVERY, help="every: each crash")
    parser.add_argument("--rounds", type=int, default=100, help="crashes of each kind (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main() -> None:
    asked = words().parse_args()
    wrong: list[str] = []
    usual = [name for name, crash in CRASHES.items() if not crash.long]
    for name in asked.what if EVERY not in asked.what else usual:
        began = time.monotonic()
        told = list(_boundaries()) if name == BOUNDARY else _crash(name, seed=asked.seed, rounds=asked.rounds)
        print(f"{name}: {time.monotonic() - began:.0f} s, {len(told)} faults", *told[:20], sep="\n  ", flush=True)
        wrong += told
    sys.exit(bool(wrong))


def _boundaries() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as place, Stage.set(Path(place)) as stage:
        for boundary in (*BOUNDARIES, *PROMISED):
            faults = stage.play(boundary)
            print(f"  {boundary.name}: {len(faults)} faults", flush=True)
            yield from faults
        yield from stage.play_healing()


def _crash(name: str, *, seed: int, rounds: int) -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        found = played(Path(place), CRASHES[name], seed=seed, rounds=rounds)
    charged, unsettled = found.books.charged.total(), found.books.unsettled.total()
    print(
        f"{name}: {rounds} crashes, {found.kills} kills, {found.answered} calls answered, {charged} attempts charged, "
        f"{unsettled} unsettled"
    )
    return found.faults


if __name__ == "__main__":
    main()
