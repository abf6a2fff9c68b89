"""Usage, as the admin API and the holder of a key may ask for it."""

from typing import Any

import httpx2
import pytest

from gateway.core.money import nanos_of
from tests.house import MODEL
from tests.web.office import KEYS, USAGE, problem
from tests.web.ways import IMAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN = "/gateway/usage"
NATIVE = {"contents": [{"parts": [{"text": "a boat"}]}]}
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}


async def spent_by(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> dict[str, Any]:
    """A key that has drawn three pictures, each by another route."""
    made: dict[str, Any] = (await admin.post(KEYS, json={"team": "acme", "name": "ci"})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    for path, body in (("/v1/images/generations", IMAGES), (STREAM, NATIVE), ("/v1/chat/completions", CHAT)):
        assert (await stranger.post(path, json=body, headers=headers)).status_code == 200
    return {**made, "headers": headers}


async def test_usage_is_told_by_whatever_is_asked_for(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    key = await spent_by(admin, stranger)
    asked = (await admin.get(f"{USAGE}?key_id={key['id']}&by=route,team")).json()
    assert [(row["route"], row["team"], row["calls"]) for row in asked["rows"]] == [
        ("chat", "acme", 1),
        ("gemini.stream", "acme", 1),
        ("images.generate", "acme", 1),
    ]
    figures = ["calls", "pictures", "input_tokens", "output_tokens", "usd", "saved_usd", "list_usd", "below_list_usd"]
    assert list(asked["rows"][0]) == ["route", "team", *figures]
    [row] = (await admin.get(f"{USAGE}?key_id={key['id']}&by=model")).json()["rows"]
    spent = (await admin.get(f"{KEYS}/{key['id']}")).json()["spent_usd"]
    assert (row["model"], row["calls"], row["usd"]) == (MODEL, 3, spent)
    assert nanos_of(row["list_usd"]) - nanos_of(row["usd"]) == nanos_of(row["below_list_usd"]) > 0
    hours = (await admin.get(f"{USAGE}?key_id={key['id']}&by=hour")).json()["rows"]
    assert sum(nanos_of(each["usd"]) for each in hours) == nanos_of(spent)


async def test_a_key_is_told_of_its_own_usage_alone(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    key, other = [await spent_by(admin, stranger) for _ in range(2)]
    mine = (await stranger.get(f"{OWN}?by=key,model", headers=key["headers"])).json()
    assert [(row["key_id"], row["calls"], row["usd"]) for row in mine["rows"]] == [(key["id"], 3, mine["spent_usd"])]
    assert mine["until"] >= mine["since"]
    asked = (await stranger.get(f"{OWN}?by=key&team=acme&key_id={other['id']}", headers=key["headers"])).json()
    assert [row["key_id"] for row in asked["rows"]] == [key["id"]]
    assert "rows" not in (await stranger.get(OWN, headers=key["headers"])).json()
    days = (await stranger.get(f"{OWN}?since=2026-03-01&until=2026-03-31", headers=key["headers"])).json()
    assert (days["since"], days["until"], days["rows"]) == ("2026-03-01", "2026-03-31", [])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("by=lane", "by: 'lane' is none of day, team"),
        ("by=", "by: '' is none of"),
        ("since=2026-03-31&until=2026-03-01", "since: must not be after until"),
        ("by=hour&since=2026-03-01&until=2026-03-02", "since: hours are kept for 32 days"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_its_name(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, asked: str, says: str
) -> None:
    made = (await admin.post(KEYS, json={"team": "acme"})).json()
    for answer in (
        await admin.get(f"{USAGE}?{asked}"),
        await stranger.get(f"{OWN}?{asked}", headers={"authorization": f"Bearer {made['key']}"}),
    ):
        status, detail = problem(answer)
        assert status == 422
        assert says in detail
