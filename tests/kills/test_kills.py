"""A gateway killed at any moment loses nothing: the seller's bill is in the books, and callers' money is free again."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from redis import Redis

from tests.house import Simulator
from tests.kills.rig import Books, Home, Load, faults, kill, until
from tests.losable import LosableStore

CALLERS = 8

Crash = Callable[[random.Random, LosableStore, "Popen[str]"], None]


def at_any_moment(dice: random.Random, _: LosableStore, process: "Popen[str]") -> None:
    time.sleep(dice.uniform(0.5, 3.0))
    kill(process)


def before_the_store_has_it(dice: random.Random, store: LosableStore, process: "Popen[str]") -> None:
    """What is finished meanwhile is in the journal alone."""
    time.sleep(dice.uniform(0.5, 1.5))
    with store.away():
        time.sleep(dice.uniform(0.2, 3.0))
        kill(process)


@contextmanager
def played(place: Path, crash: Crash, *, seed: int, rounds: int) -> Iterator[tuple[Books, list[str]]]:
    """The books after so many crashes, and what is wrong with them."""
    dice = random.Random(seed)
    (place / "store").mkdir()
    with (
        LosableStore.started(place / "store") as store,
        Simulator.started("--speed", "20", "--light") as seller,
    ):
        home = Home(place, seller, store.url)
        load = Load(home.new_key(), callers=CALLERS, dice=dice)
        for _ in range(rounds):
            with home.serving() as (load.url, process), load.on():
                crash(dice, store, process)
        assert load.answered > rounds
        with home.serving():
            until(lambda: len(home.journals()) == 1)
            until(lambda: not _busy(seller))
            with Redis.from_url(store.url, decode_responses=True) as raw:
                books = Books.of(raw)
        assert home.journals() == []
        # Each caller has two pictures in flight at most, and each of these two attempts.
        yield books, faults(books, seller.bill(), in_flight=rounds * CALLERS * 4)


def test_a_gateway_that_is_killed_under_load_loses_nothing(tmp_path: Path) -> None:
    with played(tmp_path, at_any_moment, seed=1, rounds=4) as (books, wrong):
        assert wrong == []
        assert books.charged
        assert books.unsettled, "somebody's picture was being drawn"


def test_nor_one_that_is_killed_while_the_store_is_away(tmp_path: Path) -> None:
    with played(tmp_path, before_the_store_has_it, seed=2, rounds=4) as (books, wrong):
        assert wrong == []
        assert books.charged


def _busy(seller: Simulator) -> bool:
    before = len(seller.bill())
    time.sleep(2.0)
    return len(seller.bill()) != before
