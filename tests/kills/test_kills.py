"""Whatever befalls a gateway or its store under load: the seller's bill is in the books, once, and nothing is held."""

from pathlib import Path

import pytest

from tests.kills.crashes import CRASHES
from tests.kills.rig import played

# How often each is played here; `python -m tests.kills` plays the others too, and all of them more often.
ROUNDS = {
    "moment": 3,
    "promised": 3,
    "worker": 3,
    "embedded": 2,
    "away": 2,
    "emptied": 1,
    "paused": 1,
    "unheard": 1,
    "sentinel": 1,
    "cluster": 1,
}


@pytest.mark.parametrize("name", ROUNDS)
def test_nothing_is_lost_and_nobody_pays_twice(tmp_path: Path, name: str) -> None:
    found = played(tmp_path, CRASHES[name], seed=1, rounds=ROUNDS[name])
    assert found.faults == []
    assert found.answered
    assert found.books.charged
