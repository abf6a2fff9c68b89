"""A key's new secret by the admin API."""

import time

import httpx2
import pytest

from tests.web.office import KEYS, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY_S = 86_400


async def taken(stranger: httpx2.AsyncClient, secret: str) -> bool:
    """Whether a caller gets in with it."""
    answer = await stranger.get("/v1/models", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def test_a_key_gets_a_new_secret_and_the_old_one_goes_on(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    made = (await admin.post(KEYS, json={"team": "acme", "name": "ci", "budget_usd": "5"})).json()
    path = f"{KEYS}/{made['id']}"
    answer = await admin.post(f"{path}/rotate")
    assert answer.status_code == 200
    rotated = answer.json()
    secret = rotated.pop("key")
    assert secret != made["key"]
    assert rotated["hint"] == secret[-4:]
    assert rotated["rotated_at"] == pytest.approx(time.time(), abs=600)
    (old,) = rotated["old_secrets"]
    assert old == {"hint": made["hint"], "ends_at": pytest.approx(rotated["rotated_at"] + DAY_S, abs=1)}
    same = {**rotated, "hint": made["hint"], "rotated_at": None, "old_secrets": [], "key": made["key"]}
    assert same == made
    assert [await taken(stranger, each) for each in (made["key"], secret)] == [True, True]
    told = await admin.get(path)
    assert told.json() == rotated
    assert secret not in told.text


async def test_without_an_overlap_the_old_secret_is_refused_at_once(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    made = (await admin.post(KEYS, json={"team": "acme"})).json()
    assert await taken(stranger, made["key"])
    rotated = (await admin.post(f"{KEYS}/{made['id']}/rotate", json={"overlap_s": 0})).json()
    assert rotated["old_secrets"] == []
    assert [await taken(stranger, each) for each in (made["key"], rotated["key"])] == [False, True]
    await admin.delete(f"{KEYS}/{made['id']}")
    assert not await taken(stranger, rotated["key"])
    status, detail = problem(await admin.post(f"{KEYS}/{made['id']}/rotate", json={"overlap_s": 0}))
    assert (status, "is revoked or expired" in detail) == (400, True)


@pytest.mark.parametrize(
    "body", [{"overlap_s": -1}, {"overlap_s": 93 * DAY_S}, {"overlap": 60}, {"overlap_s": "a day"}]
)
async def test_an_overlap_that_makes_no_sense_changes_nothing(
    admin: httpx2.AsyncClient, body: dict[str, object]
) -> None:
    made = (await admin.post(KEYS, json={"team": "acme"})).json()
    secret = made.pop("key")
    assert problem(await admin.post(f"{KEYS}/{made['id']}/rotate", json=body))[0] == 422
    assert (await admin.get(f"{KEYS}/{made['id']}")).json() == made
    assert secret


async def test_there_is_nothing_to_rotate_of_a_key_that_is_not_there(admin: httpx2.AsyncClient) -> None:
    missing = "key_" + "0" * 22
    assert problem(await admin.post(f"{KEYS}/{missing}/rotate")) == (404, f"There is no key {missing}.")
