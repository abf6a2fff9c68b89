"""Room on a disk for the answers of one process."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.vault.spools import Spools
from tests.vault.tapes import PLENTY


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path, PLENTY)) as made:
        yield made


@pytest.fixture
def no_room(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path, 0)) as made:
        yield made
