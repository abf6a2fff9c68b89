"""Wherever in the life of a call or a job its gateway dies: what was billed is in the books once, nothing is held."""

from collections.abc import Iterator

import pytest

from tests.kills.boundaries import BOUNDARIES, PROMISED, Boundary
from tests.kills.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage.set(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.mark.parametrize("boundary", [*BOUNDARIES, *PROMISED], ids=lambda boundary: boundary.name)
def test_a_gateway_that_dies_there_leaves_exact_books(stage: Stage, boundary: Boundary) -> None:
    assert stage.play(boundary) == []


def test_so_does_one_that_dies_while_it_heals_a_store(stage: Stage) -> None:
    assert stage.play_healing() == []
