"""A gateway in a process of its own that is killed at a random moment under load, and started again; and the audit."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from redis import Redis

from gateway.ledger import layout
from gateway.ledger.embedded import _socket_path
from gateway.ledger.outbox import TURN_EVERY_S
from tests.e2e.test_commands import CONFIG, environment, gateway
from tests.house import MODEL, START_S, Simulator
from tests.losable import LosableStore
from tests.waiting import PATIENCE_S, until

MORE = """
store: {store}
failover: {{suspect_s: 1}}
"""

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
                    self._call(http)
                    self.answered += 1
                time.sleep(0.01)

    def _call(self, http: httpx2.Client) -> None:
        prompt, headers = self.dice.choice(PROMPTS), {"authorization": f"Bearer {self.secret}"}
        if self.dice.random() < 0.5:
            body: dict[str, Any] = {"model": MODEL, "prompt": prompt, "n": self.dice.choice((1, 1, 2))}
            http.post(f"{self.url}/v1/images/generations", json=body, headers=headers)
        else:
            body = {"contents": [{"parts": [{"text": prompt}]}]}
            http.post(f"{self.url}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", json=body, headers=headers)


class Home:
    """Where a gateway is started, killed, and started again."""

    def __init__(self, here: Path, simulator: Simulator, store: str) -> None:
        self.here = here
        (here / "config.yaml").write_text(CONFIG.format(url=simulator.url) + MORE.format(store=store))

    def new_key(self) -> str:
        secret: str = json.loads(gateway(self.here, "keys", "create", "--team", "acme", "--json"))["key"]
        return secret

    @contextmanager
    def serving(self) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
        """A gateway, of which something may be left to terminate at the end of the block."""
        with (self.here / "gateway.log").open("a") as log:
            process = subprocess.Popen(
                ["gateway", "serve"],
                cwd=self.here,
                env=environment({}),
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            try:
                line = process.stderr.readline()
                assert line.startswith("gateway: serving on http"), line
                yield line.split()[-1], process
            finally:
                if process.poll() is None:
                    process.terminate()
                process.communicate(timeout=START_S)

    def journals(self) -> list[Path]:
        return sorted((self.here / "data" / "journal").glob("[0-9a-f]*"))


def kill(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=START_S)


@dataclass(frozen=True)
class Books:
    """Every attempt that is on somebody's account: with what, how often, and whether that is known or feared."""

    charged: Counter[str]
    unsettled: Counter[str]
    nanos: dict[str, int]  # but of answers that broke off before they said what they had used
    held: int  # on the team's account
    open_calls: int
    drift: int

    @classmethod
    def of(cls, raw: Any) -> "Books":
        """`raw` is a client of the store that decodes what it reads."""
        charged, unsettled, nanos = Counter[str](), Counter[str](), dict[str, int]()
        held = spent = 0
        for _, row in raw.xrange(layout.ledger("acme")):
            held, spent = held + int(row["held"]), spent + int(row["spent"])
            if row["do"] == "settle":
                charged[row["attempt"]] += 1
                nanos[row["attempt"]] = int(row["spent"])
        for _, row in raw.xrange(layout.OPERATOR_LEDGER):
            if row["do"] != "operator":
                continue  # what was found out of one that is there already
            (unsettled if row["why"] == "unsettled" else charged)[row["attempt"]] += 1
            if row["basis"] != "estimate":
                nanos[row["attempt"]] = int(row["spent"])
        account = raw.hgetall(layout.account("acme"))
        drift = abs(held - int(account.get("held", 0))) + abs(spent - int(account.get("spent", 0)))
        return cls(charged, unsettled, nanos, held, raw.zcard(layout.open_calls("acme")), drift)


# So long is the part of an attempt's id that all pictures of a request have in common.
REQUEST = len("call_") + 32


def faults(books: Books, bill: list[dict[str, Any]], in_flight: int) -> list[str]:
    """What is wrong with the books, given the seller's bill and the requests that were in flight at the kills."""
    billed = {row["id"]: row["nanos"] for row in bill}
    both = books.charged + books.unsettled
    wrong = [f"{attempt} is on the bill and not in the books" for attempt in billed.keys() - both.keys()]
    wrong += [f"{attempt} is in the books {count} times" for attempt, count in both.items() if count > 1]
    wrong += [f"{attempt} is charged and not on the bill" for attempt in books.charged.keys() - billed.keys()]
    wrong += [
        f"{attempt} is {books.nanos[attempt]} in the books and {billed[attempt]} on the bill"
        for attempt in books.nanos.keys() & billed.keys()
        if books.nanos[attempt] != billed[attempt]
    ]
    if books.held or books.open_calls or books.drift:
        wrong.append(f"{books.held} held by {books.open_calls} open calls, drift {books.drift}")
    unsettled = {attempt[:REQUEST] for attempt in books.unsettled}
    if len(unsettled) > in_flight:
        wrong.append(f"{len(unsettled)} requests are unsettled; {in_flight} at most were in flight at the kills")
    return wrong


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
    "killed at any moment": at_any_moment,
    "killed with its embedded store": with_its_embedded_store,
    "killed while the store is away": before_the_store_has_it,
    "with a store that goes back": with_a_store_that_goes_back,
}


def played(place: Path, crash: Callable[[Scene], None], *, seed: int, rounds: int) -> tuple[Books, list[str], int]:
    """The books after so many crashes, what is wrong with them, and how many calls were answered."""
    dice = random.Random(seed)
    with Simulator.started("--speed", "20", "--light") as seller, ExitStack() as stack:
        store = None
        if crash is not with_its_embedded_store:
            (place / "store").mkdir()
            store = stack.enter_context(LosableStore.started(place / "store"))
        home = Home(place, seller, store.url if store else "embedded")
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
