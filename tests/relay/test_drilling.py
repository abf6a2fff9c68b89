"""Which drills a gateway knows of, by a clock that the test moves, with a real store that may go away."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.core.board import HealthBoard
from gateway.core.drill import DrillTerms
from gateway.core.errors import BooksAway
from gateway.core.events import DrillBegan, DrillEnded, Event
from gateway.core.groups import Billing, Group, Lane
from gateway.core.health import Patience
from gateway.core.outage import Outage, Slices
from gateway.core.stakes import Stakes
from gateway.ledger.allowances import Allowances
from gateway.ledger.budget import Books
from gateway.ledger.claims import Claims
from gateway.ledger.drills import Drills
from gateway.ledger.keys import Keys
from gateway.ledger.outbox import Outbox
from gateway.ledger.signatures import Signatures
from gateway.ledger.store import Store
from gateway.relay.drilling import LOOK_S, Drilling
from gateway.relay.rooms import Rooms
from gateway.relay.supervisor import Supervisor
from gateway.upstream.client import Client, Timeouts
from gateway.upstream.lanes import Lanes, access
from gateway.vault.folder import Folder
from gateway.vault.records import ResultCaps
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from tests import facts
from tests.losable import LosableStore
from tests.waiting import eventually

GROUPS = (facts.DEFAULT, Group("NanoBananaEnterprise", Fraction(7, 5)))
PEPPER = b"pepper for the tests, 32 bytes.."


class Watched:
    """A Drilling, the events that it told, and the clock that it goes by."""

    def __init__(self, store: Store, rooms: Rooms) -> None:
        self.now = 5000.0
        self.events: list[Event] = []
        self.drills = Drills(store, Keys(store, PEPPER))
        self.drilling = Drilling(self.drills, self.events.append, lambda: self.now)
        self.usual = replace(rooms, now=lambda: self.now)

    async def begin(self, lasts_s: float = 600.0) -> str:
        terms = DrillTerms("Default", "hang", share=1.0, lasts_s=lasts_s)
        drill = await self.drills.begin(terms, GROUPS)
        await self.told(DrillBegan, drill.id)
        return drill.id

    async def told(self, kind: type[DrillBegan] | type[DrillEnded], drill_id: str) -> None:
        async def there() -> bool:
            return any(isinstance(event, kind) and event.drill.id == drill_id for event in self.events)

        await eventually(there)

    def rooms(self, call_id: str = "call_1") -> Rooms:
        return self.drilling.rooms(replace(facts.call(), id=call_id), self.usual)


@pytest.fixture
async def losable(tmp_path: Path) -> AsyncIterator[LosableStore]:
    with LosableStore.started(tmp_path) as running:
        yield running


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path / "spools", 0, memory_bytes=0)) as made:
        yield made


@pytest.fixture
async def watched(losable: LosableStore, spools: Spools, tmp_path: Path) -> AsyncIterator[Watched]:
    lanes = Lanes(
        access(Lane(group.name, group, "http://127.0.0.1:9", Billing.PAY_PER_REQUEST), "key", auth="bearer", names={})
        for group in GROUPS
    )
    async with (
        Store.open(losable.url, tmp_path) as store,
        Client(lanes, Timeouts()) as client,
        Outbox.open(store, tmp_path / "journal", lambda event: None, time.time) as outbox,
        Supervisor() as supervisor,
    ):
        rooms = Rooms(
            books=Books(store, time.time),
            outbox=outbox,
            slices=Slices(Outage.CLOSED),
            signatures=Signatures(store, keep_s=0),
            claims=Claims(store, "here", b"pepper for the tests, 32 bytes.."),
            spools=spools,
            results=Results(Folder(tmp_path / "results"), b"secret", ResultCaps()),
            client=client,
            board=HealthBoard(Patience()),
            stakes=Stakes(),
            allowances=Allowances(store, {}),
            timeouts=Timeouts(),
            supervisor=supervisor,
            observe=lambda event: None,
            now=lambda: 0.0,
            settle_s=1.0,
        )
        watched = Watched(store, rooms)
        async with watched.drilling:
            supervisor.keep(watched.drilling.turn, every_s=LOOK_S, name="drills")
            yield watched


async def test_without_drills_a_call_goes_through_the_usual_rooms(watched: Watched) -> None:
    assert watched.rooms() is watched.usual


async def test_a_drilled_call_has_a_board_and_stakes_apart_which_others_of_its_drill_share(watched: Watched) -> None:
    await watched.begin()
    one, other = watched.rooms("call_1"), watched.rooms("call_2")
    assert list(one.obstacles) == ["Default"]
    assert one.board is other.board is not watched.usual.board
    assert one.stakes is other.stakes is not watched.usual.stakes
    assert replace(one, board=watched.usual.board, stakes=watched.usual.stakes, obstacles={}) == watched.usual


async def test_another_drill_begins_with_a_board_of_its_own(watched: Watched) -> None:
    first = await watched.begin()
    board = watched.rooms().board
    await watched.drills.end(first)
    await watched.told(DrillEnded, first)
    assert watched.rooms() is watched.usual
    await watched.begin()
    assert watched.rooms().board is not board


async def test_with_the_store_away_a_drill_goes_on_until_its_end_and_no_longer(
    watched: Watched, losable: LosableStore
) -> None:
    drill = await watched.begin(lasts_s=600)
    with losable.away():
        held = watched.rooms().obstacles["Default"].pass_by(asyncio.get_running_loop().create_future(), 420.0)
        waiting = asyncio.create_task(held)
        await asyncio.sleep(0)  # it waits by the real clock, from here on
        watched.now += 590
        assert watched.rooms().obstacles
        assert not waiting.done()
        watched.now += 20
        assert watched.rooms() is watched.usual
        await watched.told(DrillEnded, drill)
        came = await waiting
        assert came is not None
        assert came.retry
    _, ended = watched.events
    assert isinstance(ended, DrillEnded)
    assert (ended.stopped, ended.calls) == (False, 2)


async def test_a_store_that_comes_back_is_heard_again(watched: Watched, losable: LosableStore) -> None:
    drill = await watched.begin(lasts_s=3600)
    with losable.away():
        assert watched.rooms().obstacles

    async def end() -> bool:
        with suppress(BooksAway):  # which a connection from before learns only now
            await watched.drills.end(drill)
            return True
        return False

    await eventually(end)
    await watched.told(DrillEnded, drill)
    assert watched.rooms() is watched.usual
