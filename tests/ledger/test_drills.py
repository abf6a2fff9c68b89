"""The drills of a store: seen by all its gateways, by its own clock, and gone by themselves."""

import json
import time
from typing import Any

import pytest
from redis import Redis

from gateway.core.drill import Ailment, DrillTerms, OneKey, OneTeam, Share
from gateway.core.errors import BadRequest, NotFound
from gateway.core.keys import Key
from gateway.ledger.drills import MOST, Drills
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from tests.facts import DEFAULT, ENTERPRISE
from tests.waiting import eventually

GROUPS = (DEFAULT, ENTERPRISE)


@pytest.fixture
def drills(store: Store, keys: Keys) -> Drills:
    return Drills(store, keys)


def terms(**more: Any) -> DrillTerms:
    return DrillTerms(**{"group": "Default", "kind": "dead", "share": 0.5, **more})


async def test_a_drill_is_read_as_it_was_begun(drills: Drills, key: Key) -> None:
    asked = [
        terms(key=key.id, share=None, note="a note, and \u00fc"),
        terms(team="acme", share=None, kind="slow", delay_s=2.5),
        terms(kind="hang", group="NanoBananaEnterprise", lasts_s=60),
    ]
    begun = [await drills.begin(each, GROUPS) for each in asked]
    assert [drill.whom for drill in begun] == [OneKey(key.id), OneTeam("acme"), Share(0.5)]
    assert [drill.ailment for drill in begun] == [Ailment.DEAD, Ailment.SLOW, Ailment.HANG]
    assert len({drill.id for drill in begun}) == 3
    seen = await drills.on()
    assert seen.drills == (begun[2], *sorted(begun[:2], key=lambda drill: (drill.ends_at, drill.id)))
    assert all(drill.on(seen.now) for drill in seen.drills)


async def test_times_are_the_stores_own(drills: Drills, raw: Redis) -> None:
    seconds, _ = raw.time()
    drill = await drills.begin(terms(), GROUPS)
    assert drill.begins_at == pytest.approx(seconds, abs=60)
    assert drill.ends_at - drill.begins_at == pytest.approx(600)


async def test_without_drills_nothing_is_kept(drills: Drills, raw: Redis) -> None:
    assert (await drills.on()).drills == ()
    assert raw.dbsize() == 0


async def test_a_drill_ends_by_itself_and_leaves_nothing(drills: Drills, raw: Redis) -> None:
    await drills.begin(terms(lasts_s=0.2), GROUPS)

    async def gone() -> bool:
        return not (await drills.on()).drills and raw.exists("drills") == 0

    await eventually(gone)


async def test_the_store_keeps_drills_until_the_last_of_them_ends(drills: Drills, raw: Redis) -> None:
    for lasts_s in (600, 3600, 0.2):
        await drills.begin(terms(lasts_s=lasts_s), GROUPS)
    assert 3_000_000 < raw.pttl("drills") <= 3_600_000

    async def two() -> bool:
        return len((await drills.on()).drills) == 2

    await eventually(two)
    assert raw.hlen("drills") == 3, "what is over is passed over"
    await drills.begin(terms(), GROUPS)
    assert raw.hlen("drills") == 3, "and cleared away by the next that begins"


async def test_a_drill_that_is_ended_is_over(drills: Drills) -> None:
    kept, ended = [await drills.begin(terms(), GROUPS) for _ in range(2)]
    told = await drills.end(ended.id)
    assert told.id == ended.id
    assert told.ends_at < ended.ends_at
    assert (await drills.on()).drills == (kept,)
    for nobody in (ended.id, "drill_nope"):
        with pytest.raises(NotFound, match=nobody):
            await drills.end(nobody)


async def test_whom_a_drill_is_for_must_be_there(drills: Drills, key: Key) -> None:
    for field, nobody in (("key", "key_" + "0" * 22), ("team", "umbra")):
        with pytest.raises(BadRequest, match=nobody) as caught:
            await drills.begin(terms(share=None, **{field: nobody}), GROUPS)
        assert caught.value.param == field
    assert (await drills.on()).drills == ()


async def test_there_are_not_more_drills_than_a_call_can_be_held_against(drills: Drills) -> None:
    for _ in range(MOST):
        last = await drills.begin(terms(), GROUPS)
    with pytest.raises(BadRequest, match="end one of them"):
        await drills.begin(terms(), GROUPS)
    await drills.end(last.id)
    await drills.begin(terms(), GROUPS)


async def test_a_drill_that_only_a_later_release_knows_is_passed_over(drills: Drills, raw: Redis) -> None:
    drill = await drills.begin(terms(), GROUPS)
    ends_ms = round((time.time() + 600) * 1000)
    strange = {"kind": "sings", "group": "Default", "whom": {"share": 1}, "delay_s": 0}
    raw.hset("drills", "drill_a", f"{ends_ms} {json.dumps(strange)}")
    raw.hset("drills", "drill_b", f"{ends_ms} {json.dumps({'kind': 'dead'})}")
    assert (await drills.on()).drills == (drill,)
