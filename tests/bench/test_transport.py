"""The measurement of transports has every way carry every case, and says so in a table and as JSON."""

import json
import subprocess
import sys


def test_every_way_carries_every_case() -> None:
    command = [sys.executable, "-m", "tests.bench.transport", "--rounds", "1", "--scale", "0.02"]
    *table, figures = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = json.loads(figures)
    assert len(table) == len(found) + 1
    assert {len(by_way) for by_way in found.values()} == {4}
    assert all(figure > 0 for by_way in found.values() for figure in by_way.values())
