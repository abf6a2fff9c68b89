"""Uploaded files by hand: how they look, who sees them, in what pages, and how they come into a request."""

import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.keys import Limits
from gateway.vault.records import Draft
from gateway.vault.vault import Vault
from tests.house import MODEL, Gateway, Simulator, open_gateway
from tests.waiting import eventually
from tests.web.test_uploads import BYTES, START, STATUS, kept

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A PNG of one pixel.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


async def test_a_file_looks_like_googles(shared: Gateway) -> None:
    file = await kept(shared)
    name = file["name"].removeprefix("files/")
    assert len(name) <= 40
    assert file["uri"] == f"https://generativelanguage.googleapis.com/v1beta/files/{name}"
    assert (file["displayName"], file["mimeType"], file["sizeBytes"]) == ("mug", "image/png", str(len(BYTES)))
    assert (file["state"], file["source"]) == ("ACTIVE", "UPLOADED")
    assert file["createTime"].endswith("Z")


async def test_a_wrong_method_is_told_the_right_one(shared: Gateway) -> None:
    for method, path, allowed in (
        ("GET", START, "POST"),
        ("POST", "/v1beta/files", "GET"),
        ("PATCH", "/v1beta/files/x", "DELETE, GET"),
    ):
        answer = await shared.http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert (STATUS in answer.headers) == (path == START)


async def test_pages(shared: Gateway) -> None:
    pager = await _another_team(shared, "pages")
    for number in range(12):
        headers = {"x-goog-api-key": pager, "x-goog-upload-protocol": "raw"}
        await shared.http.post(START, headers=headers | {"authorization": ""}, content=BYTES[: number + 1])
    sizes: list[int] = []
    params: dict[str, Any] = {"key": pager}
    while True:
        page = (await shared.http.get("/v1beta/files", params=params, headers={"authorization": ""})).json()
        sizes += [int(file["sizeBytes"]) for file in page["files"]]
        if "nextPageToken" not in page:
            break
        assert len(page["files"]) == 10
        params["pageToken"] = page["nextPageToken"]
    assert sizes == list(range(12, 0, -1))


async def _another_team(shared: Gateway, team: str) -> str:
    """The secret of a key of this team."""
    await shared.running.ledger.keys.ensure_team(team, now=time.time())
    _, secret = await shared.running.ledger.keys.create_key(team, name="x", limits=Limits(), now=time.time())
    return secret


@pytest.mark.parametrize(
    "params", [{"pageSize": "many"}, {"pageSize": "-1"}, {"pageToken": "x"}, {"pageToken": "W10="}]
)
async def test_a_page_that_cannot_be_is_refused(shared: Gateway, params: dict[str, str]) -> None:
    answer = await shared.http.get("/v1beta/files", params=params)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_another_teams_file_is_in_no_list_and_stays(shared: Gateway) -> None:
    name = (await kept(shared))["name"]
    other = await _another_team(shared, "strangers")
    headers = {"authorization": f"Bearer {other}"}
    assert (await shared.http.get("/v1beta/files", headers=headers)).json() == {}
    assert (await shared.http.delete(f"/v1beta/{name}", headers=headers)).status_code == 403
    assert (await shared.http.get(f"/v1beta/{name}")).status_code == 200


async def test_a_deleted_file_is_gone_and_an_uploaded_one_cannot_be_fetched(shared: Gateway) -> None:
    name = (await kept(shared))["name"]
    for path in (f"/v1beta/{name}:download", f"/v1beta/{name}?alt=media"):
        answer = await shared.http.get(path)
        assert (answer.status_code, "cannot be downloaded" in answer.json()["error"]["message"]) == (400, True)
    deleted = await shared.http.delete(f"/v1beta/{name}")
    assert (deleted.status_code, deleted.json()) == (200, {})
    assert (await shared.http.get(f"/v1beta/{name}")).status_code == 403
    assert (await shared.http.delete(f"/v1beta/{name}")).status_code == 403


@pytest.mark.parametrize("spelt", ["google", "own", "bare", "snake"])
async def test_a_file_is_inlined_however_it_is_named(shared: Gateway, simulator: Simulator, spelt: str) -> None:
    png = base64.b64decode(DOT)
    file = await kept(shared, png)
    uri = {"own": f"{shared.url}/v1beta/{file['name']}", "bare": file["name"]}.get(spelt, file["uri"])
    part: dict[str, Any] = {"fileData": {"fileUri": uri, "mimeType": "image/png"}}
    if spelt == "snake":
        part = {"file_data": {"file_uri": uri, "mime_type": "image/png"}}
    body = {"contents": [{"parts": [{"text": "make it night"}, part]}]}
    answer = await shared.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
    assert answer.status_code == 200, answer.text
    (sent,) = simulator.requests(answer.headers["x-gateway-call-id"])
    inline = {"inlineData": {"mimeType": "image/png", "data": DOT}}
    assert json.loads(sent["text"])["contents"][0]["parts"] == [{"text": "make it night"}, inline]


async def test_files_that_are_too_much_together_are_refused_before_they_are_read(shared: Gateway) -> None:
    part = {"fileData": {"fileUri": (await kept(shared, BYTES * 10 * 1024))["name"]}}
    body = {"contents": [{"parts": [part] * 4}]}
    answer = await shared.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (413, "INVALID_ARGUMENT")
    assert (await shared.usage())["held_usd"] == "0"


async def test_a_gateway_sweeps_what_expired_while_it_was_away(simulator: Simulator, tmp_path: Path) -> None:
    then = time.time() - 3 * 24 * 3600
    data = tmp_path / "data"
    data.mkdir()
    vault = Vault.open(data)
    token, _ = await vault.begin(Draft(team="acme", media_type="image/png"), then)

    async def coming() -> AsyncIterator[bytes]:
        yield BYTES

    await vault.append(token, 0, coming(), then)
    await vault.finish(token, then)

    async def all_gone() -> bool:
        folders = (data / "vault" / "blobs", data / "vault" / "uploads")
        return not [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    assert not await all_gone()
    async with open_gateway(simulator, tmp_path):
        await eventually(all_gone)


async def test_a_file_that_is_no_picture_is_refused_before_anything_is_sent(shared: Gateway) -> None:
    headers = {"x-goog-upload-protocol": "raw", "content-type": "image/png"}
    sent = await shared.http.post(START, headers=headers, content=b"%PDF-1.7 and so on")
    name = sent.json()["file"]["name"]
    part = {"fileData": {"fileUri": name, "mimeType": "image/png"}}
    body = {"contents": [{"parts": [part, {"text": "night"}]}]}
    used = await shared.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
    assert (used.status_code, used.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert name in used.json()["error"]["message"]
    assert "x-gateway-attempts" not in used.headers
