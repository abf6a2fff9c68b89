"""Answers that name addresses: whoever has one fetches the picture, for an hour, and nobody can make one up."""

import base64
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from gateway.app import running as house_of
from gateway.core.links import Link, Links
from gateway.ledger.keys import pepper
from tests.house import MODEL, START_S, Gateway, Simulator, native_picture, open_gateway, pixels, settings_for
from tests.losable import LosableStore
from tests.relay.test_again import Asking, images, new_caller, replayed
from tests.waiting import eventually
from tests.web.office import problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATE, EDIT = "/v1/images/generations", "/v1/images/edits"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with open_gateway(simulator, tmp_path_factory.mktemp("addresses")) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def asking(house: Gateway, simulator: Simulator) -> AsyncIterator[Asking]:
    async with new_caller(house, simulator) as asking:
        yield asking


@pytest_asyncio.fixture(loop_scope="module")
async def anybody() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=START_S, trust_env=False) as http:
        yield http


def addresses(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["url"] for each in answer.json()["data"]]


def data_of(gateway: Gateway) -> Path:
    return gateway.log.parent / "data"


def links_of(gateway: Gateway) -> Links:
    """With the secret of this gateway, for tokens that it has not handed out."""
    return Links(pepper(data_of(gateway), None))


async def seller_drew(simulator: Simulator, attempt_id: str) -> bytes:
    return base64.b64decode(native_picture(orjson.loads(simulator.reply(attempt_id))))


async def test_a_picture_is_at_its_address_when_the_answer_is_there(
    house: Gateway, simulator: Simulator, asking: Asking, anybody: httpx2.AsyncClient
) -> None:
    answer = await asking.post(GENERATE, images(response_format="url"))
    [url] = addresses(answer)
    assert url.startswith(f"{house.url}/gateway/pictures/")
    fetched = await anybody.get(url)
    assert fetched.status_code == 200
    call_id = answer.headers["x-gateway-call-id"]
    assert fetched.content == await seller_drew(simulator, f"{call_id}-1")
    assert fetched.headers["content-type"] in ("image/png", "image/jpeg")
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert 3000 < int(fetched.headers["cache-control"].rpartition("=")[2]) <= 3600
    part = await anybody.get(url, headers={"range": "bytes=10-19", "if-range": fetched.headers["etag"]})
    assert (part.status_code, part.content) == (206, fetched.content[10:20])
    head = await anybody.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(fetched.content)))
    own = await asking.http.get(f"/gateway/calls/{call_id}")
    assert own.json()["kept"]["until"] - time.time() > 23 * 3600


async def test_each_of_several_has_its_own(simulator: Simulator, asking: Asking, anybody: httpx2.AsyncClient) -> None:
    answer = await asking.post(GENERATE, images("a boat", n=3, response_format="url"))
    fetched = [(await anybody.get(url)).content for url in addresses(answer)]
    call_id = answer.headers["x-gateway-call-id"]
    assert fetched == [await seller_drew(simulator, f"{call_id}.{number}-1") for number in (1, 2, 3)]


async def test_an_edit_answers_with_an_address_too(asking: Asking, anybody: httpx2.AsyncClient) -> None:
    [first] = addresses(await asking.post(GENERATE, images(response_format="url")))
    shown = base64.b64encode((await anybody.get(first)).content).decode()
    edit = {**images("make it night"), "image": f"data:image/png;base64,{shown}", "response_format": "url"}
    [url] = addresses(await asking.post(EDIT, edit))
    assert pixels(base64.b64encode((await anybody.get(url)).content).decode())


async def test_a_replay_names_the_same_address(asking: Asking, anybody: httpx2.AsyncClient) -> None:
    once = {"idempotency-key": "5f0c9f3e"}
    first = await asking.post(GENERATE, images(response_format="url"), once)
    again = await asking.post(GENERATE, images(response_format="url"), once)
    assert replayed(again)
    assert again.content == first.content
    assert (await anybody.get(addresses(again)[0])).status_code == 200
    assert len(asking.billed) == 1


async def test_a_replay_that_comes_too_late_for_the_address_has_the_picture_itself(
    house: Gateway, asking: Asking, anybody: httpx2.AsyncClient
) -> None:
    once = {"idempotency-key": "a-day-later"}
    before = set(records(house))
    first = await asking.post(GENERATE, images(response_format="url"), once)
    drawn = (await anybody.get(addresses(first)[0])).content
    [record] = set(records(house)) - before
    kept = orjson.loads(record.read_bytes())
    kept["facts"]["made_at"] -= 3600
    record.write_bytes(orjson.dumps(kept))

    async def over() -> bool:  # else it is joined, and not a replay
        return not len(house.running.supervisor)

    await eventually(over)
    again = await asking.post(GENERATE, images(response_format="url"), once)
    assert replayed(again)
    assert base64.b64decode(addresses(again)[0].partition(",")[2]) == drawn


def records(gateway: Gateway) -> list[Path]:
    return list((data_of(gateway) / "vault" / "results").glob("*/*.json"))


