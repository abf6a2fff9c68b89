"""What one worker may have of what a gateway may."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import parse
from gateway.config.settings import ConfigError
from gateway.config.shares import share_of
from gateway.core.crew import Worker

MIB = 1 << 20


def test_the_shares_of_all_workers_come_to_what_is_set(document: dict[str, Any]) -> None:
    document["workers"] = 3
    document["limits"] = {"memory_bytes": 400 * MIB, "spool_bytes": 100 * MIB, "left_calls": 4}
    settings = parse(document, {}, Path("/srv"))
    shares = [share_of(settings, Worker(number, 3)).limits for number in (1, 2, 3)]
    assert [each.left_calls for each in shares] == [2, 1, 1]
    assert sum(each.memory_bytes or 0 for each in shares) == 400 * MIB
    assert sum(each.spool_bytes or 0 for each in shares) == 100 * MIB
    assert {(each.body_bytes, each.results_bytes) for each in shares} == {(100 * MIB, 2048 * MIB)}


def test_what_has_no_limit_has_none_in_a_worker(document: dict[str, Any]) -> None:
    document["limits"] = {"memory_bytes": None, "spool_bytes": None}
    shares = share_of(parse(document, {}, Path("/srv")), Worker(1, 2)).limits
    assert (shares.memory_bytes, shares.spool_bytes) == (None, None)


def test_one_worker_has_all(document: dict[str, Any]) -> None:
    settings = parse(document, {}, Path("/srv"))
    assert share_of(settings, Worker()) == settings


def test_every_worker_may_be_sent_the_largest_request(document: dict[str, Any]) -> None:
    document["limits"] = {"memory_bytes": 250 * MIB}
    for workers in (1, 2):
        document["workers"] = workers
        assert parse(document, {}, Path("/srv")).workers == workers
    document["workers"] = 3
    with pytest.raises(ConfigError) as caught:
        parse(document, {}, Path("/srv"))
    (only,) = caught.value.problems
    assert only.startswith("limits.memory_bytes: must be at least 3 workers times body_bytes")


@pytest.mark.parametrize(
    ("workers", "problem"), [(0, "must be at least 1"), (65, "must be at most 64"), ("two", "must be a whole number")]
)
def test_there_are_so_many_workers_at_most(document: dict[str, Any], workers: object, problem: str) -> None:
    document["workers"] = workers
    with pytest.raises(ConfigError) as caught:
        parse(document, {}, Path("/srv"))
    assert caught.value.problems == (f"workers: {problem}",)
