"""All that the gateway ever asks of a store, once: for stores that may not do all that others do."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.core.allowance import Caps, Purpose
from gateway.core.claims import Claim, Stands
from gateway.core.drill import DrillTerms
from gateway.core.events import Event, LedgersMeasured, RowsArchived
from gateway.core.jobs import Job, State
from gateway.core.keys import Key, Limits
from gateway.core.pool import FROM_NOW_ON, Push
from gateway.core.trail import GATEWAY, Action
from gateway.core.unsettled import Reason, Resolved
from gateway.core.webhooks import Webhook
from gateway.ledger import layout, library, writes
from gateway.ledger.adjustments import Adjustments
from gateway.ledger.allowances import Allowances
from gateway.ledger.archive import Archiver
from gateway.ledger.budget import Books
from gateway.ledger.calls import PastCalls, Wanted
from gateway.ledger.claims import Claims
from gateway.ledger.drills import Drills
from gateway.ledger.evidence import Evidence
from gateway.ledger.jobs import Jobs
from gateway.ledger.keys import Keys
from gateway.ledger.move import refuse_unfinished
from gateway.ledger.reaper import Reaper
from gateway.ledger.reports import Span, usage
from gateway.ledger.served import ServedCounts
from gateway.ledger.shelf import Shelf
from gateway.ledger.signatures import Signatures
from gateway.ledger.store import Store
from gateway.ledger.trail import Trail
from gateway.ledger.unsettled import UnsettledBooks
from gateway.ledger.verify import verify
from tests.facts import DEFAULT
from tests.ledger.accounts import NOW, PEPPER, USD, charge, operator, reserve, settle, void

FUNCTIONS = {line.split("'")[1] for line in library.CODE.splitlines() if line.startswith("offer('")}


async def everything(store: Store, teams: tuple[str, ...] = ("acme",)) -> None:
    """Asks it, and finds the books right at the end."""
    await refuse_unfinished(store)
    keys, books = Keys(store, PEPPER), Books(store, time.time)
    for team in teams:
        await keys.create_team(team, now=NOW)
        key, secret = await keys.create_key(team, name="ci", limits=Limits(), now=NOW)
        assert await keys.find(secret, NOW) == key
        await keys.update(key.id, name="cd", limits=Limits(), metadata=(("owner", "Ana"),))
        await keys.update(key.id, name="cd", limits=Limits(), metadata=())
        _, newer = await keys.rotate(key.id, overlap_s=60, now=NOW)
        assert await keys.find(secret, NOW) == await keys.find(newer, NOW)
        await _calls(books, key)
        assert await Adjustments(books, GATEWAY).make(key, "-0.1", "a refund", name="once") == ("once", -USD // 10)
        await _premium(store, team)
    await _around(store, keys, books)
    await _lapsed(store, books, key)
    await _archived(store, books)
    await keys.revoke(key.id, NOW)
    actions = [each.action for each in (await Trail(store).page(limit=100)).deeds]
    assert len(actions) == 6 * len(teams) + 6
    for each in [each async for each in verify(books)]:
        assert not each.faults
        assert each.rows
    await store.ping()
    assert await store.run_id()


async def _calls(books: Books, key: Key) -> None:
    claims = Claims(books.store, "here", PEPPER)
    await Claims(books.store, "there", PEPPER).live()
    assert await claims.lives("there")
    bid = claims.bid(Claim("print", "once"), key, f"{key.team}_9")
    (hold,) = await books.admit([bid.call_id], key, USD, lease_s=480.0, bid=bid)  # type: ignore[misc]
    await claims.note(bid, bid.call_id, Stands.KEPT, [bid.call_id])
    assert (await claims.standing(bid, bid.call_id, bid.call_id)).stands is Stands.KEPT
    await void(books, hold, "it was a trial")
    holds = [await reserve(books, f"{key.team}_{number}", key, USD) for number in range(3)]
    await settle(books, holds[0], charge(USD // 2))
    await void(books, holds[1], "the caller left")
    past = PastCalls(books.store)
    newest, after = await past.page(Wanted(key.team), 1)
    older, _ = await past.page(Wanted(), 10, after)
    assert {each.id for each in (*newest, *older)} >= {each.call_id for each in holds if each is not holds[1]}
    assert (await past.find(holds[0].call_id)).spent_nanos == USD // 2
    since = await books.since(key.team)
    assert since
    assert (await books.account(key.team, key.id)).total.spent_nanos == USD // 2
    today = datetime.now(UTC).date()
    for hourly in (False, True):
        assert await usage(books.store, Span(today - timedelta(days=1), today), team=key.team, hourly=hourly)


async def _premium(store: Store, team: str) -> None:
    allowances = Allowances(store, {Purpose.PREMIUM: Caps(USD, USD)})
    assert await allowances.draw(Purpose.PREMIUM, team, f"{team}-1", 1000) is None
    for write in writes.correct(Purpose.PREMIUM, team, f"{team}-1", 900):
        await store.make(write)
    assert (await allowances.of_team(team)).hour_nanos == 900


async def _around(store: Store, keys: Keys, books: Books) -> None:
    drills = Drills(store, keys)
    drill = await drills.begin(DrillTerms(group="Default", kind="dead", share=0.5), (DEFAULT,))
    await drills.end(drill.id)
    words = GATEWAY.words(Action.STORE_MOVED, "store")
    assert await store.call("entered", [layout.OPERATOR_TRAIL], words) == ["entered"]
    evidence = Evidence(store)
    await evidence.exchange(Push(("Default", "flash"), {"good": 1, "took:1K:0:0:20": 1}, FROM_NOW_ON, leases=1))
    assert await evidence.last([("Default", "flash"), ("Default", "pro")])
    served = ServedCounts(store)
    await served.add({"good": 2, "late": 1}, NOW)
    assert {"good": 2, "late": 1} in (await served.lately(NOW)).now
    await _jobs(store, keys)
    signatures = Signatures(store, keep_s=3600)
    await signatures.remember("acme", {"one": "signed", "two": "too"})
    assert await signatures.recall("acme", ["two", "none", "one"]) == {"two": "too", "one": "signed"}


async def _jobs(store: Store, keys: Keys) -> None:
    jobs, key = Jobs(store, "here"), (await keys.keys())[0]
    job = Job("job_1", key.team, key.id, State.RUNNING, "chat", "flash", "print", 1, NOW)
    assert await jobs.add(job)
    assert await jobs.hold(job.id)
    assert await jobs.note(job)
    assert await jobs.take() is None
    pages = [await jobs.page(key_id=key.id, limit=1), await jobs.page(team=key.team, limit=1), await jobs.page(limit=1)]
    assert [page.jobs for page in pages] == [[job]] * 3
    assert await jobs.tell() is None
    await jobs.told(job.id, Webhook("https://hooks.example.org/"))
    assert await jobs.forget(job, GATEWAY) is State.RUNNING


async def _archived(store: Store, books: Books) -> None:
    told: list[Event] = []
    with TemporaryDirectory() as place:
        shelf = Shelf((Path(place),))
        await Archiver(store, shelf, 1, told.append, lambda: time.time() + 2 * 86_400).turn()
        assert {type(each) for each in told} == {LedgersMeasured, RowsArchived}
        assert not [fault async for each in verify(books, shelf=shelf) for fault in each.faults]


async def _lapsed(store: Store, books: Books, key: Key) -> None:
    told: list[Event] = []
    hold = await reserve(books, "lapses", key, USD, lease_s=0.001)
    await asyncio.sleep(0.002)
    reaper = Reaper(store, told.append)
    await reaper.turn()
    assert not await store.first(layout.REAPER, within_s=1), "it was the reaper's turn"
    await reaper.look(key.team)
    assert told
    unsettled = UnsettledBooks(store, GATEWAY)
    assert [each.call_id for each in await unsettled.calls()] == ["lapses"]
    await settle(books, replace(hold, since=""), charge(1))
    feared = charge(USD, attempt_id="att_9")
    await operator(books, feared, call_id="call_9", team=key.team, why=writes.UNSETTLED)
    assert await unsettled.adopt() == 0
    words = [str(USD), "0", "attempt", "att_9"]
    assert await store.call("adopt", [layout.OPERATOR], words) == ["known"]  # an older release leaves it no record
    assert [each.attempt_id async for each in unsettled.attempts()] == ["att_9"]
    await unsettled.resolve("att_9", Resolved.BILLED, Reason.HAND)
