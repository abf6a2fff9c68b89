"""Every place in the life of a call where its gateway can die, by name, and the books after each.

A gateway is killed there while all calls of a row are at that very place; another is started, which makes what is
left; and the seller's bill is laid beside the books.
"""

import asyncio
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx2
from redis import Redis

from gateway.ledger import verify
from gateway.ledger.budget import Books as RealBooks
from gateway.ledger.frames import Left, framed, left_of, unframed
from gateway.ledger.store import Store
from tests.house import START_S, Simulator
from tests.kills.books import Books, faults
from tests.kills.home import Ask, Home, address, kill
from tests.kills.ways import SellerWay, Side, StoreWay, Trap, way_to_seller, way_to_store
from tests.losable import LosableStore
from tests.waiting import PATIENCE_S, until

STREAM = Ask("a boat", native=True)
TWO = Ask("a boat", pictures=2)
OVER = Ask("a boat [sim:busy#1]", native=True)  # on to the dearer group
RACED = Ask("a boat [sim:slow#1]")  # both groups draw it
TORN = Ask("a boat [sim:cut]", native=True)
FRUITLESS = Ask("a boat [sim:no-image]", pictures=2)  # asked for a second time
REFUSED = (Ask("a boat [sim:busy]", native=True), Ask("a boat [sim:busy]", pictures=2))

EVERY = (STREAM, TWO, OVER)
UNOWED = (TORN, FRUITLESS, RACED)  # which no caller pays for


