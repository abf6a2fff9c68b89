"""What a large file costs in memory: nothing while it comes in, and its base64 once when it is used."""

import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from gateway.core.call import Ask, Delivery, Parsed
from gateway.core.errors import GatewayBusy
from gateway.vault.errors import NoSuchBlob
from gateway.vault.records import Blob, Draft
from gateway.vault.vault import Vault
from gateway.web.bodies import Bodies
from gateway.web.files import Files
from gateway.web.request import Request
from tests.facts import FLASH

NOW = 1_800_000_000.0
MIB = 1024 * 1024
SIZE = 24 * MIB + 1
HEAD = Request(id="x", method="POST", path="/", headers={"host": "here"}, query={}, scheme="http", arrived_at=0.0)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path)


@contextmanager
def at_most(most_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield
        taken = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert taken <= most_bytes, f"{taken / MIB:.1f} MiB"


async def coming() -> AsyncIterator[bytes]:
    """In pieces as the server gives them."""
    begin = b"\xff\xd8\xff"  # of a JPEG
    for at in range(0, SIZE, 64 * 1024):
        yield begin.ljust(min(64 * 1024, SIZE - at), b"\xff")
        begin = b""


async def kept(vault: Vault) -> Blob:
    draft = Draft(team="acme", media_type="image/png", size=SIZE)
    token, _ = await vault.begin(draft, NOW)
    await vault.append(token, 0, coming(), NOW)
    return await vault.finish(token, NOW)


def asking(blob: Blob) -> Parsed:
    parts = [{"text": "make it night"}, {"fileData": {"fileUri": f"files/{blob.name}"}}]
    body = orjson.dumps({"contents": [{"parts": parts}]})
    ask = Ask(model=FLASH, size=FLASH.default_size, references=1)
    return Parsed(asked_name=FLASH.id, ask=ask, delivery=Delivery.WHOLE, body=body, streams=False)


def files_of(vault: Vault, *, all_bytes: int | None = None, now: float = NOW) -> tuple[Files, Bodies]:
    bodies = Bodies(MIB, all_bytes)
    return Files(vault, None, lambda: now), bodies


async def test_a_file_that_comes_in_is_never_whole_in_memory(vault: Vault) -> None:
    with at_most(4 * MIB):
        blob = await kept(vault)
    assert blob.size == SIZE


async def test_a_file_that_is_used_is_in_memory_once_as_base64(vault: Vault) -> None:
    blob = await kept(vault)
    files, bodies = files_of(vault)
    with at_most(SIZE * 4 // 3 + 6 * MIB + SIZE // 6):  # a growing buffer takes an eighth more than it needs
        whole = await files.inlined(asking(blob), "acme", HEAD, bodies.grow)
    assert len(whole.body) == bodies.in_memory
    part = json.loads(whole.body)["contents"][0]["parts"][1]
    assert part == {"inlineData": {"mimeType": "image/png", "data": "/9j/".ljust(SIZE // 3 * 4, "/") + _end()}}


def _end() -> str:
    """The base64 of what is left over when the size is divided by three."""
    return {0: "", 1: "/w==", 2: "//8="}[SIZE % 3]


async def test_a_request_without_files_is_the_same_request(vault: Vault) -> None:
    files, bodies = files_of(vault)
    whole = await files.inlined(asking(await kept(vault)), "acme", HEAD, bodies.grow)
    counted = bodies.in_memory
    assert await files.inlined(whole, "acme", HEAD, bodies.grow) is whole
    assert bodies.in_memory == counted


async def test_a_file_for_which_there_is_no_room_just_now_is_not_read(vault: Vault) -> None:
    files, bodies = files_of(vault, all_bytes=SIZE)
    asked = asking(await kept(vault))
    with at_most(MIB), pytest.raises(GatewayBusy):
        await files.inlined(asked, "acme", HEAD, bodies.grow)
    assert bodies.in_memory == 0


async def test_a_file_that_has_expired_is_no_longer_there(vault: Vault) -> None:
    blob = await kept(vault)
    files, bodies = files_of(vault, now=blob.expires_at)
    with pytest.raises(NoSuchBlob):
        await files.inlined(asking(blob), "acme", HEAD, bodies.grow)
