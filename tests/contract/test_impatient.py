"""The official clients with timeouts shorter than a picture takes: their own retries join it, and it is paid once."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from google import genai
from google.genai import types
from openai import AsyncOpenAI, OpenAI
from PIL import Image

from gateway.core.keys import Limits
from tests.house import MODEL, Gateway, Simulator, open_gateway, pixels
from tests.losable import LosableStore
from tests.sdks.programs import NODE, SDKS
from tests.waiting import eventually

LOOP = pytest.mark.asyncio(loop_scope="module")
pytestmark = LOOP

TIMEOUT_S = 3.0


def _boat() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(written, "PNG")
    return written.getvalue()


BOAT = _boat()
SLOW = ("--light", "--latency", "512=8,1K=8,2K=8,4K=8,thinking=0,sigma=0.01")


@pytest.fixture(scope="module")
def seller() -> Iterator[Simulator]:
    with Simulator.started(*SLOW) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def replicas(seller: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Gateway]]:
    """Two gateways on one store and one vault."""
    home = tmp_path_factory.mktemp("impatient")
    async with AsyncExitStack() as stack:
        store = stack.enter_context(LosableStore.started(home))
        one = await stack.enter_async_context(open_gateway(seller, home, store=store.url))
        (home / "other").mkdir()
        other = await stack.enter_async_context(
            open_gateway(seller, home / "other", store=store.url, data_dir=str(home / "data"))
        )
        yield [one, other]


@asynccontextmanager
async def taking_turns(replicas: list[Gateway]) -> AsyncIterator[str]:
    """An address that gives every connection to another replica than the one before."""
    ports = [int(each.url.rsplit(":", 1)[1]) for each in replicas]
    turn = 0
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        turn += 1
        there, back = await asyncio.open_connection("127.0.0.1", ports[turn % len(ports)])
        for way in (pump(reader, back), pump(there, writer)):
            task = asyncio.ensure_future(way)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()


def openai(url: str, secret: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=secret, timeout=TIMEOUT_S)


async def openai_generates(url: str, secret: str) -> None:
    async with openai(url, secret) as api:
        raw = await api.images.with_raw_response.generate(model=MODEL, prompt="a paper boat")
    answer = raw.parse()
    assert raw.headers["x-gateway-replayed"] == "true"
    assert answer.data
    assert pixels(answer.data[0].b64_json or "") == (1024, 1024)


async def openai_edits_whose_form_is_cut_otherwise_each_time(url: str, secret: str) -> None:
    async with openai(url, secret) as api:
        answer = await api.images.edit(model=MODEL, prompt="make it night", image=("boat.png", BOAT, "image/png"))
    assert answer.data
    assert answer.data[0].b64_json


async def openai_chats(url: str, secret: str) -> None:
    async with openai(url, secret) as api:
        answer = await api.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "a paper boat"}])
    assert answer.choices[0].message


async def openai_without_asyncio(url: str, secret: str) -> None:
    def ask() -> Any:
        with OpenAI(base_url=f"{url}/v1", api_key=secret, timeout=TIMEOUT_S) as api:
            return api.images.generate(model=MODEL, prompt="a paper boat")

    assert (await asyncio.to_thread(ask)).data[0].b64_json


async def openai_for_node(url: str, secret: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(NODE, SDKS / "node" / "impatient.mjs", url, secret),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    assert process.returncode == 0, failed.decode()
    assert all(length > 1000 for length in json.loads(said))


async def google_genai_with_retries(url: str, secret: str) -> None:
    options = types.HttpOptions(
        base_url=url, timeout=round(TIMEOUT_S * 1000), retry_options=types.HttpRetryOptions(attempts=5)
    )
    api = genai.Client(api_key=secret, http_options=options)
    answer = await api.aio.models.generate_content(model=MODEL, contents="a paper boat")
    assert answer.parts
    assert any(part.inline_data for part in answer.parts)


async def curl_killed_and_repeated(url: str, secret: str) -> None:
    body = json.dumps({"contents": [{"parts": [{"text": "a paper boat"}]}]})
    command = ["curl", "-sS", "--noproxy", "*", "-H", f"x-goog-api-key: {secret}", "-d", body]
    command += ["-H", "content-type: application/json", f"{url}/v1beta/models/{MODEL}:generateContent"]
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        await asyncio.sleep(1)
        process.kill()
        await process.wait()
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert "inlineData" in said.decode()


# How many pictures each asks for.
CLIENTS = {
    openai_generates: 1,
    openai_edits_whose_form_is_cut_otherwise_each_time: 1,
    openai_chats: 1,
    openai_without_asyncio: 1,
    openai_for_node: 2,
    google_genai_with_retries: 1,
    curl_killed_and_repeated: 1,
}


@pytest.mark.parametrize("each", ["one replica", "another replica"])
async def test_every_client_has_its_picture_and_pays_once(
    replicas: list[Gateway], seller: Simulator, each: str
) -> None:
    keys = [await replicas[0].new_key(Limits()) for _ in CLIENTS]
    before = len(seller.bill())
    async with taking_turns(replicas if each == "another replica" else replicas[:1]) as url:
        asked = [client(url, secret) for client, (_, secret) in zip(CLIENTS, keys, strict=True)]
        failures = await asyncio.gather(*asked, return_exceptions=True)
    wrong = {client.__name__: failure for client, failure in zip(CLIENTS, failures, strict=True) if failure}
    assert wrong == {}
    bill = seller.bill()[before:]
    assert len(bill) == sum(CLIENTS.values())

    async def settled() -> bool:
        balances = [await replicas[0].running.ledger.books.balance(key) for key, _ in keys]
        spent = sum(each.spent_nanos for each in balances)
        return spent == sum(row["nanos"] for row in bill) and not any(each.held_nanos for each in balances)

    await eventually(settled)
