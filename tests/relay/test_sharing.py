"""Telling other replicas what was seen, through a real store that comes and goes."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.core.board import HealthBoard, Tried
from gateway.core.events import Event, EvidenceShared, GroupMoved, StoreLost
from gateway.core.health import Patience
from gateway.core.move import Standing, Why
from gateway.core.outcome import of_status
from gateway.core.pool import Pool
from gateway.ledger.evidence import Evidence
from gateway.ledger.store import Store
from gateway.relay.sharing import SHARE_EVERY_S, Sharing
from gateway.relay.supervisor import Supervisor
from tests.facts import DEFAULT, FLASH, ask
from tests.losable import LosableStore
from tests.waiting import eventually

PAIR = (DEFAULT.name, FLASH.id)
OPENS = 6


class Replica:
    """What one gateway believes, and shares through a store."""

    def __init__(self, store: Store) -> None:
        self.told: list[Event] = []
        self.board = HealthBoard(Patience())
        self.pool = Pool(self.board, [PAIR])
        self.sharing = Sharing(self.board, self.pool, Evidence(store), self.told.append, time.monotonic)

    def saw_it_fail(self, times: int = OPENS) -> None:
        for _ in range(times):
            now = time.monotonic()
            tried = Tried(DEFAULT, ask(), self.board.health(PAIR).epoch, now)
            self.board.ended(object(), tried, of_status(500, ""), took_s=0.1, was_late=False, now=now)

    @property
    def standing(self) -> Standing:
        return self.board.health(PAIR).standing(time.monotonic())

    @property
    def lost(self) -> list[Event]:
        return [each for each in self.told if isinstance(each, StoreLost)]


@pytest.fixture
def losable(tmp_path: Path) -> Iterator[LosableStore]:
    (tmp_path / "store").mkdir()
    with LosableStore.started(tmp_path / "store") as store:
        yield store


@asynccontextmanager
async def sharing(*replicas: Replica) -> AsyncIterator[None]:
    """They tell each other what they see, as running gateways do."""
    async with Supervisor() as supervisor:
        for each in replicas:
            supervisor.keep(each.sharing.turn, every_s=SHARE_EVERY_S, name="sharing")
        yield


async def until_open(replica: Replica) -> None:
    async def is_open() -> bool:
        return replica.standing is Standing.OPEN

    await eventually(is_open)


async def test_one_sees_it_and_the_other_knows(losable: LosableStore, tmp_path: Path) -> None:
    async with Store.open(losable.url, tmp_path) as store:
        one, other = Replica(store), Replica(store)
        async with sharing(one, other):
            one.saw_it_fail()
            await until_open(other)
        assert any(isinstance(each, EvidenceShared) for each in other.told)


async def test_a_store_that_is_away_is_told_once_and_used_again_when_it_is_back(
    losable: LosableStore, tmp_path: Path
) -> None:
    async with Store.open(losable.url, tmp_path) as store:
        one, other = Replica(store), Replica(store)
        one.saw_it_fail(1)
        await one.sharing.turn()
        with losable.away():
            for _ in range(3):
                await one.sharing.turn()
        assert [each.doing for each in one.lost if isinstance(each, StoreLost)] == ["share"]
        one.saw_it_fail()
        assert one.standing is Standing.OPEN, "it decides alone"
        async with sharing(one, other):
            await until_open(other)
        assert len(one.lost) == 1


async def test_what_was_seen_while_the_process_stood_still_is_told_to_nobody(
    losable: LosableStore, tmp_path: Path
) -> None:
    async with Store.open(losable.url, tmp_path) as store:
        paused, other = Replica(store), Replica(store)
        paused.saw_it_fail(1)

        async def shared(times: int) -> bool:
            return sum(isinstance(each, EvidenceShared) for each in paused.told) >= times

        async with sharing(paused):
            await eventually(lambda: shared(1))
            paused.saw_it_fail()
            time.sleep(2.5)  # noqa: ASYNC251  nothing is read meanwhile
            before = len(paused.told)
            await eventually(lambda: shared(before + 2))
        for _ in range(3):
            await other.sharing.turn()
        assert (paused.standing, other.standing) == (Standing.OPEN, Standing.CLOSED)


async def test_a_move_is_told_with_why_and_by_which_evidence(losable: LosableStore, tmp_path: Path) -> None:
    async with Store.open(losable.url, tmp_path) as store:
        replica = Replica(store)
        replica.saw_it_fail()
        await replica.sharing.turn()
        moves = [each for each in replica.told if isinstance(each, GroupMoved)]
        assert [(each.move.was, each.move.to, each.move.why) for each in moves] == [
            (Standing.CLOSED, Standing.SUSPECT, Why.SUSPICIOUS),
            (Standing.SUSPECT, Standing.OPEN, Why.FAILING),
        ]
        assert moves[-1].move.case > 5.0
        await replica.sharing.turn()
        assert len([each for each in replica.told if isinstance(each, GroupMoved)]) == 2, "each is told once"
