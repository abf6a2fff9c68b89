"""The measure of workers: it runs, and what it asks for comes. Nothing is judged."""

import subprocess
import sys


def test_one_and_two_are_measured() -> None:
    command = [sys.executable, "-m", "tests.bench.workers", "--rounds", "1", "--seconds", "0.5", "--connections", "8"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    rows = [line.replace(" + ", "+").split() for line in said[1:3]]
    assert [(row[0], row[7]) for row in rows] == [("1", "0.00"), ("2", "0.00")]  # none failed
    assert [row[8].count("+") for row in rows] == [0, 2]
