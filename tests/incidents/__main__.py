"""`python -m tests.incidents hang part --out DIR`: incidents with real processes, beside their simulation."""

import argparse
import csv
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gateway.config.settings import Settings
from gateway.rehearse.drawing import timeline
from gateway.rehearse.played import Played
from gateway.rehearse.scenarios import SCENARIOS, Scenario
from tests.incidents.books import Audit
from tests.incidents.compared import Compared, compared, figures_of, prices_of, settings_at, simulated
from tests.incidents.rig import Result, Rig, play

# What callers are told in place of a picture, in either format.
_CODE = re.compile(r'"(?:reason|code)": ?"(\w+)"')

_BY_NAME = {each.name: each for each in SCENARIOS}


def both(real: Played, simulated: Played, scenario: Scenario, settings: Settings, title: str) -> str:
    """The two pictures side by side, drawn by the same hand."""
    prices = prices_of(settings)
    pictures = (
        timeline(real, scenario, prices, f"{title}: real processes"),
        timeline(simulated, scenario, prices, f"{title}: the simulation"),
    )
    beside = "".join(
        picture.replace("<svg ", f'<svg x="{at * 960}" width="960" height="640" ', 1)
        for at, picture in enumerate(pictures)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1920 640">{beside}</svg>\n'


def _play(scenario: Scenario, rig: Rig, told: argparse.Namespace) -> bool:
    """Plays one, prints what came of it, and writes its picture; whether everything is as it should be."""
    with tempfile.TemporaryDirectory(prefix="incident") as home:
        settings = settings_at(Path(home))
        result = play(scenario, rig, told.seed, Path(home) / "played")
    runs = [simulated(scenario, settings, told.seed, dice) for dice in range(told.dice)]
    rows = compared(
        figures_of(result.played, scenario, settings), [figures_of(run, scenario, settings) for run in runs]
    )
    print(f"\n{scenario.name}: {scenario.what}; {rig.replicas} gateways, {rig.speed:g} x as fast\n")
    _print(rows)
    _print_rest(result)
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        name = f"{scenario.name}-{rig.replicas}"
        (told.out / f"{name}.svg").write_text(both(result.played, runs[0], scenario, settings, scenario.name))
        _write(told.out / f"{name}.csv", rows)
    return result.audit.balanced and not result.disagreements and all(row.agrees for row in rows)


def _print(rows: Sequence[Compared]) -> None:
    print(f"{'':12}{'real':>9}{'simulated':>11}{'from':>9}{'to':>9}  rule")
    for row in rows:
        cells = "".join(f"{_shown(value):>{wide}}" for value, wide in zip(_values(row), (9, 11, 9, 9), strict=True))
        print(f"{row.name:12}{cells}  {row.rule:6}{'' if row.agrees else '  differs'}")


def _print_rest(result: Result) -> None:
    audit: Audit = result.audit
    print(f"\nbill ${audit.billed / 1e9:.9f} = keys ${audit.keys_spent / 1e9:.9f}", end="")
    print(f" + operator ${(audit.operator_spent - audit.cut.booked) / 1e9:.9f}", end="")
    print(f" + given up ${audit.unsettled.billed / 1e9:.9f} + cut off ${audit.cut.billed / 1e9:.9f}: ", end="")
    print("exact" if audit.balanced else "NOT EXACT")
    for name, apart in (("given up", audit.unsettled), ("cut off", audit.cut)):
        print(f"{name}: {apart.attempts} attempts, booked ${apart.booked / 1e9:.9f}, billed ${apart.billed / 1e9:.9f}")
    for fault in (*audit.faults, *result.disagreements):
        print(f"  {fault}")
    print(f"to half of the answers the machine added {result.machine_s:.2f} s or more, of the incident's seconds")
    for number, each in enumerate(result.stillness):
        print(f"gateway {number} woke {each['beats']} times, {each['stood_still']} of them more than 1 s late", end="")
        print(f", at most {each['worst_s']:.1f} s")
    why = Counter((came.status, "".join(_CODE.findall(came.why)[:1])) for came in result.unserved)
    for (status, code), calls in why.most_common():
        print(f"{calls} calls of all got no picture: status {status} {code}")


def _values(row: Compared) -> tuple[float | None, ...]:
    return row.real, row.middle, row.low, row.high


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if value < 2 else f"{value:.1f}"


def _write(path: Path, rows: Sequence[Compared]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("figure", "real", "simulated", "from", "to", "rule", "agrees"))
        table.writerows((row.name, *_values(row), row.rule, row.agrees) for row in rows)


def words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m tests.incidents", description=__doc__)
    words.add_argument("incident", nargs="+", choices=_BY_NAME, metavar="INCIDENT", help=f"of {', '.join(_BY_NAME)}")
    words.add_argument("--replicas", type=int, default=1, help="gateways that share a store")
    words.add_argument("--speed", type=float, default=20.0, help="so many times as fast as it is meant")
    words.add_argument("--rate", type=float, help="calls a second, in place of the incident's own")
    words.add_argument("--seed", type=int, default=0, help="of the calls, in both, and of the seller's dice")
    words.add_argument("--dice", type=int, default=20, help="throws of the seller's dice in the simulation")
    words.add_argument("--out", type=Path, help="writes a picture and the figures of each")
    return words


def main() -> int:
    told = words().parse_args()
    good = True
    for name in told.incident:
        scenario = _BY_NAME[name]
        scenario = replace(scenario, rate=told.rate or scenario.rate)
        good &= _play(scenario, Rig(told.replicas, told.speed), told)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
