"""Rows that leave the store for files: none is lost, none is read twice, and the books can be proven all the same."""

import asyncio
import random
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.audit import Sums
from gateway.core.books import Hold
from gateway.core.errors import NotFound
from gateway.core.events import Event, LedgersMeasured, RowsArchived, StoreLost
from gateway.core.keys import Key, Limits
from gateway.core.reconcile import Paid
from gateway.ledger import charges, layout, writes
from gateway.ledger.archive import DAY_S, Archive, Archived, Archiver
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.reaper import Reaper
from gateway.ledger.rows import Mark, Rows
from gateway.ledger.shelf import Lack, Shelf
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks
from gateway.ledger.verify import Verified, verify
from gateway.ledger.volumes import Row
from tests.ledger.accounts import USD, charge, operator, reserve, settle, void
from tests.ledger.servers import Server
from tests.losable import LosableStore

ACME = layout.ledger("acme")
EVERYTHING = 2**42  # seconds: all rows are older
FEW = 5


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf((tmp_path / "archive",))


@pytest.fixture
def archive(store: Store, shelf: Shelf) -> Archive:
    return Archive(store, shelf, longest=FEW)


async def put_away(archive: Archive, before: float = EVERYTHING) -> list[Archived]:
    return [each async for each in archive.put_away(before)]


async def proven(books: Books, shelf: Shelf | None) -> list[Verified]:
    found = [each async for each in verify(books, shelf=shelf)]
    assert [fault for each in found for fault in each.faults] == []
    return found


async def all_rows(store: Store, shelf: Shelf | None, ledger: str = ACME) -> list[Row]:
    return [each async for each in Rows(store, shelf).read(ledger) if not isinstance(each, Lack | Mark)]


