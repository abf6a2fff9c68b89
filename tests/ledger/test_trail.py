"""Everything that administrators do is a row of the trail, written in the step that does it."""

from typing import Any

import pytest
from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.drill import DrillTerms
from gateway.core.errors import BadRequest, BooksAway, NotFound
from gateway.core.jobs import Job, State
from gateway.core.keys import Limits, TeamLimits
from gateway.core.trail import Action, Actor, Change, Door
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger import layout
from gateway.ledger.adjustments import Adjustments
from gateway.ledger.budget import Books
from gateway.ledger.drills import Drills
from gateway.ledger.jobs import Jobs
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.ledger.trail import Trail
from gateway.ledger.unsettled import UnsettledBooks
from tests.facts import DEFAULT
from tests.ledger.accounts import NOW, USD, charge, operator

ANA, BOB = Actor("ana@desk", Door.CLI), Actor("bob", Door.API)

Row = tuple[str, str, str, str]


@pytest.fixture
def trail(store: Store) -> Trail:
    return Trail(store)


async def told(trail: Trail, **about: Any) -> list[Row]:
    """Who did what, the newest first."""
    page = await trail.page(limit=100, **about)
    assert page.cursor is None
    return [(each.who, each.door, each.action, each.subject) for each in page.deeds]


async def test_what_is_done_to_teams_and_keys_is_told_with_what_it_changed(keys: Keys, trail: Trail) -> None:
    ana, bob = keys.by(ANA), keys.by(BOB)
    await ana.create_team("acme", limits=TeamLimits(Budget(9 * USD)), now=NOW, metadata=(("owner", "Zoë"),))
    key, _ = await bob.create_key("acme", name="ci", limits=Limits(), now=NOW)
    await ana.update_team("acme", name="Acme", limits=TeamLimits(), metadata=())
    await bob.update(key.id, name="ci", limits=Limits(Budget(USD), models=frozenset({"banana"})))
    await ana.rotate(key.id, overlap_s=60, now=NOW)
    await bob.revoke(key.id, NOW + 1)
    revoked, rotated, changed, team_changed, created, team_created = (await trail.page(limit=100)).deeds
    assert (team_created.who, team_created.door, team_created.action) == ("ana@desk", "cli", "team.created")
    assert {"budget_usd": Change(None, "9"), "metadata.owner": Change(None, "Zoë")}.items() <= (
        team_created.changes.items()
    )
    assert (created.who, created.action, created.subject, created.team) == ("bob", "key.created", key.id, "acme")
    assert team_changed.changes == {
        "name": Change("acme", "Acme"),
        "budget_usd": Change("9", None),
        "metadata.owner": Change("Zoë", None),
    }
    assert changed.changes == {"budget_usd": Change(None, "1"), "models": Change(None, ["banana"])}
    assert rotated.action == "key.rotated"
    assert set(rotated.changes) == {"hint", "old_secrets_end_at"}
    assert rotated.changes["old_secrets_end_at"] == Change(None, NOW + 60)
    assert (revoked.action, revoked.changes) == ("key.revoked", {"revoked_at": Change(None, NOW + 1)})


async def test_what_changes_nothing_is_no_row(keys: Keys, trail: Trail) -> None:
    await keys.create_team("acme", now=NOW)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    await keys.revoke(key.id, NOW)
    before = await told(trail)
    await keys.update(key.id, name="ci", limits=Limits())
    await keys.update_team("acme", name="acme", limits=TeamLimits())
    await keys.revoke(key.id, NOW + 1)
    with pytest.raises(BadRequest):
        await keys.create_team("acme", now=NOW)
    assert await told(trail) == before


