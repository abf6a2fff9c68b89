"""What a key has spent, put right by the admin API."""

import httpx2
import pytest

from tests.house import MODEL
from tests.web.office import KEYS, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_refund_is_made_once_under_its_name(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    made = (await admin.post(KEYS, json={"team": "acme", "name": "ci"})).json()
    body = {"model": MODEL, "prompt": "a boat"}
    drawn = await stranger.post("/v1/images/generations", json=body, headers={"authorization": f"Bearer {made['key']}"})
    cost = drawn.headers["x-gateway-cost-usd"]
    path, refund = f"{KEYS}/{made['id']}", {"usd": f"-{cost}", "why": "broken", "name": f"ticket-{made['id']}"}
    for usd in (f"-{cost}", "-0.000000001"):
        answer = await admin.post(f"{path}/adjustments", json=refund | {"usd": usd})
        assert answer.status_code == 201
        assert answer.json() == {"key": made["id"], "name": refund["name"], "usd": f"-{cost}"}
    assert (await admin.get(path)).json()["spent_usd"] == "0"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"usd": "-1", "why": "broken"}, "usd: the key has spent 0 USD; no more can be taken from that"),
        ({"usd": "0", "why": "broken"}, "usd: is nothing; give an amount like -0.50"),
        ({"usd": "1"}, "why: Field required"),
        ({"usd": "1", "why": "broken", "name": "a b"}, "name: a name is 1 to 64 letters"),
    ],
)
async def test_what_makes_no_sense_is_a_problem(admin: httpx2.AsyncClient, body: dict[str, str], says: str) -> None:
    made = (await admin.post(KEYS, json={"team": "acme"})).json()
    status, detail = problem(await admin.post(f"{KEYS}/{made['id']}/adjustments", json=body))
    assert status == 422
    assert detail.startswith(says)


async def test_a_key_that_is_not_there(admin: httpx2.AsyncClient) -> None:
    answer = await admin.post(f"{KEYS}/key_nope/adjustments", json={"usd": "1", "why": "broken"})
    assert problem(answer) == (404, "There is no key key_nope.")
