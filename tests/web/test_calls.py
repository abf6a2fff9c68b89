"""Recent calls, as the admin API and the holder of a key may ask for them."""

import csv
import io
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.house import MODEL
from tests.waiting import eventually
from tests.web.office import KEYS, problem
from tests.web.ways import IMAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS, OWN = "/admin/api/calls", "/gateway/calls"


@pytest_asyncio.fixture(loop_scope="module")
async def key(admin: httpx2.AsyncClient) -> dict[str, Any]:
    made: dict[str, Any] = (await admin.post(KEYS, json={"team": "acme", "name": "ci"})).json()
    return {**made, "headers": {"authorization": f"Bearer {made['key']}"}}


async def drawn(http: httpx2.AsyncClient, key: dict[str, Any], prompt: str = "a boat") -> str:
    """The id of a call that was made, whatever came of it."""
    answer = await http.post("/v1/images/generations", json={**IMAGES, "prompt": prompt}, headers=key["headers"])
    return str(answer.headers["x-gateway-call-id"])


async def test_a_call_is_told_with_every_attempt_and_what_it_cost(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, key: dict[str, Any]
) -> None:
    call_id = await drawn(stranger, key, "a boat [sim:busy@Default]")
    told = (await admin.get(f"{CALLS}/{call_id}")).json()
    assert {name: told[name] for name in ("id", "team", "key_id", "route", "model", "size", "state", "group")} == {
        "id": call_id,
        "team": "acme",
        "key_id": key["id"],
        "route": "images.generate",
        "model": MODEL,
        "size": "1K",
        "state": "settled",
        "group": "NanoBananaEnterprise",
    }
    assert told["usd"] == (await admin.get(f"{KEYS}/{key['id']}")).json()["spent_usd"]
    assert (told["pictures"], told["caller_left"], told["why"]) == (1, False, None)
    first, second = told["attempts"]
    assert first["took_ms"] + second["took_ms"] <= told["took_ms"] + 100
    assert [first.pop("took_ms") >= 0, second.pop("took_ms") >= 0] == [True, True]
    assert first == {
        "id": f"{call_id}-1",
        "group": "Default",
        "lane": "Default",
        "verdict": "busy",
        "status": 429,
        "usd": "0",
        "billed": "no",
        "paid_by": None,
        "why": None,
    }
    assert second == {
        "id": f"{call_id}-2",
        "group": "NanoBananaEnterprise",
        "lane": "NanoBananaEnterprise",
        "verdict": "picture",
        "status": None,
        "usd": told["usd"],
        "billed": "yes",
        "paid_by": "key",
        "why": None,
    }


async def test_a_call_that_got_no_answer_says_why(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, key: dict[str, Any]
) -> None:
    call_id = await drawn(stranger, key, "a boat [sim:error]")
    told = (await admin.get(f"{CALLS}/{call_id}")).json()
    assert (told["state"], told["why"], told["usd"], told["route"]) == ("voided", "no answer", "0", "images.generate")
    assert {each["verdict"] for each in told["attempts"]} == {"failed"}
    cut = await drawn(stranger, key, "a boat [sim:cut]")

    async def booked() -> bool:
        return bool((await admin.get(f"{CALLS}/{cut}")).json()["state"] == "voided")

    await eventually(booked)
    told = (await admin.get(f"{CALLS}/{cut}")).json()
    assert (told["why"], told["usd"]) == ("truncated", "0")
    [attempt] = told["attempts"]
    assert (attempt["verdict"], attempt["billed"], attempt["paid_by"], attempt["why"]) == (
        *("cut", "yes", "operator", "truncated"),
    )


async def test_a_key_sees_its_own_calls_and_nothing_of_what_is_the_operators(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, key: dict[str, Any]
) -> None:
    other = (await admin.post(KEYS, json={"team": "acme", "name": "other"})).json()
    theirs = await drawn(stranger, {"headers": {"authorization": f"Bearer {other['key']}"}})
    mine = [await drawn(stranger, key, prompt) for prompt in ("a boat", "a boat [sim:busy@Default]")]
    listed = (await stranger.get(OWN, headers=key["headers"])).json()
    assert [call["id"] for call in listed["calls"]] == mine[::-1]
    assert listed["next"] is None
    told = (await stranger.get(f"{OWN}/{mine[1]}", headers=key["headers"])).json()
    assert told.pop("kept")["pictures"]
    assert told == listed["calls"][0]
    first, second = told["attempts"]
    assert (first["lane"], first["status"], first["usd"], first["billed"]) == (None, None, None, None)
    assert (second["lane"], second["usd"], second["paid_by"]) == (None, told["usd"], "key")
    absent = f"call_{'0' * 32}"
    refusals = [problem(await stranger.get(f"{OWN}/{each}", headers=key["headers"])) for each in (theirs, absent)]
    assert refusals[0][0] == 404
    assert refusals[0][1].replace(theirs, absent) == refusals[1][1]
    asked = (await stranger.get(f"{OWN}?team=acme&key_id={other['id']}", headers=key["headers"])).json()
    assert asked == listed


async def test_pages_are_turned_by_what_the_one_before_says(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, key: dict[str, Any]
) -> None:
    made = [await drawn(stranger, key) for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = (await admin.get(f"{CALLS}?key_id={key['id']}&limit=2&cursor={cursor}")).json()
        seen += [call["id"] for call in page["calls"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    newest = (await admin.get(f"{CALLS}?limit=3")).json()["calls"]
    assert [call["id"] for call in newest] == made[:1:-1]
    assert (await admin.get(f"{CALLS}?team=nobody")).json() == {"calls": [], "next": None}
    assert (await admin.get(f"{CALLS}?since=2999-01-01")).json() == {"calls": [], "next": None}


async def test_calls_are_a_file_too(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, key: dict[str, Any]
) -> None:
    made = [await drawn(stranger, key, prompt) for prompt in ("a boat", "a boat [sim:busy@Default]")]
    told = await admin.get(f"{CALLS}?key_id={key['id']}&limit=1&format=csv")
    [row] = csv.DictReader(io.StringIO(told.text))
    assert (row["id"], row["attempts"]) == (made[1], "Default busy 429; NanoBananaEnterprise picture")
    rest = await admin.get(f"{CALLS}?key_id={key['id']}&format=csv&cursor={told.headers['x-gateway-next-cursor']}")
    assert [each["id"] for each in csv.DictReader(io.StringIO(rest.text))] == made[:1]
    assert "x-gateway-next-cursor" not in rest.headers


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ("?limit=0", 422, "limit: "),
        ("?limit=201", 422, "limit: "),
        ("?cursor=nonsense", 422, "cursor: is not one that was handed out"),
        ("?since=yesterday", 422, "since: "),
        ("/call_1", 404, "there is no call call_1"),
    ],
)
async def test_what_there_is_not_is_refused(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, key: dict[str, Any], asked: str, status: int, says: str
) -> None:
    for answer in (await admin.get(CALLS + asked), await stranger.get(OWN + asked, headers=key["headers"])):
        code, detail = problem(answer)
        assert code == status
        assert says in detail
    assert problem(await admin.get(f"{CALLS}?key_id=key_1"))[0] == 404