async def test_whoever_acts_hears_of_every_row_and_of_nothing_else(
    store: Store, keys: Keys, books: Books, trail: Trail
) -> None:
    heard: list[Row] = []
    ana = Actor("ana", Door.API, lambda action, subject: heard.append(("ana", "api", action, subject)))
    acting, drills = keys.by(ana), Drills(store, keys, ana)
    await acting.create_team("acme", now=NOW)
    key, _ = await acting.create_key("acme", name="ci", limits=Limits(), now=NOW)
    await operator(books, charge(USD, attempt_id="att_1"), call_id="c", team="acme", why="unsettled")
    drill = await drills.begin(DrillTerms(group="Default", kind="dead", share=0.5), (DEFAULT,))
    for _ in range(2):
        await acting.update_team("acme", name="Acme", limits=TeamLimits())
        await acting.update(key.id, name="build", limits=Limits())
        await Adjustments(books, ana).make(key, "1", "forgotten", name="once")
        await UnsettledBooks(store, ana).resolve("att_1", Resolved.BILLED, Reason.HAND)
    await acting.rotate(key.id, overlap_s=60, now=NOW)
    await drills.end(drill.id)
    job = Job("job_1", "acme", key.id, State.RUNNING, "chat", "flash", "print", 1, NOW)
    await Jobs(store, "here").add(job)
    await Jobs(store, "here").forget(job, ana)
    for _ in range(2):
        await acting.revoke(key.id, NOW + 1)
    with pytest.raises(BadRequest):
        await acting.create_team("acme", now=NOW)
    with pytest.raises(BadRequest):
        await acting.rotate(key.id, overlap_s=60, now=NOW + 2)
    with pytest.raises(BadRequest):
        await Adjustments(books, ana).make(key, "-9", "too much")
    with pytest.raises(NotFound):
        await drills.end(drill.id)
    with pytest.raises(NotFound):
        await UnsettledBooks(store, ana).resolve("att_2", Resolved.BILLED, Reason.HAND)
    assert {each for _, _, each, _ in heard} == set(Action) - {Action.STORE_MOVED}
    assert sorted(heard) == sorted(await told(trail))


async def test_no_secret_and_no_name_of_one_is_in_it(keys: Keys, raw: Redis) -> None:
    await keys.create_team("acme", now=NOW)
    key, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    rotated, newer = await keys.rotate(key.id, overlap_s=60, now=NOW)
    rows = str(raw.xrange(layout.trail("acme")))
    assert key.id in rows
    for each in (secret, newer, key.secret_name, rotated.secret_name):
        assert each not in rows


async def test_drills_and_attempts_that_somebody_resolves_are_told(
    store: Store, keys: Keys, books: Books, trail: Trail
) -> None:
    drills = Drills(store, keys, BOB)
    drill = await drills.begin(DrillTerms(group="Default", kind="slow", share=0.5, delay_s=3.0), (DEFAULT,))
    await drills.end(drill.id)
    for number, actor in ((1, ANA), (2, None)):
        await operator(books, charge(USD, attempt_id=f"att_{number}"), call_id="c", team="acme", why="unsettled")
        for _ in range(2):
            await UnsettledBooks(store, actor).resolve(f"att_{number}", Resolved.BILLED, Reason.HAND, nanos=5)
    assert await told(trail) == [
        ("ana@desk", "cli", "attempt.resolved", "att_1"),
        ("bob", "api", "drill.ended", drill.id),
        ("bob", "api", "drill.begun", drill.id),
    ]
    resolved, ended, begun = (await trail.page(limit=3)).deeds
    assert resolved.changes == {
        "held_usd": Change("1", None),
        "resolved": Change(None, "billed"),
        "spent_usd": Change(None, "0.000000005"),
        "why": Change(None, "hand"),
    }
    assert begun.changes["delay_s"] == Change(None, 3.0)
    assert ended.changes["delay_s"] == Change(3.0, None)


async def test_nothing_is_done_that_cannot_be_told(store: Store, keys: Keys, books: Books, raw: Any) -> None:
    """A store that takes no rows."""
    await keys.create_team("acme", now=NOW)
    key, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    drills = Drills(store, keys)
    terms = DrillTerms(group="Default", kind="dead", share=0.5)
    drill = await drills.begin(terms, (DEFAULT,))
    await operator(books, charge(USD), call_id="c", team="acme", why="unsettled")
    before = everything_in(raw)
    raw.execute_command("ACL", "SETUSER", "default", "-xadd")
    try:
        for doing in (
            keys.create_team("other", now=NOW),
            keys.create_key("acme", name="x", limits=Limits(), now=NOW),
            keys.update(key.id, name="x", limits=Limits()),
            keys.update_team("acme", name="x", limits=TeamLimits()),
            keys.rotate(key.id, overlap_s=0, now=NOW),
            keys.revoke(key.id, NOW),
            drills.begin(terms, (DEFAULT,)),
            drills.end(drill.id),
            UnsettledBooks(store, ANA).resolve("att_1", Resolved.BILLED, Reason.HAND),
        ):
            with pytest.raises(BooksAway):
                await doing
    finally:
        raw.execute_command("ACL", "SETUSER", "default", "+xadd")
    assert everything_in(raw) == before
    assert await keys.find(secret, NOW) == key


def everything_in(raw: Any) -> dict[str, Any]:
    """All records that say what there is; what only leads to them comes before."""
    return {
        name: raw.hgetall(name) for name in raw.scan_iter(_type="hash") if not name.startswith(("key:", "teams"))
    } | {
        "{t:acme}:keys": None,
        "{op}:ledger": raw.xlen("{op}:ledger"),
    }


