"""`python -m tests.kills`: gateways killed under load, again and again, and the books beside the seller's bill."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.kills.rig import CRASHES, played


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="kills of each kind (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main() -> None:
    asked = words().parse_args()
    wrong: list[str] = []
    for name, crash in CRASHES.items():
        with tempfile.TemporaryDirectory() as place:
            books, faults, answered = played(Path(place), crash, seed=asked.seed, rounds=asked.rounds)
        print(
            f"{name}: {asked.rounds} kills, {answered} calls answered, {books.charged.total()} attempts charged, "
            f"{books.unsettled.total()} unsettled, {len(faults)} faults"
        )
        wrong += faults
    print(*wrong[:20], sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
