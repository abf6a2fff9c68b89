"""The gateway beside nginx, both on one core and in turns: a guard against a price that has doubled.

What it costs is measured by `python -m tests.bench.wire`; here other tests are at work meanwhile, and the margins wide.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.bench.wire.__main__ import Figures, ratio_of

# As many times nginx's CPU: about twice of what it was when this was written.
MOST = {
    "small, 32": 110.0,
    "2 MB": 8.0,
    "16 MB": 7.0,
    "20 MB request": 5.0,
    "images, 16 MB": 7.0,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the figures of a short run are, and its picture."""
    place = tmp_path_factory.mktemp("floor")
    command = [sys.executable, "-m", "tests.bench.wire", "--rounds", "3", "--seconds", "1"]
    command += [word for case in MOST for word in ("--case", case)]
    subprocess.run([*command, "--json", place / "json", "--plot", place / "svg"], check=True, stdout=subprocess.DEVNULL)
    return place


@pytest.mark.parametrize("case", MOST)
def test_a_case_costs_no_more_times_the_floor_than_about_twice_what_it_did(run: Path, case: str) -> None:
    by_target = json.loads((run / "json").read_text())["cases"][case]
    mine, floors = ([Figures(**one) for one in by_target[name]] for name in ("gateway", "nginx"))
    assert not sum(one.failed for one in mine)
    assert ratio_of(mine, floors) <= MOST[case]


def test_the_picture_has_a_bar_for_each_case(run: Path) -> None:
    drawn = ET.parse(run / "svg").getroot()
    texts = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert set(MOST) <= set(texts)
