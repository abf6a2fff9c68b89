"""What a rehearsal learns of how long answers took: from a gateway's log, or from a table."""

import json
import random
from statistics import median

import pytest

from gateway.rehearse.history import ENOUGH, Unusable, history_of
from gateway.rehearse.world import MEDIAN_S, World
from tests.facts import DEFAULT, FLASH, ask


def logged(size: str, seconds: object, **more: object) -> str:
    row = {"event": "call", "model": FLASH.id, "size": size, "code": "ok", "attempts": 1, "seconds": seconds}
    return json.dumps(row | more)


def test_calls_that_one_attempt_served_are_taken_from_a_log() -> None:
    lines = [
        logged("1K", 4.5),
        logged("4K", 31.25, group="NanoBananaEnterprise"),
        logged("1K", 90.0, attempts=2),
        logged("1K", 90.0, code="upstream_timeout"),
        logged("1K", 90.0, model="pro"),
        logged("1K", 90.0, drill="slow"),
        json.dumps({"event": "attempt_late", "lane": "default"}),
    ]
    assert history_of(lines, FLASH).observed == {("1K", False): [4.5], ("4K", False): [31.25]}
    assert history_of(lines, FLASH).unread == 0


def test_a_table_may_say_which_were_told_to_think() -> None:
    lines = ["size,seconds,thinking\n", "1K,5.5,\n", "1K,17,high\n", "\n", "2K,soon,\n", "8K,3,\n"]
    told = history_of(lines, FLASH)
    assert told.observed == {("1K", False): [5.5], ("1K", True): [17.0]}
    assert told.unread == 1


def test_lines_that_are_neither_are_counted() -> None:
    told = history_of(["INFO: started\n", logged("1K", 4.5), "[]", logged("1K", None), logged("1K", -1)], FLASH)
    assert (told.observed, told.unread) == ({("1K", False): [4.5]}, 4)
    assert "lines that could not be read: 4" in told.said()


@pytest.mark.parametrize("lines", [[], ["{}"], ["size;seconds"], ["size,seconds"], [logged("1K", 4.5, attempts=2)]])
def test_a_file_that_tells_nothing_is_refused_with_what_is_expected(lines: list[str]) -> None:
    with pytest.raises(Unusable, match="size,seconds"):
        history_of(lines, FLASH)


def test_of_an_empty_file_no_line_is_missed() -> None:
    with pytest.raises(Unusable, match="could not be read: 0"):
        history_of([], FLASH)


def test_a_size_that_was_seen_too_seldom_is_left_to_the_assumption() -> None:
    told = history_of(["size,seconds", *["1K,3"] * ENOUGH, *["4K,9"] * (ENOUGH - 1)], FLASH)
    assert set(told.enough) == {("1K", False)}
    assert told.said() == "latencies observed: 1K 50, 4K 49 (too few); all others as assumed"


def test_the_world_takes_as_long_as_was_observed() -> None:
    world = World([], random.Random(1), hangs=0.0, observed={("1K", False): [3.0, 4.0]})

    def took(size: str) -> list[float]:
        fates = (world.fate(DEFAULT, ask(size=size), 0.0, in_flight=0, replica=0) for _ in range(200))
        return [fate.takes_s or 0.0 for fate in fates]

    assert set(took("1K")) == {3.0, 4.0}
    assert median(took("4K")) == pytest.approx(MEDIAN_S["4K"], rel=0.2)
