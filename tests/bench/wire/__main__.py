"""`python -m tests.bench.wire`: the gateway beside nginx, each on one core, in turns.

CPU by call and by MB is what to trust; rates and times are ratios at best.

Prints a table of medians, and of the ratios to nginx in the same rounds. `--json FILE` keeps every figure, and
`--plot FILE` draws the ratios.
"""

import argparse
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tests.bench.wire import crowds, meter, targets
from tests.bench.wire.callers import Callers
from tests.bench.wire.cases import CLOSED, CROWDS, MB, Case
from tests.bench.wire.load import Job
from tests.bench.wire.plot import plot
from tests.bench.wire.targets import Target
from tests.waiting import until

# Of a core, in so many seconds: what a gateway does by itself is less.
_RESTING, _LOOK_S = 0.2, 0.3


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one round. `cpu_ms` by the case's unit; `rate` is calls, or MB, a second."""

    cpu_ms: float
    rate: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    failed: int


def one(target: Target, case: Case, callers: Callers, seconds: float) -> Figures:
    job = Job(
        "closed",
        target.port,
        case.head() + target.head,
        callers.body(case),
        connections=case.connections,
        seconds=seconds,
    )
    pids = target.pids
    before = meter.cpu_s(pids)
    came = callers.do(job)
    cpu_s = meter.cpu_s(pids) - before
    done = came["calls"]
    if case.unit == "MB":
        done = came["calls"] * case.upload / MB if case.upload else came["bytes"] / MB
    rate = done / came["seconds"]
    return Figures(
        cpu_s / max(done, 1e-9) * 1000,
        rate,
        came["p50_ms"],
        came["p99_ms"],
        meter.pss_bytes(pids) / 1e6,
        came["failed"],
    )


def rounds(
    found: list[Target], cases: list[Case], callers: Callers, count: int, seconds: float
) -> dict[str, dict[str, list[Figures]]]:
    """By case and target, each round's."""
    figures: dict[str, dict[str, list[Figures]]] = {case.name: {each.name: [] for each in found} for case in cases}
    for case in cases:
        able = [each for each in found if case.route == "native" or each.translates or each.name == "nginx"]
        for number in range(-1, count):  # the first is to warm up
            turn = max(number, 0) % len(able)
            for target in able[turn:] + able[:turn]:
                until(lambda target=target: rests(target))  # type: ignore[misc]
                asked = case if target.translates else native(case)
                came = one(target, asked, callers, seconds if number >= 0 else min(seconds, 0.4))
                if number >= 0:
                    figures[case.name][target.name].append(came)
    return figures


def rests(target: Target) -> bool:
    """Whether it does nothing any more for callers who hung up at the end of the last round."""
    pids = target.pids
    before = meter.cpu_s(pids)
    time.sleep(_LOOK_S)
    return meter.cpu_s(pids) - before < _RESTING * _LOOK_S


def native(case: Case) -> Case:
    """What whoever translates nothing is asked instead."""
    return Case(case.name, case.connections, case.says, case.unit, case.upload)


def table(figures: dict[str, dict[str, list[Figures]]]) -> str:
    columns = ("CPU ms", "x nginx", "rate/s", "p50 ms", "p99 ms", "MB", "failed")
    lines = [f"{'case':16} {'target':12}" + "".join(f"{column:>11}" for column in columns)]
    for case, by_target in figures.items():
        floors = by_target.get("nginx", [])
        lines += [f"{case:16} {name:12}" + _row(each, floors) for name, each in by_target.items() if each]
    return "\n".join(lines)


def _row(each: list[Figures], floors: list[Figures]) -> str:
    middle = {field.name: statistics.median(getattr(one, field.name) for one in each) for field in fields(Figures)}
    ratio = f"{ratio_of(each, floors):11.2f}" if floors else f"{'':11}"
    return (
        f"{middle['cpu_ms']:11.4f}{ratio}{middle['rate']:11,.0f}{middle['p50_ms']:11.3f}{middle['p99_ms']:11.3f}"
        f"{middle['rss_mb']:11.0f}{sum(one.failed for one in each):11}"
    )


def ratio_of(each: list[Figures], floors: list[Figures]) -> float:
    """How many times the floor's CPU, at the median of the rounds."""
    return statistics.median(mine.cpu_ms / floor.cpu_ms for mine, floor in zip(each, floors, strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", help="only these, by what their names begin with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.2, help="of each case in each round")
    parser.add_argument("--without-nginx", action="store_true")
    parser.add_argument("--tls", action="store_true", help="the seller speaks TLS")
    parser.add_argument("--untuned", action="store_true", help="a gateway with tuning: false as well")
    parser.add_argument("--json", type=Path, help="where to keep every figure")
    parser.add_argument("--plot", type=Path, help="where to draw the ratios to nginx, as SVG")
    chosen = parser.parse_args()
    wanted = chosen.case or [""]
    cases = [case for case in CLOSED if any(case.name.startswith(each) for each in wanted)]
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        place = Path(home)
        seller = stack.enter_context(targets.seller(place, tls=chosen.tls))
        found = [] if chosen.without_nginx else [stack.enter_context(targets.nginx(place, seller))]
        store_url = stack.enter_context(targets.store(place))
        found.append(stack.enter_context(targets.gateway(place, seller, store_url)))
        if chosen.untuned:
            other = targets.gateway(place, seller, store_url, name="untuned", more="tuning: false\n")
            found.append(stack.enter_context(other))
        callers = stack.enter_context(Callers.started(place / "callers"))
        figures = rounds(found, cases, callers, chosen.rounds, chosen.seconds)
        crowded = [
            (crowd.name, target.name, crowds.one(target, crowd, callers))
            for crowd in CROWDS
            if any(crowd.name.startswith(each) for each in wanted)
            for target in found
        ]
    print(table(figures))
    print(crowds.table(crowded))
    if chosen.json:
        told = {
            "cases": {
                case: {name: [asdict(one) for one in each] for name, each in by.items()} for case, by in figures.items()
            },
            "crowds": [{"crowd": crowd, "target": target, **asdict(each)} for crowd, target, each in crowded],
        }
        chosen.json.write_text(json.dumps(told, indent=1) + "\n")
    if chosen.plot:
        ratios = {case: ratio_of(by["gateway"], by["nginx"]) for case, by in figures.items() if by.get("nginx")}
        chosen.plot.write_text(plot(ratios))


if __name__ == "__main__":
    main()
