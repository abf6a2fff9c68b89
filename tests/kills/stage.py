"""Where gateways die at a boundary, and the books after that.

A gateway is killed there while all calls of a row are at that very place; another is started, which makes what is
left; and the seller's bill is laid beside the books.
"""

import asyncio
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from redis import Redis

from gateway.ledger import verify
from gateway.ledger.budget import Books as RealBooks
from gateway.ledger.frames import Left, left_of, unframed
from gateway.ledger.store import Store
from tests.house import START_S, Simulator
from tests.kills.books import Books, faults
from tests.kills.boundaries import EVERY, Boundary
from tests.kills.home import Ask, Home, address, kill
from tests.kills.promises import Caller, again, broken, drawn_for, let_go
from tests.kills.ways import SellerWay, Side, StoreWay, Trap, way_to_seller, way_to_store
from tests.losable import LosableStore
from tests.waiting import PATIENCE_S, until

# For so long at most the next caller waits until what the one before asks is held: the store's patience is longer.
_EACH_S = 1.0


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
    callers: list[Caller] = field(default_factory=list)
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
        self.long_ago()
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
            self.begin(self._armed(Trap(Side.UNANSWERED, 1, boundary.successor)))
        self._disarm()
        self.begin()
        if boundary.comes_back:
            shutil.copytree(copy, home.with_name(uuid4().hex))
            self.home.adopted()
        shutil.rmtree(copy)
        stand = again(self.callers, self.url)
        return wrong + self.faults() + self._broken(stand, boundary.ends)

    def play_healing(self) -> list[str]:
        """The same, of one that dies while it tells a store again what that has lost."""
        assert self.process is not None
        with self.store.set_back():
            for ask in EVERY:
                until(lambda ask=ask: self._call(ask) == 200)  # type: ignore[misc]  # or its connection was an old one
            trap = self._armed(Trap(Side.UNANSWERED, 1, "settle"))
            trap.hunt(self.process.pid)
        self._sprung(trap)
        self._disarm()
        self.begin()
        return self.faults()

    def _die(self, boundary: Boundary) -> list[str]:
        """Kills the gateway at a boundary; what the journal lacks then."""
        assert self.process is not None
        self.callers = [Caller.new(self.url, ask) for ask in boundary.calls if boundary.ends]
        trap = self._trapped(boundary)
        if trap is not None:
            trap.hunt(self.process.pid)
        self.asked += len(self.callers)
        threads = [threading.Thread(target=caller.call, args=(self.url,)) for caller in self.callers]
        threads = threads or [threading.Thread(target=self._call, args=(ask,)) for ask in boundary.calls]
        held = 0
        for each, ask in zip(threads, boundary.calls, strict=True):
            each.start()
            held += ask.pictures
            if trap is not None and trap.function and not boundary.held:
                # What two ask the store in one moment is on one connection, and held together: so one after the other.
                trap.awaited(held, _EACH_S)
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

    def _trapped(self, boundary: Boundary) -> Trap | None:
        if boundary.side is None:
            return None
        return self._armed(Trap(boundary.side, boundary.count, boundary.function, boundary.saying))

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

    def long_ago(self) -> None:
        """What those that are gone were last heard of: what they held is free, and their groups are as good as any."""
        with Redis.from_url(self.store.url) as raw:
            for name in raw.scan_iter("{h:*"):
                raw.delete(name)
            let_go(raw)

    def faults(self) -> list[str]:
        """What is wrong with the books when nobody draws any more."""
        until(self.seller.idle)
        with self._read() as raw:
            books = Books.of(raw)
        return faults(books, self.seller.bill(), in_flight=self.asked) + asyncio.run(
            verified(self.store.url, self.place)
        )

    def _broken(self, stand: list[str], ends: str) -> list[str]:
        """What was promised and is not so."""
        with self._read() as raw:
            drawn = drawn_for(raw, self.seller.bill())
        pairs = zip(self.callers, stand, strict=True)
        return [fault for each, stands in pairs for fault in broken(each, drawn[each.key_id], stands, ends)]

    def _read(self) -> Any:
        return Redis.from_url(self.store.url, decode_responses=True)


async def verified(store_url: str, place: Path) -> list[str]:
    """What `gateway ledger verify` finds."""
    async with Store.open(store_url, place) as store:
        books = RealBooks(store, time.time)
        return [f"{each.whose}: {fault}" async for each in verify.verify(books) for fault in each.faults]


def _functions(left: Left) -> Counter[str]:
    return Counter(write.function for write in (*left.owed.values(), *left.in_case.values()))
