"""A gateway killed at any moment loses nothing: the seller's bill is in the books, and callers' money is free again."""

from pathlib import Path

from tests.kills.rig import (
    at_any_moment,
    before_the_store_has_it,
    played,
    with_a_store_that_goes_back,
    with_its_embedded_store,
)


def test_a_gateway_that_is_killed_under_load_loses_nothing(tmp_path: Path) -> None:
    books, wrong, answered = played(tmp_path, at_any_moment, seed=1, rounds=4)
    assert wrong == []
    assert answered > 4
    assert books.charged
    assert books.unsettled, "somebody's picture was being drawn"


def test_nor_one_that_is_killed_with_its_embedded_store(tmp_path: Path) -> None:
    books, wrong, answered = played(tmp_path, with_its_embedded_store, seed=4, rounds=3)
    assert wrong == []
    assert answered > 3
    assert books.charged


def test_nor_one_that_is_killed_while_the_store_is_away(tmp_path: Path) -> None:
    books, wrong, answered = played(tmp_path, before_the_store_has_it, seed=2, rounds=4)
    assert wrong == []
    assert answered > 4
    assert books.charged


def test_nor_one_whose_store_goes_back(tmp_path: Path) -> None:
    books, wrong, answered = played(tmp_path, with_a_store_that_goes_back, seed=3, rounds=2)
    assert wrong == []
    assert answered > 4
    assert books.charged
