"""Metadata by the admin API: set, listed, changed one by one, removed."""

from typing import Any

import httpx2
import pytest

from tests.web.office import KEYS, TEAMS, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = {"cost-centre": "4711", "owner": "Zoë"}


@pytest.mark.parametrize(("path", "fields"), [(KEYS, {"team": "acme"}), (TEAMS, {"id": "noted"})])
async def test_it_is_set_changed_and_removed(admin: httpx2.AsyncClient, path: str, fields: dict[str, Any]) -> None:
    made = await admin.post(path, json={**fields, "metadata": NOTES})
    assert made.status_code == 201
    one = f"{path}/{made.json()['id']}"
    assert (await admin.get(one)).json()["metadata"] == NOTES
    assert (await admin.patch(one, json={"name": "another"})).json()["metadata"] == NOTES
    changed = (await admin.patch(one, json={"metadata": {"owner": None, "cost-centre": "4712"}})).json()
    assert changed["metadata"] == {"cost-centre": "4712"}
    assert changed["name"] == "another"
    listed = (await admin.get(path)).json()[path.rsplit("/", 1)[-1]]
    assert {"cost-centre": "4712"} in [each["metadata"] for each in listed]
    assert (await admin.patch(one, json={"metadata": None})).json()["metadata"] == {}


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"a b": "x"}, "metadata: 'a b' cannot be one"),
        ({"n": "x" * 513}, "metadata: n has 513 characters"),
        ({str(number): "x" for number in range(17)}, "metadata: at most 16"),
        ({"n": 1}, "metadata.n: Input should be a valid string"),
        (["n"], "metadata: Input should be a valid dictionary"),
    ],
)
async def test_what_cannot_be_kept_is_refused(admin: httpx2.AsyncClient, metadata: Any, says: str) -> None:
    for path, fields in ((KEYS, {"team": "acme"}), (TEAMS, {"id": "never"})):
        status, detail = problem(await admin.post(path, json={**fields, "metadata": metadata}))
        assert (status, detail[: len(says)]) == (422, says)


async def test_no_metric_carries_it(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    made = (await admin.post(KEYS, json={"team": "acme", "metadata": {"canary-name": "canary-value"}})).json()
    await stranger.get("/gateway/usage", headers={"authorization": f"Bearer {made['key']}"})
    assert "canary" not in (await stranger.get("/metrics")).text
