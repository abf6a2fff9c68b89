"""A gateway in a process of its own that is killed at a random moment under load, and started again; and the audit."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from redis import Redis

from gateway.ledger.embedded import _socket_path
from gateway.ledger.outbox import TURN_EVERY_S
from tests.e2e.test_commands import gateway
from tests.house import Simulator
from tests.kills.books import Books, faults
from tests.kills.home import Ask, Home, kill
from tests.losable import LosableStore
from tests.waiting import PATIENCE_S, until

PROMPTS = (
    *("a boat",) * 8,
    "a boat [sim:busy@Default]",
    "a boat [sim:error@Default]",
    "a boat [sim:slow@Default]",
    "a boat [sim:text-only]",
    "a boat [sim:cut]",
)


@dataclass
class Load:
    """Callers that go on and on, natively and in OpenAI's format, until they are told to stop."""

    secret: str
    url: str = ""
    callers: int = 8
    dice: random.Random = field(default_factory=random.Random)
    answered: int = 0
    _stopped: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)

    @contextmanager
    def on(self) -> Iterator[None]:
        self._stopped = False
        self._threads = [threading.Thread(target=self._call_on_and_on) for _ in range(self.callers)]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped = True
            for thread in self._threads:
                thread.join()

    def _call_on_and_on(self) -> None:
        with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as http:
            while not self._stopped:
                with suppress(httpx2.TransportError):
                    self._ask().post(http, self.url, self.secret)
                    self.answered += 1
                time.sleep(0.01)

    def _ask(self) -> Ask:
        prompt, native = self.dice.choice(PROMPTS), self.dice.random() < 0.5
        return Ask(prompt, native=native, pictures=1 if native else self.dice.choice((1, 1, 2)))


CALLERS = 8


@dataclass(frozen=True)
class Scene:
    """What may be made to fail, and when: `store` is None where it is embedded."""

    dice: random.Random
    home: Home
    store: LosableStore | None
    process: "subprocess.Popen[str]"


def at_any_moment(scene: Scene) -> None:
    time.sleep(scene.dice.uniform(0.5, 3.0))
    kill(scene.process)


def with_its_embedded_store(scene: Scene) -> None:
    at_any_moment(scene)
    os.kill(int((scene.home.here / "data" / "store" / "pid").read_text()), signal.SIGKILL)


def before_the_store_has_it(scene: Scene) -> None:
    """What is finished meanwhile is in the journal alone."""
    assert scene.store is not None
    time.sleep(scene.dice.uniform(0.5, 1.5))
    with scene.store.away():
        time.sleep(scene.dice.uniform(0.2, 3.0))
        kill(scene.process)


def with_a_store_that_goes_back(scene: Scene) -> None:
    """It loses what it took in the last moments, and is told again while calls go on."""
    assert scene.store is not None
    time.sleep(scene.dice.uniform(0.5, 1.5))
    with scene.store.set_back():
        time.sleep(scene.dice.uniform(0.5, 3.0))
    time.sleep(2 * TURN_EVERY_S)


CRASHES: dict[str, Callable[[Scene], None]] = {
    "moment": at_any_moment,
    "embedded": with_its_embedded_store,
    "away": before_the_store_has_it,
    "back": with_a_store_that_goes_back,
}


def played(place: Path, crash: Callable[[Scene], None], *, seed: int, rounds: int) -> tuple[Books, list[str], int]:
    """The books after so many crashes, what is wrong with them, and how many calls were answered."""
    dice = random.Random(seed)
    with Simulator.started("--speed", "20", "--light") as seller, ExitStack() as stack:
        store = None
        if crash is not with_its_embedded_store:
            (place / "store").mkdir()
            store = stack.enter_context(LosableStore.started(place / "store"))
        home = Home(place, seller=seller.url, store=store.url if store else "embedded")
        load = Load(home.new_key(), callers=CALLERS, dice=dice)
        for _ in range(rounds):
            with home.serving() as (load.url, process), load.on():
                crash(Scene(dice, home, store, process))
        with home.serving():
            until(lambda: len(home.journals()) == 1)
            until(lambda: not _busy(seller))
            url = store.url if store else f"unix://{_socket_path(place / 'data' / 'store')}"
            with Redis.from_url(url, decode_responses=True) as raw:
                books = Books.of(raw)
            gateway(place, "ledger", "verify")  # or it fails with the first entry that is wrong
        assert home.journals() == []
        # Each caller has one request in flight.
        return books, faults(books, seller.bill(), in_flight=rounds * CALLERS), load.answered


def _busy(seller: Simulator) -> bool:
    before = len(seller.bill())
    time.sleep(2.0)
    return len(seller.bill()) != before