async def test_a_forged_an_expired_and_an_empty_address_are_one(
    house: Gateway, asking: Asking, anybody: httpx2.AsyncClient
) -> None:
    answer = await asking.post(GENERATE, images(response_format="url"))
    [url] = addresses(answer)
    base, _, token = url.rpartition("/")
    call_id, links, now = answer.headers["x-gateway-call-id"], links_of(house), time.time()
    good = Link.made("acme", call_id, 1, now)
    assert (await anybody.get(f"{base}/{links.token(good)}")).status_code == 200
    wrong = {
        "forged": Links(b"another secret").token(good),
        "changed": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "cut": token[:-1],
        "nonsense": "x" * len(token),
        "expired": links.token(Link.made("acme", call_id, 1, now - 3601)),
        "another team's": links.token(Link.made("other", call_id, 1, now)),
        "of no call": links.token(Link.made("acme", f"call_{'0' * 32}", 1, now)),
        "of no picture": links.token(Link.made("acme", call_id, 2, now)),
    }
    for why, each in wrong.items():
        refused = await anybody.get(f"{base}/{each}")
        assert problem(refused) == (
            404,
            "There is no picture at this address, or not any more: an address is good for an hour.",
        ), why
        assert (await anybody.head(f"{base}/{each}")).status_code == 404


async def test_addresses_are_where_the_configuration_says(
    simulator: Simulator, tmp_path: Path, anybody: httpx2.AsyncClient
) -> None:
    async with open_gateway(simulator, tmp_path, public_url="https://images.example.org/") as gateway:
        [url] = addresses(await gateway.images("a boat", response_format="url"))
        assert url.startswith("https://images.example.org/gateway/pictures/")
        assert (await anybody.get(gateway.url + urlsplit(url).path)).status_code == 200


@asynccontextmanager
async def no_vault(gateway: Gateway) -> AsyncIterator[None]:
    """Nothing can be kept: a file is where the folder should be."""
    folder = data_of(gateway) / "vault" / "results" / "acme"
    shutil.rmtree(folder, ignore_errors=True)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()


async def test_where_it_cannot_be_kept_the_answer_holds_the_picture_itself(
    simulator: Simulator, tmp_path: Path, asking: Asking
) -> None:
    async with open_gateway(simulator, tmp_path) as gateway:
        async with no_vault(gateway):
            answer = await gateway.images("a boat", n=2, response_format="url")
        for number, url in enumerate(addresses(answer), start=1):
            head, _, data = url.partition(",")
            assert head in ("data:image/png;base64", "data:image/jpeg;base64")
            call_id = f"{answer.headers['x-gateway-call-id']}.{number}"
            assert base64.b64decode(data) == await seller_drew(simulator, f"{call_id}-1")
        assert addresses(await gateway.images("a boat", response_format="url"))[0].startswith("http")


async def test_addresses_do_not_wait_for_the_books(
    simulator: Simulator, tmp_path: Path, anybody: httpx2.AsyncClient
) -> None:
    with LosableStore.started(tmp_path) as store:
        async with open_gateway(simulator, tmp_path, store=store.url) as gateway:
            await gateway.images("a boat")
            with store.away():
                [url] = addresses(await gateway.images("a boat", response_format="url"))
                assert (await anybody.get(url)).status_code == 200


async def test_an_answer_without_any_picture_is_the_error_it_was(asking: Asking) -> None:
    refused = await asking.post(GENERATE, images("x [sim:refusal]", response_format="url"))
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "moderation_blocked"


async def test_what_was_refused_of_several_is_left_out_and_the_rest_keeps_its_numbers(
    tmp_path: Path, anybody: httpx2.AsyncClient
) -> None:
    with Simulator.started("--speed", "0", "--light") as whimsical:
        half = [{"fault": "refusal", "share": 0.5}]
        httpx2.post(f"{whimsical.url}/sim/schedule", json=half, trust_env=False).raise_for_status()
        async with open_gateway(whimsical, tmp_path) as gateway:
            answer = await gateway.images("a boat", n=10, response_format="url")
            fetched = [(await anybody.get(url)).content for url in addresses(answer)]
            call_id = answer.headers["x-gateway-call-id"]
            drew = sorted(int(row["id"].split(".")[1].split("-")[0]) for row in whimsical.bill() if row["pictures"])
            assert 0 < len(drew) < 10
            assert fetched == [await seller_drew(whimsical, f"{call_id}.{number}-1") for number in drew]


async def test_the_official_sdk_gets_what_plain_http_can_fetch(house: Gateway, anybody: httpx2.AsyncClient) -> None:
    async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=house.secret) as api:
        made = await api.images.generate(model=MODEL, prompt="a paper boat", response_format="url", n=2)
        urls = [each.url or "" for each in made.data or []]
        edited = await api.images.edit(
            model=MODEL,
            prompt="make it night",
            image=("boat.png", (await anybody.get(urls[0])).content),
            response_format="url",
        )
    for url in (*urls, *(each.url or "" for each in edited.data or [])):
        fetched = await anybody.get(url)
        assert fetched.status_code == 200
        assert min(pixels(base64.b64encode(fetched.content).decode())) >= 512


async def test_an_address_outlives_its_gateway(
    simulator: Simulator, tmp_path: Path, anybody: httpx2.AsyncClient
) -> None:
    async with open_gateway(simulator, tmp_path) as gateway:
        [url] = addresses(await gateway.images("a boat", response_format="url"))
        drawn = (await anybody.get(url)).content
    async with house_of(settings_for(simulator, tmp_path)) as again:
        way = httpx2.ASGITransport(again.app)
        async with httpx2.AsyncClient(transport=way, base_url="http://next") as http:
            assert (await http.get(urlsplit(url).path)).content == drawn