def torn(home: Path) -> None:
    """The power fails: of the last thing that was written down half is on the disk."""
    last = max(home.glob("0*"))
    data = last.read_bytes()
    entries = unframed(data).entries
    last.write_bytes(data[: len(data) - len(framed(entries[-1])) // 2])


def in_another_file(home: Path) -> None:
    """The file had become long: the last thing is in another, and a third has just been made."""
    first = home / "000001"
    data = first.read_bytes()
    length = len(framed(unframed(data).entries[-1]))
    (home / "000002").write_bytes(data[-length:])
    (home / "000003").touch()
    first.write_bytes(data[:-length])


def as_it_is(home: Path) -> None:
    """Nothing but the process is gone."""


@dataclass(frozen=True)
class Boundary:
    """`left` is how many writes of a function the journal has then at least, which tells that it is the place.

    `function` is of the library; empty: it is a request to the seller. Both None: the callers have their answers.
    """

    name: str
    side: Side | None = None
    function: str = ""
    calls: tuple[Ask, ...] = EVERY
    left: Mapping[str, int] = field(default_factory=dict)
    wound: Callable[[Path], None] = as_it_is
    successor: str = ""  # is killed when the first write of this function that it makes is made
    comes_back: bool = False  # the journal: everything in it was made, and it was not yet removed

    @property
    def pictures(self) -> int:
        return sum(ask.pictures for ask in self.calls)


UNSENT, UNANSWERED, BEGUN = Side

BOUNDARIES = (
    Boundary("before money is set aside", UNSENT, "reserve", left={"void": 4}),
    Boundary("after money was set aside, and before that is known", UNANSWERED, "reserve", left={"void": 4}),
    Boundary(
        "after an allowance was drawn on, and before that is known", UNANSWERED, "draw", (OVER, OVER), {"void": 2}
    ),
    Boundary("before the seller is asked", UNSENT, left={"void": 4, "operator": 4}),
    Boundary("before the seller answers", UNANSWERED, left={"void": 4, "operator": 4}),
    Boundary("in the middle of the seller's answer", BEGUN, left={"void": 4, "operator": 4}),
    Boundary("before a charge is in the books", UNSENT, "settle", left={"settle": 4}),
    Boundary("after a charge is in the books, and before that is known", UNANSWERED, "settle", left={"settle": 4}),
    Boundary("when the callers have their answers"),
    Boundary("after an allowance was put right, and before that is known", UNANSWERED, "correct", (OVER, OVER)),
    Boundary("before money is free again", UNSENT, "void", REFUSED, {"void": 3}),
    Boundary("after money is free again, and before that is known", UNANSWERED, "void", REFUSED, {"void": 3}),
    Boundary("before the operator has paid", UNSENT, "operator", UNOWED, {"operator": 4}),
    Boundary("after the operator has paid, and before that is known", UNANSWERED, "operator", UNOWED, {"operator": 4}),
    Boundary("while a promise in case is written, by a power cut", UNSENT, "reserve", wound=torn),
    Boundary("while a promise about an attempt is written, by a power cut", UNSENT, wound=torn),
    Boundary("while a charge is written down, by a power cut", UNSENT, "settle", wound=torn),
    Boundary("as another file of the journal begins", UNSENT, "settle", left={"settle": 4}, wound=in_another_file),
    Boundary("and its successor, of a charge", UNSENT, "settle", left={"settle": 4}, successor="settle"),
    Boundary("and its successor, of an attempt", BEGUN, left={"operator": 4}, successor="operator"),
    Boundary("and its successor, before the journal is gone", UNANSWERED, "settle", comes_back=True),
)


@dataclass
class Stage:
    """A gateway between a store and a seller, on the ways to which it can be stopped."""

    place: Path
    home: Home
    secret: str
    store: LosableStore
    seller: Simulator
    ways: tuple[StoreWay, SellerWay]
    _stack: ExitStack
    asked: int = 0
    url: str = ""
    process: "subprocess.Popen[str] | None" = None

    @classmethod
    @contextmanager
    def set(cls, place: Path) -> Iterator["Stage"]:
        (place / "store").mkdir()
        with ExitStack() as stack:
            seller = stack.enter_context(Simulator.started("--speed", "12", "--light"))
            store = stack.enter_context(LosableStore.started(place / "store"))
            to_store = stack.enter_context(way_to_store(Path(store.url.removeprefix("unix://")), place / "way"))
            to_seller = stack.enter_context(way_to_seller(seller.url))
            home = Home(place, seller=to_seller.url, store=to_store.url)
            stage = cls(place, home, home.new_key(), store, seller, (to_store, to_seller), stack)
            stage.begin()
            yield stage

    def begin(self, trap: Trap | None = None) -> None:
        """Another gateway: it makes what is left of those that are gone, or dies of that."""
        self.forget_health()
        self.process = self._stack.enter_context(self.home.launched())
        if trap is not None:
            trap.hunt(self.process.pid)
            self._sprung(trap)
            return
        self.url = address(self.process)
        self.home.adopted()

    def play(self, boundary: Boundary) -> list[str]:
        """What is wrong with the books after a gateway has died there."""
        wrong = self._die(boundary)
        (home,) = self.home.journals()
        boundary.wound(home)
        copy = shutil.copytree(home, self.place / "copy")
        if boundary.successor:
            self.begin(self._armed(Trap(UNANSWERED, 1, boundary.successor)))
        self._disarm()
        self.begin()
        if boundary.comes_back:
            shutil.copytree(copy, home.with_name(uuid4().hex))
            self.home.adopted()
        shutil.rmtree(copy)
        return wrong + self.faults()

    def play_healing(self) -> list[str]:
        """The same, of one that dies while it tells a store again what that has lost."""
        assert self.process is not None
        with self.store.set_back():
            for ask in EVERY:
                until(lambda ask=ask: self._call(ask) == 200)  # type: ignore[misc]  # or its connection was an old one
            trap = self._armed(Trap(UNANSWERED, 1, "settle"))
            trap.hunt(self.process.pid)
        self._sprung(trap)
        self._disarm()
        self.begin()
        return self.faults()

    def _die(self, boundary: Boundary) -> list[str]:
        """Kills the gateway at a boundary; what the journal lacks then."""
        assert self.process is not None
        trap = self._armed(Trap(boundary.side, boundary.pictures, boundary.function)) if boundary.side else None
        if trap is not None:
            trap.hunt(self.process.pid)
        threads = [threading.Thread(target=self._call, args=(ask,)) for ask in boundary.calls]
        for each in threads:
            each.start()
        if trap is not None:
            self._sprung(trap)
        for each in threads:
            each.join()
        if trap is None:
            kill(self.process)
        self._disarm()
        (home,) = self.home.journals()
        left = _functions(
            left_of(entry for path in sorted(home.glob("0*")) for entry in unframed(path.read_bytes()).entries)
        )
        return [
            f"{left[function]} of {count} {function} are written down"
            for function, count in boundary.left.items()
            if left[function] < count
        ]

    def _armed(self, trap: Trap) -> Trap:
        self.ways[not trap.function].trap = trap
        return trap

    def _disarm(self) -> None:
        for way in self.ways:
            way.trap = None

    def _sprung(self, trap: Trap) -> None:
        assert self.process is not None
        assert trap.sprung.wait(PATIENCE_S), f"no more than {sorted(trap.held)} came by"
        self.process.wait(timeout=START_S)

    def _call(self, ask: Ask) -> int:
        """The status of the answer; 0: there was none."""
        self.asked += 1
        with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as http, suppress(httpx2.TransportError):
            return ask.post(http, self.url, self.secret).status_code
        return 0

    def forget_health(self) -> None:
        """Or what was rehearsed before would tell which group the next call goes to."""
        with Redis.from_url(self.store.url) as raw:
            for name in raw.scan_iter("{h:*"):
                raw.delete(name)

    def faults(self) -> list[str]:
        """What is wrong with the books when nobody draws any more."""
        until(self.seller.idle)
        with Redis.from_url(self.store.url, decode_responses=True) as raw:
            books = Books.of(raw)
        return faults(books, self.seller.bill(), in_flight=self.asked) + asyncio.run(
            verified(self.store.url, self.place)
        )


async def verified(store_url: str, place: Path) -> list[str]:
    """What `gateway ledger verify` finds."""
    async with Store.open(store_url, place) as store:
        books = RealBooks(store, time.time)
        return [f"{each.whose}: {fault}" async for each in verify.verify(books) for fault in each.faults]


def _functions(left: Left) -> Counter[str]:
    return Counter(write.function for write in (*left.owed.values(), *left.in_case.values()))
