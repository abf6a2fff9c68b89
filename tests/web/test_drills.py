"""Drills by the admin API: begun, listed, ended; and which are refused, and how."""

import time
from typing import Any

import httpx2
import pytest

from tests.house import Gateway
from tests.web.office import DRILLS, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_drill_is_begun_listed_and_ended(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    wanted = {"group": "Default", "kind": "slow", "key": shared.key.id, "delay_s": 20, "note": "before the launch"}
    begun = await admin.post(DRILLS, json=wanted)
    assert begun.status_code == 201
    drill = begun.json()
    assert drill["begins_at"] == pytest.approx(time.time(), abs=600)
    assert drill["ends_at"] - drill["begins_at"] in (600, 601)
    expected = {**wanted, "team": None, "share": None, "delay_s": 20.0, "left_s": 600}
    assert {name: drill[name] for name in expected} == expected
    assert set(drill) == {*expected, "id", "begins_at", "ends_at"}
    (listed,) = (await admin.get(DRILLS)).json()["drills"]
    assert 0 < listed.pop("left_s") <= drill.pop("left_s")
    assert listed == drill
    ended = await admin.delete(f"{DRILLS}/{drill['id']}")
    assert (ended.status_code, ended.json()["left_s"]) == (200, 0)
    assert (await admin.get(DRILLS)).json() == {"drills": []}
    status, detail = problem(await admin.delete(f"{DRILLS}/{drill['id']}"))
    assert (status, "it may be over" in detail) == (404, True)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown group": ({"group": "Cheap"}, "group: 'Cheap' is not a group here; known: Default"),
    "an unknown kind": ({"kind": "lazy"}, "kind: Input should be 'dead', 'hang' or 'slow'"),
    "nobody": ({"share": None}, "key: nobody is named; name one key, one team, or a share"),
    "a team and a share": ({"team": "acme"}, "team: team and share are given; name one"),
    "an unknown key": ({"share": None, "key": "key_nope"}, "key: there is no key key_nope"),
    "an unknown team": ({"share": None, "team": "nobody"}, "team: there is no team nobody"),
    "a share of nothing": ({"share": 0}, "share: 0 is not above 0 and at most 1"),
    "more than all": ({"share": 1.5}, "share: 1.5 is not above 0 and at most 1"),
    "longer than an hour": ({"lasts_s": 3601}, "lasts_s: 3601 is not above 0 and at most 3600"),
    "no time at all": ({"lasts_s": 0}, "lasts_s"),
    "slow by how much": ({"kind": "slow"}, "delay_s: slow needs one"),
    "a delay of what is dead": ({"delay_s": 3}, "delay_s: only slow takes a delay"),
    "a field that is not one": ({"lasts": 3}, "lasts: Extra"),
    "a note without end": ({"note": "x" * 201}, "note: a note has at most 200 characters"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_drill_is_told_by_its_field_and_begins_nothing(admin: httpx2.AsyncClient, what: str) -> None:
    fields, says = WRONG[what]
    status, detail = problem(
        await admin.post(DRILLS, json={"group": "Default", "kind": "dead", "share": 0.1, **fields})
    )
    assert status == 422
    assert says in detail
    assert (await admin.get(DRILLS)).json() == {"drills": []}


async def test_a_note_that_nothing_can_keep_is_refused(admin: httpx2.AsyncClient) -> None:
    body = b'{"group": "Default", "kind": "dead", "share": 1, "note": "\\ud800"}'
    answer = await admin.post(DRILLS, content=body, headers={"content-type": "application/json"})
    assert problem(answer)[0] == 422
