"""Pictures that a request names by their address: fetched where that is allowed, and not a byte of them elsewhere."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.core.keys import Limits
from tests.dialects.test_answers import png
from tests.house import MODEL, PRO, Gateway, Simulator, open_gateway, pixels
from tests.upstream.server import Server, answer, says

WIDE = base64.b64decode(png(160, 90))
OPEN = {"image_urls": True, "networks": ["127.0.0.0/8"]}


@pytest.fixture
async def gateway(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(simulator, tmp_path, fetch=OPEN) as running:
        yield running


@pytest.fixture
async def site() -> AsyncIterator[tuple[Server, str]]:
    async with Server.running(says(answer(WIDE))) as running:
        yield running


def asks(*urls: str, **more: Any) -> dict[str, Any]:
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "night"}, *shown]}],
    } | more


async def test_a_chat(gateway: Gateway, simulator: Simulator, site: tuple[Server, str]) -> None:
    told = await gateway.http.post("/v1/chat/completions", json=asks(f"{site[1]}/a.png"))
    assert told.status_code == 200, told.text
    seen = simulator.requests(told.headers["x-gateway-call-id"])[0]["text"]
    assert base64.b64encode(WIDE).decode() in seen
    assert "fileData" not in seen
    (image,) = told.json()["choices"][0]["message"]["images"]
    assert pixels(image["image_url"]["url"].partition(",")[2]) == (1376, 768)


async def test_a_response(gateway: Gateway, site: tuple[Server, str]) -> None:
    content = [{"type": "input_text", "text": "night"}, {"type": "input_image", "image_url": f"{site[1]}/a.png"}]
    told = await gateway.http.post(
        "/v1/responses", json={"model": MODEL, "input": [{"role": "user", "content": content}]}
    )
    assert told.status_code == 200, told.text
    assert pixels(told.json()["output"][0]["result"]) == (1376, 768)


@pytest.mark.parametrize("wrap", [lambda url: url, lambda url: [url], lambda url: [{"image_url": url}]])
async def test_an_edit(gateway: Gateway, site: tuple[Server, str], wrap: Any) -> None:
    body = {"model": MODEL, "prompt": "night", "image": wrap(f"{site[1]}/a.png")}
    told = await gateway.http.post("/v1/images/edits", json=body)
    assert told.status_code == 200, told.text
    assert pixels(told.json()["data"][0]["b64_json"]) == (1376, 768)


async def test_the_same_address_is_fetched_once(gateway: Gateway, site: tuple[Server, str]) -> None:
    server, url = site
    told = await gateway.http.post("/v1/chat/completions", json=asks(url, url, n=2))
    assert told.status_code == 200
    assert len(server.received) == 1


async def test_an_earlier_answer_at_an_address_is_known_by_its_signature(
    gateway: Gateway, simulator: Simulator
) -> None:
    first = await gateway.chat("a boat")
    (image,) = first.json()["choices"][0]["message"]["images"]
    drawn = base64.b64decode(image["image_url"]["url"].partition(",")[2])
    async with Server.running(says(answer(drawn))) as (_, url):
        earlier = {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": url}}]}
        messages = [{"role": "user", "content": "a boat"}, earlier, {"role": "user", "content": "night"}]
        told = await gateway.http.post("/v1/chat/completions", json={"model": MODEL, "messages": messages})
    assert told.status_code == 200
    (seen,) = simulator.requests(told.headers["x-gateway-call-id"])
    assert '{"role":"model","parts":[{"inlineData"' in seen["text"]


async def test_what_is_no_picture_is_told_by_its_place(gateway: Gateway) -> None:
    async with Server.running(says(answer(b"<html>Log in</html>"))) as (_, url):
        told = await gateway.http.post("/v1/chat/completions", json=asks(url))
    refused(told, "messages[0].content[1]", "does not hold a PNG")


async def test_what_cannot_be_had_is_told_and_costs_nothing(gateway: Gateway, simulator: Simulator) -> None:
    before = len(simulator.bill())
    for url in ("http://10.0.0.1/a.png", "http://169.254.169.254/latest/meta-data/", "http://[::1]/a.png"):
        refused(
            await gateway.http.post("/v1/chat/completions", json=asks(url)), "image_url", "not on the public internet"
        )
    assert (len(simulator.bill()), await gateway.spent_nanos()) == (before, 0)


def refused(told: httpx2.Response, param: str, words: str) -> None:
    assert told.status_code == 400
    error = told.json()["error"]
    assert error["param"] == param
    assert words in error["message"]


async def test_what_is_refused_anyway_is_not_fetched_for(gateway: Gateway, site: tuple[Server, str]) -> None:
    server, url = site
    crowd = await gateway.http.post("/v1/chat/completions", json=asks(*(f"{url}/{at}" for at in range(15))))
    refused(crowd, "references", "too many")
    _, secret = await gateway.new_key(Limits(models=frozenset({PRO})))
    headers = {"authorization": f"Bearer {secret}"}
    assert (await gateway.http.post("/v1/chat/completions", json=asks(url), headers=headers)).status_code == 403
    assert server.connections == 0


async def test_by_itself_a_gateway_fetches_nothing(
    simulator: Simulator, tmp_path: Path, site: tuple[Server, str]
) -> None:
    server, url = site
    async with open_gateway(simulator, tmp_path) as gateway:
        told = await gateway.http.post("/v1/chat/completions", json=asks(url))
    refused(told, "messages[0].content[1]", "fetches none")
    assert server.connections == 0


async def test_what_a_native_caller_names_goes_on_as_it_is(
    gateway: Gateway, simulator: Simulator, site: tuple[Server, str]
) -> None:
    server, url = site
    part = {"fileData": {"fileUri": f"{url}/a.png", "mimeType": "image/png"}}
    body = {"contents": [{"parts": [part, {"text": "night"}]}]}
    told = await gateway.http.post(f"/v1beta/models/{MODEL}:generateContent", json=body)
    assert told.status_code == 200
    assert f"{url}/a.png" in simulator.requests(told.headers["x-gateway-call-id"])[0]["text"]
    assert server.connections == 0
