"""What answers that are written anew cost in memory, in a gateway of its own: never a copy of each picture."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.wire import crowds, targets
from tests.bench.wire.callers import Callers
from tests.bench.wire.cases import CROWDS, MB, SMALL, Crowd
from tests.bench.wire.targets import Target

PICTURE = 16 * MB
WARM = Crowd("small ones", "once", 20, SMALL)
WRITTEN_ANEW = [crowd for crowd in CROWDS if crowd.kind == "once" and crowd.route != "native"]


@pytest.fixture
def callers(tmp_path: Path) -> Iterator[Callers]:
    with Callers.started(tmp_path / "callers") as started:
        yield started


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Target]:
    with (
        targets.seller(tmp_path) as seller,
        targets.store(tmp_path) as store,
        targets.gateway(tmp_path, seller, store) as started,
    ):
        yield started


@pytest.mark.parametrize("crowd", WRITTEN_ANEW, ids=lambda crowd: crowd.name)
def test_so_many_at_once_take_less_than_a_picture_each(crowd: Crowd, gateway: Target, callers: Callers) -> None:
    for route in ("native", crowd.route):
        crowds.one(gateway, Crowd(f"{WARM.name}, {route}", WARM.kind, WARM.count, WARM.says, route=route), callers)
    came = crowds.one(gateway, crowd, callers)
    assert came.failed == 0
    assert came.kb * 1024 < PICTURE, "each had a copy of its picture, or more"
