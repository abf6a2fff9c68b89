"""Crashes played again and again under load; then the books, and the seller's bill beside them."""

import random
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from tests.e2e.test_commands import gateway
from tests.house import Simulator
from tests.kills.books import Books, faults
from tests.kills.crashes import Crash, Scene
from tests.kills.home import Home
from tests.kills.promises import let_go
from tests.kills.stores import RealStore
from tests.waiting import PATIENCE_S, until

CALLERS = 8


@dataclass(frozen=True)
class Played:
    """The books after so many crashes, what is wrong with them, and how many calls had a picture."""

    books: Books
    faults: list[str]
    kills: int
    answered: int


def played(place: Path, crash: Crash[Any], *, seed: int, rounds: int) -> Played:
    dice, kills = random.Random(seed), 0
    with Simulator.started("--speed", "20", "--light") as seller, ExitStack() as stack:
        store = stack.enter_context(crash.store(place))
        home = Home(place, seller=seller.url, store=store.url, workers=crash.workers)
        load = crash.load(home.new_key(), CALLERS, dice=dice)
        for _ in range(rounds):
            _long_ago(store)
            with home.serving() as (load.url, process), load.on():
                crash.play(Scene(dice, home, store, load, process))
                kills += crash.workers > 1 or process.poll() is not None
        _long_ago(store)
        with home.serving() as (load.url, _):
            home.adopted()
            load.finish()
            until(seller.idle)
            books, wrong = _audited(store, seller.bill(), in_flight=kills * CALLERS)  # of each caller one request is
            with store.read() as raw:
                wrong += load.broken(raw, seller.bill())
            gateway(place, "ledger", "verify")  # or it fails with the first entry that is wrong
        assert home.journals() == []
        return Played(books, wrong, kills, load.answered)


def _long_ago(store: RealStore) -> None:
    with suppress(RedisError), store.read() as raw:  # an embedded one does not run without a gateway
        let_go(raw)


def _audited(store: RealStore, bill: list[dict[str, Any]], in_flight: int) -> tuple[Books, list[str]]:
    """The books, and what is wrong with them and does not come to be right within a minute: a store may be healing."""
    patience = time.monotonic() + PATIENCE_S
    while True:
        with store.read() as raw:
            books = Books.of(raw)
        wrong = faults(books, bill, in_flight)
        if not wrong or time.monotonic() > patience:
            return books, wrong
        time.sleep(0.5)