async def test_a_subject_is_a_team_with_its_keys_or_one_thing(store: Store, keys: Keys, trail: Trail) -> None:
    await keys.create_team("acme", now=NOW)
    await keys.create_team("beta", now=NOW)
    one, _ = await keys.create_key("acme", name="one", limits=Limits(), now=NOW)
    two, _ = await keys.create_key("acme", name="two", limits=Limits(), now=NOW)
    drill = await Drills(store, keys).begin(DrillTerms(group="Default", kind="dead", share=0.5), (DEFAULT,))
    assert [row[3] for row in await told(trail, subject="acme")] == [two.id, one.id, "acme"]
    assert [row[3] for row in await told(trail, subject=one.id)] == [one.id]
    assert [row[2] for row in await told(trail, subject=drill.id)] == ["drill.begun"]
    for nobody in ("nobody", "key_" + "0" * 22, "", "{t:acme}"):
        assert await told(trail, subject=nobody) == []


async def test_one_thing_is_found_behind_many_others(keys: Keys, trail: Trail) -> None:
    await keys.create_team("acme", now=NOW)
    key, _ = await keys.create_key("acme", name="rare", limits=Limits(), now=NOW)
    for number in range(30):
        await keys.update_team("acme", name=f"name {number}", limits=TeamLimits())
    await keys.revoke(key.id, NOW)
    page = await trail.page(limit=2, subject=key.id)
    assert ([each.action for each in page.deeds], page.cursor) == (["key.revoked", "key.created"], None)
    page = await trail.page(limit=1, subject=key.id)
    assert page.cursor
    page = await trail.page(limit=1, subject=key.id, cursor=page.cursor)
    assert ([each.action for each in page.deeds], page.cursor) == (["key.created"], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_come_one_after_the_other_and_leave_nothing_out(
    trail: Trail, store: Store, keys: Keys, raw: Redis, limit: int
) -> None:
    """Rows of several teams have the very same time, and the very same name."""
    for team in ("acme", "beta", "gamma"):
        await store.put(layout.TEAMS, {team: ""})
        for name in ("5-0", "5-1", "6-0"):
            raw.xadd(layout.trail(team), {"who": "w", "door": "cli", "action": name, "subject": team}, id=name)
    found, cursor = [], None
    while True:
        page = await trail.page(limit=limit, cursor=cursor)
        found += [(each.action, each.team) for each in page.deeds]
        assert len(page.deeds) == limit or page.cursor is None
        cursor = page.cursor
        if cursor is None:
            break
    assert found == [(name, team) for name in ("6-0", "5-1", "5-0") for team in ("gamma", "beta", "acme")]


async def test_since_is_the_first_moment_that_is_told(trail: Trail, store: Store, raw: Redis) -> None:
    await store.put(layout.TEAMS, {"acme": ""})
    for name in ("4999-5", "5000-0", "6000-0"):
        raw.xadd(layout.trail("acme"), {"who": "w", "door": "cli", "action": name, "subject": "acme"}, id=name)
    assert [row[2] for row in await told(trail, since=5.0)] == ["6000-0", "5000-0"]
    assert [row[2] for row in await told(trail, since=-1.0)] == ["6000-0", "5000-0", "4999-5"]


@pytest.mark.parametrize("cursor", ["", "5", "5-0", "5-0@", "x-0@{t:acme}:trail", "5-0@a b", "5-0@{t:a}\n"])
async def test_a_cursor_that_no_answer_gave_is_refused(trail: Trail, cursor: str) -> None:
    with pytest.raises(BadRequest, match="is none that an answer has given") as refused:
        await trail.page(limit=1, cursor=cursor)
    assert refused.value.param == "cursor"


@pytest.mark.parametrize("limit", [0, 1001])
async def test_so_many_are_not_told_at_once(trail: Trail, limit: int) -> None:
    with pytest.raises(BadRequest, match="1 to 1000"):
        await trail.page(limit=limit)


async def test_the_oldest_go_when_there_are_too_many(store: Store, raw: Redis) -> None:
    with raw.pipeline(transaction=False) as pipeline:
        for number in range(1, 10_001):
            pipeline.xadd(layout.OPERATOR_TRAIL, {"who": "w"}, id=f"1-{number}")
        pipeline.execute()
    words = ["ana", "cli", "store.moved", "store"]
    await store.call("entered", [layout.OPERATOR_TRAIL], words)
    assert raw.xlen(layout.OPERATOR_TRAIL) == 10_000
    assert raw.exists(layout.OPERATOR_TRAIL)
    assert not raw.xrange(layout.OPERATOR_TRAIL, "1-1", "1-1")
