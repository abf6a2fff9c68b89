"""`python -m tests.bench.workers`: a gateway of several workers beside one of one, in turns, each on all cores.

The callers, the seller and the store run on the same machine: where it has no cores to spare for them, the rate says
less than what a call costs. `fits` is how many calls a second there is time for where each worker has a core to itself.
"""

import argparse
import os
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path

from tests.bench.wire import meter, targets
from tests.bench.wire.callers import Callers
from tests.bench.wire.cases import SMALL, Case
from tests.bench.wire.load import Job
from tests.bench.wire.targets import Target

CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one round. `cpu_ms` is a call's, `others_ms` what callers, seller and store took beside it."""

    rate: float
    cpu_ms: float
    others_ms: float
    fits: float
    p50_ms: float
    p99_ms: float
    failed: int


def one(target: Target, case: Case, callers: Callers, seconds: float) -> Figures:
    job = Job("closed", target.port, case.head() + target.head, callers.body(case), case.connections, seconds)
    others = [pid for pid in meter.descendants(os.getpid()) if pid not in target.pids]
    before, before_others = meter.cpu_s(target.pids), meter.cpu_s(others)
    came = callers.do(job)
    calls = max(came["calls"], 1)
    cpu_s, others_s = meter.cpu_s(target.pids) - before, meter.cpu_s(others) - before_others
    workers = max(len(target.pids) - 1, 1)  # but for the parent
    return Figures(
        calls / came["seconds"],
        cpu_s / calls * 1000,
        others_s / calls * 1000,
        workers * calls / cpu_s,
        came["p50_ms"],
        came["p99_ms"],
        came["failed"],
    )


def on_all_cores(target: Target) -> None:
    for pid in target.pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), os.sched_getaffinity(0))


def memory(target: Target) -> str:
    """In MB, what several share to each its part: of the parent, if there is one, and of each worker."""
    return " + ".join(f"{meter.pss_bytes([pid]) / 1e6:.0f}" for pid in target.pids)


def row(workers: int, rounds: list[Figures], idle: str) -> str:
    middle = (statistics.median(getattr(each, field.name) for each in rounds) for field in fields(Figures))
    return f"{workers:7}" + "".join(f"{each:11,.2f}" for each in middle) + f"  {idle}"


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workers", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each in each round")
    return parser


def main() -> None:
    asked = words().parse_args()
    case = Case("small", asked.connections, SMALL)
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        place = Path(home)
        seller, store = stack.enter_context(targets.seller(place)), stack.enter_context(targets.store(place))
        found = {
            workers: stack.enter_context(
                targets.gateway(place, seller, store, name=f"of {workers}", more=f"workers: {workers}\n")
            )
            for workers in (1, asked.workers)
        }
        callers = stack.enter_context(Callers.started(place / "callers"))
        idle = {workers: memory(target) for workers, target in found.items()}
        for target in found.values():
            on_all_cores(target)
            one(target, case, callers, asked.seconds)  # to warm up
        rounds: dict[int, list[Figures]] = {workers: [] for workers in found}
        for number in range(asked.rounds):
            for workers in sorted(found, reverse=number % 2 == 1):
                rounds[workers].append(one(found[workers], case, callers, asked.seconds))
    print("workers" + "".join(f"{field.name:>11}" for field in fields(Figures)) + "  idle MB, parent first")
    for workers, each in rounds.items():
        print(row(workers, each, idle[workers]))
    ratios = [more.rate / less.rate for less, more in zip(*rounds.values(), strict=True)]
    print(f"rate of {asked.workers} to that of 1, median of the rounds: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
