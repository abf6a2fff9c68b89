"""Recent calls are read from the rows: in pages, newest first, each as it stands, and one by its id."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.books import Hold
from gateway.core.call import call_id
from gateway.core.course import Course, Finished, Sent
from gateway.core.errors import NotFound
from gateway.core.keys import Key, Limits
from gateway.core.outcome import Billed, Verdict
from gateway.core.past import PastCall, Payer, State
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger import layout, writes
from gateway.ledger.archive import Archive
from gateway.ledger.budget import Books
from gateway.ledger.calls import PastCalls, Wanted
from gateway.ledger.keys import Keys
from gateway.ledger.reaper import Reaper
from gateway.ledger.shelf import Shelf
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks
from tests.ledger.accounts import NOW, USD, charge, operator, reserve, settle, void

BUSY = Finished("Default", "Default", Verdict.BUSY, 429, 312, 0, Billed.NO)
WON = Finished("Default", "default", Verdict.PICTURE, 200, 4000, 5, Billed.YES, won=True)


def course(*tried: Finished | Sent, left: bool = False) -> Course:
    return Course("images.edit", "banana", "1K", tried, left)


@pytest.fixture
def past(store: Store) -> PastCalls:
    return PastCalls(store)


async def some(books: Books, key: Key, numbers: Iterable[int] = range(1)) -> list[Hold]:
    """Calls that go on, the oldest first, all of them in another ms than those before."""
    await asyncio.sleep(0.002)
    return [await reserve(books, f"{key.id}_{number}", key, USD) for number in numbers]


async def all_pages(past: PastCalls, wanted: Wanted, limit: int) -> list[PastCall]:
    calls, after = await past.page(wanted, limit)
    while after is not None:
        more, after = await past.page(wanted, limit, after)
        assert len(more) <= limit
        calls += more
    return calls


async def test_what_calls_cost_is_known_when_they_are_over(books: Books, keys: Keys, key: Key, past: PastCalls) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    settled, voided, going = await some(books, key, range(3))
    await settle(books, settled, charge(USD // 2))
    await void(books, voided, "no picture")
    asked = [("acme", key.id, each.call_id) for each in (settled, voided, going)]
    assert await past.spent(asked) == [USD // 2, 0, None]
    elsewhere = [("acme", other.id, settled.call_id), ("beta", key.id, settled.call_id), ("acme", key.id, "call_1")]
    assert await past.spent([*elsewhere, asked[0]]) == [None, None, None, USD // 2]
    assert await past.spent([]) == []


async def test_a_call_is_told_with_its_attempts(books: Books, key: Key, past: PastCalls) -> None:
    hold = await reserve(books, "call_1", key, USD)
    paid = charge(5, attempt_id="call_1-2")
    await books.store.make(writes.settle(hold, paid, course(BUSY, WON, left=True)))
    [call], rest = await past.page(Wanted(), 10)
    assert rest is None
    assert (call.id, call.team, call.key_id, call.state) == ("call_1", "acme", key.id, State.SETTLED)
    assert (call.route, call.model, call.size, call.group) == ("images.edit", "banana", "1K", "Default")
    assert (call.held_nanos, call.spent_nanos, call.pictures, call.output_tokens) == (USD, 5, 1, 1120)
    assert call.left
    assert [(each.id, each.verdict, each.took_ms, each.nanos, each.payer) for each in call.attempts] == [
        ("call_1-1", Verdict.BUSY, 312, 0, None),
        ("call_1-2", Verdict.PICTURE, 4000, 5, Payer.KEY),
    ]


async def test_every_state_is_told(books: Books, key: Key, past: PastCalls) -> None:
    await some(books, key)
    lapsing = await reserve(books, "lapses", key, USD, lease_s=0.001)
    await asyncio.sleep(0.002)
    await Reaper(books.store, lambda _: None).look(key.team)
    failed = await reserve(books, "fails", key, USD)
    await books.store.make(writes.void(failed, "no answer", course(BUSY)))
    await void(books, await reserve(books, "dies", key, USD), "lost with its process")
    calls, _ = await past.page(Wanted(), 10)
    assert [(call.id, call.state, call.why) for call in calls] == [
        ("dies", State.VOIDED, "lost with its process"),
        ("fails", State.VOIDED, "no answer"),
        (lapsing.call_id, State.UNSETTLED, ""),
        (f"{key.id}_0", State.OPEN, ""),
    ]
    assert (calls[1].route, calls[1].model, calls[1].size) == ("images.edit", "banana", "1K")
    assert [each.verdict for each in calls[1].attempts] == [Verdict.BUSY]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_pages_go_on_where_the_one_before_ended_whatever_ended_meanwhile(
    books: Books, keys: Keys, key: Key, past: PastCalls, limit: int
) -> None:
    await keys.create_team("beta", now=NOW)
    other, _ = await keys.create_key("beta", name="other", limits=Limits(), now=NOW)
    holds = [
        *await some(books, key, range(4)),
        *await some(books, other, range(3)),
        *await some(books, key, range(4, 7)),
    ]
    for number, hold in enumerate(reversed(holds)):  # the oldest last: its end is far above its beginning
        if number % 3 == 0:
            await books.store.make(writes.settle(hold, charge(5, attempt_id=f"{hold.call_id}-1"), course(WON)))
        elif number % 3 == 1:
            await books.store.make(writes.void(hold, "no answer", course(BUSY)))
    calls = await all_pages(past, Wanted(), limit)
    assert [call.id for call in calls] == [hold.call_id for hold in reversed(holds)]
    states = [State.SETTLED, State.VOIDED, State.OPEN]
    assert [call.state for call in calls] == [states[number % 3] for number in range(len(holds))]
    assert [len(call.attempts) for call in calls] == [int(number % 3 != 2) for number in range(len(holds))]
    for wanted, whose in ((Wanted("beta"), other), (Wanted("acme", key.id), key)):
        mine = await all_pages(past, wanted, limit)
        assert [call.id for call in mine] == [call.id for call in calls if call.key_id == whose.id]


async def test_a_voided_call_that_was_settled_after_all_is_settled(books: Books, key: Key, past: PastCalls) -> None:
    await some(books, key)
    hold = await reserve(books, "call_1", key, USD)
    await void(books, hold, "lost with its process")
    await settle(books, hold, charge(5))
    newest, after = await past.page(Wanted(), 1)
    assert [(call.id, call.state, call.spent_nanos) for call in newest] == [("call_1", State.SETTLED, 5)]
    await settle(books, (await some(books, key))[0], charge(7))
    [older], _ = await past.page(Wanted(), 1, after)
    assert (older.state, older.spent_nanos) == (State.SETTLED, 7)


async def test_a_call_stands_as_its_record_says_where_its_last_row_is_gone(
    books: Books, key: Key, past: PastCalls, raw: Redis
) -> None:
    [older, newer] = await some(books, key, range(2))
    await settle(books, older, charge(5))
    _, after = await past.page(Wanted(), 1)
    found: Any = raw.xrevrange(layout.ledger("acme"), count=1)
    raw.xdel(layout.ledger("acme"), found[0][0])
    [call], _ = await past.page(Wanted(), 1, after)
    assert (call.id, call.state, call.spent_nanos, call.attempts) == (older.call_id, State.SETTLED, 5, ())
    with pytest.raises(NotFound, match="its rows no more"):
        await past.find(older.call_id)
    assert (await past.find(newer.call_id)).state is State.OPEN


async def test_calls_before_a_day_are_left_out(books: Books, key: Key, past: PastCalls) -> None:
    await some(books, key, range(2))
    assert len((await past.page(Wanted(since=time.time() - 3600), 10))[0]) == 2
    assert await past.page(Wanted(since=time.time() + 3600), 10) == ([], None)


async def test_of_an_earlier_release_that_is_told_which_its_rows_tell(
    books: Books, key: Key, past: PastCalls, raw: Redis
) -> None:
    """Rows without a course, and ids without a time."""
    await settle(books, await reserve(books, f"call_{'f' * 32}", key, USD), charge(5))
    [call], _ = await past.page(Wanted(), 10)
    assert [(each.verdict, each.took_ms, each.nanos) for each in call.attempts] == [(Verdict.PICTURE, None, 5)]
    assert await past.find(call.id) == call
    raw.hdel(layout.call("acme", call.id), "since")
    assert await past.find(call.id) == call


async def test_a_call_is_found_by_its_id_by_those_whose_it_is(
    books: Books, keys: Keys, key: Key, past: PastCalls
) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    await keys.create_team("beta", now=NOW)
    name = call_id(time.time(), "0" * 21)
    hold = await reserve(books, name, key, USD)
    assert (await past.find(name)).state is State.OPEN
    await settle(books, hold, charge(5))
    for whose in ({}, {"team": "acme"}, {"team": "acme", "key_id": key.id}):
        assert (await past.find(name, **whose)).spent_nanos == 5
    told = set()
    for whose, sought in (
        ({"team": "acme", "key_id": other.id}, name),
        ({"team": "beta", "key_id": key.id}, name),
        ({"team": "acme", "key_id": key.id}, "call_0"),
    ):
        with pytest.raises(NotFound) as refused:
            await past.find(sought, **whose)
        told.add(refused.value.message.replace(sought, "ID"))
    assert len(told) == 1, "whether it exists is not told"


async def test_one_whose_rows_are_archived_is_found_where_the_archive_is(
    books: Books, key: Key, past: PastCalls, tmp_path: Path
) -> None:
    name = call_id(time.time(), "0" * 21)
    hold = await reserve(books, name, key, USD)
    await books.store.make(writes.settle(hold, charge(5, attempt_id=f"{name}-2"), course(Sent("Default", "a"), WON)))
    await operator(books, charge(70, attempt_id=f"{name}-1"), call_id=name, team="acme", why="race_loss")
    whole = await past.find(name)
    await reserve(books, "later", key, USD)  # the newest row of a ledger stays
    await operator(books, charge(1, attempt_id="later-1"), call_id="later", team="acme", why="race_loss")
    shelf = Shelf((tmp_path,))
    assert [each async for each in Archive(books.store, shelf).put_away(time.time() + 60)]
    with pytest.raises(NotFound):
        await past.find(name)
    assert await PastCalls(books.store, shelf).find(name) == whole
    assert whole.spent_nanos == 5
    assert [each.nanos for each in whole.attempts] == [70, 5]


async def test_a_request_for_several_pictures_is_told_as_such(books: Books, key: Key, past: PastCalls) -> None:
    name = call_id(time.time(), "0" * 21)
    await books.reserve([f"{name}.1", f"{name}.2"], key, USD, lease_s=480)
    assert (await past.find(f"{name}.2")).state is State.OPEN
    with pytest.raises(NotFound, match=r"\.1 and so on"):
        await past.find(name)
    with pytest.raises(NotFound, match="there is no call"):
        await past.find(name, team="acme", key_id="key_of_another")


async def test_what_the_operator_paid_for_is_told_with_the_attempt(books: Books, key: Key, past: PastCalls) -> None:
    hold = await reserve(books, "call_1", key, USD)
    sent: list[Finished | Sent] = [Sent("Default", "a"), Sent("Default", "b"), Sent("Default", "c"), WON]
    await books.store.make(writes.settle(hold, charge(5, attempt_id="call_1-4"), course(*sent)))
    lost = charge(70, attempt_id="call_1-1")
    await books.store.make(writes.operator(lost, call_id="call_1", team="acme", why="race_loss", took_ms=9000))
    for number in (2, 3):
        feared = replace(charge(80, attempt_id=f"call_1-{number}"), verdict=Verdict.LOST)
        await operator(books, feared, call_id="call_1", team="acme", why=writes.UNSETTLED)
    await UnsettledBooks(books.store).resolve("call_1-3", Resolved.UNBILLED, Reason.HAND)
    call = await past.find("call_1")
    assert [(each.verdict, each.billed, each.nanos, each.payer, each.why) for each in call.attempts] == [
        (Verdict.PICTURE, Billed.YES, 70, Payer.OPERATOR, "race_loss"),
        (Verdict.LOST, Billed.MAYBE, 80, Payer.OPERATOR, "unsettled"),
        (Verdict.LOST, Billed.NO, 0, Payer.OPERATOR, "hand"),
        (Verdict.PICTURE, Billed.YES, 5, Payer.KEY, None),
    ]
    assert call.attempts[0].took_ms == 9000


async def test_a_page_reads_no_more_rows_than_it_may(
    books: Books, keys: Keys, key: Key, past: PastCalls, raw: Redis
) -> None:
    """A key that has called once, long ago, beside one that calls all the time."""
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    rare = await reserve(books, "rare", other, USD)
    busy = {"do": "reserve", "call": "busy", "key": key.id, "held": "0", "spent": "0"}
    with raw.pipeline(transaction=False) as pipeline:
        for _ in range(25_000):
            pipeline.xadd(layout.ledger("acme"), busy)  # type: ignore[arg-type]
        pipeline.execute()
    raw.config_resetstat()
    calls, after = await past.page(Wanted("acme", other.id), 10)
    asked = raw.info("commandstats")["cmdstat_xrevrange"]["calls"]
    assert asked <= 21
    assert calls == []
    assert after is not None
    assert [call.id for call in await all_pages(past, Wanted("acme", other.id), 10)] == [rare.call_id]