async def spend(books: Books, key: Key, first: int, count: int) -> None:
    for number in range(first, first + count):
        await settle(books, await reserve(books, f"call_{number}", key, USD // 10), charge(1, attempt_id=f"a_{number}"))


def stored(raw: Redis, ledger: str = ACME) -> list[str]:
    found: Any = raw.xrange(ledger)
    return [name for name, _ in found]


async def test_rows_are_in_files_and_the_newest_in_the_store(
    store: Store, books: Books, archive: Archive, shelf: Shelf, key: Key, raw: Redis
) -> None:
    await spend(books, key, 0, 6)
    before: Any = raw.xrange(ACME)
    made = await put_away(archive)
    assert [(each.whose, each.rows) for each in made] == [("acme", FEW), ("acme", FEW), ("acme", 1)]
    assert stored(raw) == [before[-1][0]]
    assert [each.path.relative_to(shelf.directories[0]).parts[:2] for each in made] == [("teams", "acme")] * 3
    assert await all_rows(store, shelf) == before
    assert await proven(books, shelf) == [
        Verified("acme", 12, Sums(0, 6), (), archived=11),
        Verified("operator", 0, Sums(0, 0), ()),
    ]
    assert (await proven(books, None))[0] == Verified("acme", 1, Sums(0, 6), (), archived=11, begins=made[-1].last)
    assert await put_away(archive) == []


async def test_rows_stay_that_are_not_old_enough(books: Books, archive: Archive, key: Key, raw: Redis) -> None:
    await spend(books, key, 0, 2)
    names = stored(raw)
    assert await put_away(archive, before=int(names[0].partition("-")[0]) / 1000) == []
    assert stored(raw) == names


async def test_what_is_put_away_later_follows_on(
    store: Store, books: Books, archive: Archive, shelf: Shelf, key: Key, keys: Keys
) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=0.0)
    for turn in range(4):
        await spend(books, (key, other)[turn % 2], 10 * turn, 3)
        await put_away(archive)
        assert len(await all_rows(store, shelf)) == 6 * (turn + 1)
        await proven(books, shelf)
        await proven(books, None)


async def test_calls_that_were_open_when_their_row_left_are_ended_as_any(
    store: Store, books: Books, archive: Archive, shelf: Shelf, key: Key
) -> None:
    holds = [await reserve(books, f"call_{number}", key, USD, lease_s=0.001) for number in range(4)]
    await asyncio.sleep(0.002)
    await put_away(archive)
    await Reaper(store, lambda event: None).look("acme")
    await put_away(archive)
    await settle(books, replace(holds[0], since=""), charge(7))
    await void(books, holds[1], "no answer")
    await put_away(archive)
    (acme, _) = await proven(books, shelf)
    assert (acme.sums, acme.rows) == (Sums(2 * USD, 7), 10)
    assert (await proven(books, None))[0].sums == acme.sums


ACTIONS = ("reserve", "settle", "void", "expire", "operator", "archive", "archive early")


@pytest.mark.parametrize("seed", range(12))
async def test_whenever_rows_leave_the_books_are_the_same(
    store: Store, books: Books, archive: Archive, shelf: Shelf, key: Key, seed: int
) -> None:
    dice, rows = random.Random(seed), 0
    holds: list[Hold] = []
    for number in range(60):
        match dice.choice(ACTIONS):
            case "archive":
                await put_away(archive)
            case "archive early":
                await put_away(archive, before=time.time() - dice.random() / 50)
            case "operator":
                why = dice.choice(("race_loss", writes.UNSETTLED))
                await operator(books, charge(3, attempt_id=f"o_{number}"), call_id="call", team="acme", why=why)
            case "expire" if holds:
                await asyncio.sleep(0.001)
                await Reaper(store, lambda event: None).look("acme")
            case "settle" if holds:
                await settle(books, holds.pop(dice.randrange(len(holds))), charge(5, attempt_id=f"a_{number}"))
            case "void" if holds:
                await void(books, holds.pop(dice.randrange(len(holds))), "no answer")
            case _:
                holds.append(await reserve(books, f"call_{number}", key, USD // 100, lease_s=dice.choice((0.001, 480))))
        rows = sum(each.rows for each in await proven(books, shelf))
        await proven(books, None)
    records = await store.records([layout.archive(name) for name in (ACME, layout.OPERATOR_LEDGER)])
    left = await store.ask_all([ACME, layout.OPERATOR_LEDGER], lambda client, name: client.xlen(name))
    assert rows == sum(int(record.get("rows", 0)) for record in records) + sum(left)


async def test_the_books_can_be_read_while_rows_leave(
    store: Store, books: Books, archive: Archive, shelf: Shelf, key: Key
) -> None:
    done = asyncio.Event()

    async def look(shelf: Shelf | None) -> None:
        while not done.is_set():
            await proven(books, shelf)

    async def put() -> None:
        while not done.is_set():
            await put_away(replace(archive, longest=40))

    async def work() -> None:
        await asyncio.gather(*(spend(books, key, 1000 * caller, 150) for caller in range(4)))
        done.set()

    await asyncio.gather(look(shelf), look(None), put(), work())
    assert len(await all_rows(store, shelf)) == 4 * 2 * 150
    await proven(books, shelf)


@pytest.mark.parametrize("shared", [True, False])
async def test_several_may_do_it_at_once(
    store: Store, books: Books, tmp_path: Path, key: Key, raw: Redis, shared: bool
) -> None:
    directories = [tmp_path / ("archive" if shared else f"archive_{number}") for number in range(4)]
    await spend(books, key, 0, 40)
    before: Any = raw.xrange(ACME)
    several = [Archive(store, Shelf((each,)), longest=7 + at) for at, each in enumerate(directories)]
    made = [each for some in await asyncio.gather(*map(put_away, several)) for each in some]
    assert sum(each.rows for each in made) == 79
    both = Shelf(tuple(dict.fromkeys(directories)))
    assert await all_rows(store, both) == before
    await proven(books, both)


async def test_a_store_that_goes_back_is_archived_anew(tmp_path: Path, shelf: Shelf) -> None:
    (tmp_path / "store").mkdir()
    with LosableStore.started(tmp_path / "store") as server:
        async with Store.open(server.url, tmp_path) as store:
            keys = Keys(store, b"pepper")
            await keys.create_team("acme", now=0.0)
            key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=0.0)
            await spend(Books(store, time.time), key, 0, 5)
        with server.set_back():
            async with Store.open(server.url, tmp_path) as store:
                await put_away(Archive(store, shelf, longest=FEW))
                await spend(Books(store, time.time), key, 10, 5)
                await put_away(Archive(store, shelf, longest=FEW))
        async with Store.open(server.url, tmp_path) as store:
            books = Books(store, time.time)
            await spend(books, key, 10, 4)
            await put_away(Archive(store, shelf, longest=FEW))
            assert len(await all_rows(store, shelf)) == 18
            await proven(books, shelf)
            await proven(books, None)


async def volumes(books: Books, archive: Archive, key: Key) -> list[Path]:
    """Three, with rows after them."""
    await spend(books, key, 0, 8)
    made = [each.path for each in await put_away(archive)]
    assert len(made) == 3
    return made


async def test_volumes_that_are_lacking_are_told_and_the_rest_is_proven(
    books: Books, archive: Archive, shelf: Shelf, key: Key, tmp_path: Path
) -> None:
    kept = await volumes(books, archive, key)
    ends = [path.name.split("_")[1] for path in kept]
    for lacking, after, to in zip(kept, ("0-0", *ends), ends, strict=False):
        away = lacking.rename(tmp_path / lacking.name)
        (acme, _) = [each async for each in verify(books, shelf=shelf)]
        assert acme.faults == (str(Lack(after, to)),)
        assert acme.begins == ends[2]
        away.rename(lacking)
    shutil.rmtree(shelf.directories[0])
    (acme, _) = [each async for each in verify(books, shelf=shelf)]
    assert acme.faults == (str(Lack("0-0", ends[2])),)
    await proven(books, None)


async def test_a_volume_that_is_damaged_is_named_until_a_copy_is_found(
    books: Books, archive: Archive, shelf: Shelf, key: Key, tmp_path: Path
) -> None:
    _, second, _ = await volumes(books, archive, key)
    copies = tmp_path / "copies"
    shutil.copytree(shelf.directories[0], copies)
    whole = second.read_bytes()
    for wrong in (whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], b""):
        second.write_bytes(wrong)
        (acme, _) = [each async for each in verify(books, shelf=shelf)]
        assert len(acme.faults) == 1
        assert f"{second} is damaged; put a copy of it in its place" in acme.faults[0]
    await proven(books, Shelf((*shelf.directories, copies)))


async def test_rows_that_somebody_has_written_into_a_volume_are_found_out(
    books: Books, archive: Archive, shelf: Shelf, key: Key, raw: Redis
) -> None:
    await volumes(books, archive, key)
    record = await books.store.record(layout.archive(ACME))
    raw.hset(layout.archive(ACME), "sums", record["sums"].replace('"all":[', '"all":[1', 1))
    (acme, _) = [each async for each in verify(books, shelf=shelf)]
    assert "where its archived rows end; they make" in acme.faults[0]


async def billed(rows: Rows, since: float = 0.0) -> list[Paid]:
    found: list[Paid] = []
    await charges.read(rows, since=since, until=float("inf"), ours=found.append, lost=lambda begins, ends: None)
    return found


async def test_what_was_billed_is_read_in_the_archive_too(
    store: Store, books: Books, archive: Archive, shelf: Shelf, key: Key
) -> None:
    await spend(books, key, 0, 8)
    await operator(books, charge(3, attempt_id="o_1"), call_id="call", team="acme", why="race_loss")
    await operator(books, charge(3, attempt_id="o_2"), call_id="call", team="acme", why="race_loss")
    before = await billed(Rows(store))
    assert len(before) == 10
    await put_away(archive)
    assert await billed(Rows(store, shelf)) == before
    since = before[4].at
    assert await billed(Rows(store, shelf), since) == [each for each in before if each.at >= since]
    with pytest.raises(NotFound, match="are archived and not at hand; name the directory that has them with --archive"):
        await billed(Rows(store))
    assert await billed(Rows(store), since=time.time() + 1) == []


async def test_what_an_earlier_release_has_put_on_the_operators_account_is_adopted_before_its_row_leaves(
    store: Store, books: Books, archive: Archive, raw: Redis, key: Key
) -> None:
    for number in range(3):
        feared = charge(3, attempt_id=f"o_{number}")
        await operator(books, feared, call_id="call", team="acme", why=writes.UNSETTLED)
    raw.delete(layout.UNSETTLED, *(f"{layout.UNSETTLED}:o_{number}" for number in range(3)))
    await put_away(archive)
    assert [each.attempt_id async for each in UnsettledBooks(store).attempts()] == ["o_0", "o_1", "o_2"]


NOW = 2_000_000_000.0


@pytest.fixture
def told() -> list[Event]:
    return []


def archiver(store: Store, shelf: Shelf | None, told: list[Event], days: int | None = 3, now: float = NOW) -> Archiver:
    return Archiver(store, shelf, days, told.append, lambda: now)


async def test_a_gateway_puts_away_whole_days(
    store: Store, books: Books, shelf: Shelf, key: Key, raw: Redis, told: list[Event]
) -> None:
    await spend(books, key, 0, 3)
    first = int(stored(raw)[0].partition("-")[0]) / 1000
    midnight = first - first % DAY_S + DAY_S
    await archiver(store, shelf, told, now=midnight + 3 * DAY_S - 1).turn()
    assert told == [LedgersMeasured(6)]
    raw.delete(layout.ARCHIVER)
    names = stored(raw)
    await archiver(store, shelf, told, now=midnight + 3 * DAY_S + 1).turn()
    assert told[1:] == [LedgersMeasured(6), RowsArchived("acme", 5, names[0], names[4])]
    assert 0 < raw.pttl(layout.ARCHIVER) <= 300_000


async def test_one_of_all_gateways_does(
    store: Store, books: Books, shelf: Shelf, key: Key, raw: Redis, told: list[Event]
) -> None:
    await archiver(store, shelf, []).turn()
    await spend(books, key, 0, 3)
    await archiver(store, shelf, told).turn()
    assert told == [LedgersMeasured(6)]


@pytest.mark.parametrize("without", ["shelf", "days"])
async def test_where_nothing_says_so_rows_stay(
    store: Store, books: Books, shelf: Shelf, key: Key, raw: Redis, told: list[Event], without: str
) -> None:
    await spend(books, key, 0, 3)
    await archiver(store, None if without == "shelf" else shelf, told, None if without == "days" else 3).turn()
    assert told == [LedgersMeasured(6)]
    assert len(stored(raw)) == 6


async def test_where_nothing_can_be_written_nothing_leaves(
    store: Store, books: Books, key: Key, raw: Redis, told: list[Event], tmp_path: Path
) -> None:
    await spend(books, key, 0, 3)
    (tmp_path / "archive").write_text("no directory")
    await archiver(store, Shelf((tmp_path / "archive",)), told).turn()
    assert told[1:] == [StoreLost("archive", "Not a directory")]
    assert len(stored(raw)) == 6


async def test_what_a_user_of_the_store_may_not_is_told(
    server: Server, key: Key, raw: Redis, told: list[Event], shelf: Shelf, tmp_path: Path
) -> None:
    raw.acl_setuser("few", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-xlen"], reset=True)
    try:
        async with Store.open(f"unix://few:any@{server.socket}", tmp_path) as store:
            await archiver(store, shelf, told).turn()
    finally:
        raw.acl_deluser("few")
    (lost,) = told
    assert isinstance(lost, StoreLost)
    assert lost.doing == "archive"
    assert "xlen" in lost.reason
