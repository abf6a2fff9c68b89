"""What is kept of a call is fetched by whoever made it, and by administration: whole, in parts, and by nobody else."""

import asyncio
import base64
import random
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio
from fastapi import Request

from gateway.core.errors import AnswerGone, GatewayBusy, NotFound, UpstreamCut
from gateway.core.skim import Skimmer
from gateway.dialects.places import place_of
from gateway.ledger.calls import PastCalls
from gateway.vault.errors import NoSuchResult
from gateway.vault.folder import Folder
from gateway.vault.records import MIB, Label, Rank, ResultCaps
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.tape import PIECE_BYTES, Tape
from gateway.web.downloads import answered
from gateway.web.kept import Kept
from gateway.web.kept_calls import KeptCalls, NotOver
from tests.house import MODEL, Gateway, Simulator, native_picture
from tests.vault.tapes import PLENTY, filled
from tests.waiting import eventually
from tests.web.office import KEYS, problem
from tests.web.ways import IMAGES

LOOP = pytest.mark.asyncio(loop_scope="module")

OWN, ADMIN = "/gateway/calls", "/admin/api/calls"
NATIVE = f"/v1beta/models/{MODEL}"
ABSENT = f"call_{'0' * 32}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with a key."""

    id: str
    http: httpx2.AsyncClient
    headers: dict[str, str]

    async def get(self, path: str, method: str = "GET", **headers: str) -> httpx2.Response:
        """Asks again while it is just being kept."""
        found: list[httpx2.Response] = []

        async def answered() -> bool:
            found.append(await self.http.request(method, path, headers={**self.headers, **headers}))
            return found[-1].status_code != 409

        await eventually(answered)
        return found[-1]

    async def drawn(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        return await self.http.post(path, json=body, headers=self.headers)

    async def native(self, prompt: str = "a boat") -> tuple[str, httpx2.Response]:
        answer = await self.drawn(f"{NATIVE}:generateContent", {"contents": [{"parts": [{"text": prompt}]}]})
        return str(answer.headers["x-gateway-call-id"]), answer


async def holder(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, team: str) -> Holder:
    made = (await admin.post(KEYS, json={"team": team})).json()
    return Holder(made["id"], stranger, {"authorization": f"Bearer {made['key']}"})


@pytest_asyncio.fixture(loop_scope="module")
async def mine(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> Holder:
    return await holder(admin, stranger, "acme")


@LOOP
async def test_a_picture_is_fetched_as_it_was_drawn(mine: Holder, admin: httpx2.AsyncClient) -> None:
    call_id, answer = await mine.native()
    drawn = base64.b64decode(native_picture(answer.json()))
    fetched = await mine.get(f"{OWN}/{call_id}/pictures/1")
    assert (fetched.status_code, fetched.content) == (200, drawn)
    told = fetched.headers
    suffix = {"image/png": "png", "image/jpeg": "jpg"}[told["content-type"]]
    assert told["content-length"] == str(len(drawn))
    assert told["content-disposition"] == f'inline; filename="{call_id}.1.{suffix}"'
    assert told["accept-ranges"] == "bytes"
    assert told["x-content-type-options"] == "nosniff"
    private, _, age = told["cache-control"].partition(", max-age=")
    assert private == "private"
    assert 0 < int(age) <= 15 * 60
    by_admin = await admin.get(f"{ADMIN}/{call_id}/pictures/1")
    assert by_admin.content == drawn
    assert by_admin.headers["etag"] == told["etag"]


@LOOP
async def test_parts_of_a_picture(mine: Holder) -> None:
    call_id, answer = await mine.native()
    drawn = base64.b64decode(native_picture(answer.json()))
    path, size = f"{OWN}/{call_id}/pictures/1", len(drawn)
    etag = (await mine.get(path)).headers["etag"]
    for asked, part in (
        ("bytes=0-0", slice(0, 1)),
        ("bytes=100-299", slice(100, 300)),
        ("bytes=101-", slice(101, size)),
        ("bytes=-7", slice(size - 7, size)),
        (f"bytes=1-{size + 5}", slice(1, size)),
    ):
        got = await mine.get(path, range=asked, **{"if-range": etag})
        assert (got.status_code, got.content) == (206, drawn[part])
        assert got.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/{size}"
        assert got.headers["content-length"] == str(part.stop - part.start)
    changed = await mine.get(path, range="bytes=1-2", **{"if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, drawn)
    beyond = await mine.get(path, range=f"bytes={size}-")
    assert problem(beyond)[0] == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"
    head = await mine.get(path, "HEAD", range="bytes=1-2")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    known = await mine.get(path, **{"if-none-match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)


@LOOP
async def test_the_reply_is_the_sellers_to_the_byte(
    mine: Holder, admin: httpx2.AsyncClient, simulator: Simulator
) -> None:
    call_id, answer = await mine.native()
    for got in (await mine.get(f"{OWN}/{call_id}/result"), await admin.get(f"{ADMIN}/{call_id}/result?picture=1")):
        assert got.content == simulator.reply(f"{call_id}-1") == answer.content
        assert got.headers["content-type"] == "application/json"
        assert got.headers["content-disposition"] == f'inline; filename="{call_id}.1.json"'
    part = await mine.get(f"{OWN}/{call_id}/result", range="bytes=-9")
    assert (part.status_code, part.content) == (206, answer.content[-9:])


@LOOP
async def test_of_a_streamed_call_too(mine: Holder) -> None:
    body = {"contents": [{"parts": [{"text": "a boat"}]}]}
    answer = await mine.drawn(f"{NATIVE}:streamGenerateContent?alt=sse", body)
    call_id = answer.headers["x-gateway-call-id"]
    reply = await mine.get(f"{OWN}/{call_id}/result")
    assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert reply.content == answer.content
    documents = [orjson.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    parts = [part for each in documents for part in each["candidates"][0].get("content", {}).get("parts", [])]
    *_, last = [part["inlineData"]["data"] for part in parts if "inlineData" in part and not part.get("thought")]
    assert (await mine.get(f"{OWN}/{call_id}/pictures/1")).content == base64.b64decode(last)


@LOOP
async def test_of_several_pictures_each_has_its_number(mine: Holder) -> None:
    answer = await mine.drawn("/v1/images/generations", {**IMAGES, "prompt": "a boat", "n": 3})
    pictures = [base64.b64decode(each["b64_json"]) for each in answer.json()["data"]]
    call_id = answer.headers["x-gateway-call-id"]
    got = [await mine.get(f"{OWN}/{call_id}/pictures/{number}") for number in (1, 2, 3)]
    assert [each.content for each in got if each.status_code == 200] == pictures
    for number in range(1, 4):
        one = await mine.get(f"{OWN}/{call_id}.{number}/pictures/1")
        assert (one.status_code, one.content[:16]) == (got[number - 1].status_code, got[number - 1].content[:16])
        assert (await mine.get(f"{OWN}/{call_id}/result?picture={number}")).status_code == 200
        shown = (await mine.get(f"{OWN}/{call_id}.{number}")).json()["kept"]
        assert [each["number"] for each in shown["pictures"]] == [1]
    assert problem(await mine.get(f"{OWN}/{call_id}/result"))[0] == 422
    for wrong in (
        f"{call_id}/pictures/0",
        f"{call_id}/pictures/4",
        f"{call_id}.4/pictures/1",
        f"{call_id}.1/pictures/2",
    ):
        assert problem(await mine.get(f"{OWN}/{wrong}"))[0] == 404


@LOOP
async def test_an_answer_without_a_picture_is_kept_and_has_none(mine: Holder) -> None:
    call_id, answer = await mine.native("a boat [sim:refusal]")
    assert (await mine.get(f"{OWN}/{call_id}/result")).content == answer.content
    status, why = problem(await mine.get(f"{OWN}/{call_id}/pictures/1"))
    assert (status, why) == (404, f"Picture 1 of call {call_id}: the model answered without one.")
    assert problem(await mine.get(f"{OWN}/{call_id}.1/pictures/1"))[0] == 404


@LOOP
async def test_a_call_tells_what_is_kept_of_it(mine: Holder, admin: httpx2.AsyncClient) -> None:
    call_id, answer = await mine.native()
    picture = await mine.get(f"{OWN}/{call_id}/pictures/1")
    shown = (await mine.get(f"{OWN}/{call_id}")).json()["kept"]
    assert shown == (await admin.get(f"{ADMIN}/{call_id}")).json()["kept"]
    assert 0 < shown.pop("until") - time.time() <= 15 * 60
    told = {"media_type": picture.headers["content-type"], "bytes": len(picture.content)}
    assert shown == {"pictures": [{"number": 1, **told, "reply_bytes": len(answer.content)}]}
    failed, _ = await mine.native("a boat [sim:error]")
    assert (await mine.get(f"{OWN}/{failed}")).json()["kept"] is None


@LOOP
@pytest.mark.parametrize("what", ["pictures/1", "pictures/9", "result", "result?picture=7"])
async def test_administration_is_told_of_no_call_that_never_was(admin: httpx2.AsyncClient, what: str) -> None:
    assert problem(await admin.get(f"{ADMIN}/{ABSENT}/{what}"))[0] == 404


@LOOP
async def test_nobody_fetches_without_a_key(mine: Holder, stranger: httpx2.AsyncClient) -> None:
    call_id, _ = await mine.native()
    for base in (OWN, ADMIN):
        for what in ("pictures/1", "result"):
            assert problem(await stranger.get(f"{base}/{call_id}/{what}"))[0] == 401
            assert (
                problem(await stranger.get(f"{base}/{call_id}/{what}", headers={"authorization": "Bearer x"}))[0] == 401
            )


@LOOP
async def test_what_ended_without_an_answer_says_so_to_its_own_key(mine: Holder, admin: httpx2.AsyncClient) -> None:
    call_id, _ = await mine.native("a boat [sim:error]")
    for got in (await mine.get(f"{OWN}/{call_id}/pictures/1"), await admin.get(f"{ADMIN}/{call_id}/result")):
        assert problem(got) == (410, f"Call {call_id} ended without an answer, and was not charged.")


@LOOP
async def test_what_is_kept_no_more_says_so_to_its_own_key_alone(mine: Holder, shared: Gateway, tmp_path: Path) -> None:
    call_id, _ = await mine.native()
    several = await mine.drawn("/v1/images/generations", {**IMAGES, "n": 2})
    past = PastCalls(shared.running.ledger.store)
    for each in (call_id, several.headers["x-gateway-call-id"], several.headers["x-gateway-call-id"] + ".2"):
        empty = Results(Folder(tmp_path), b"a secret", ResultCaps())
        later = KeptCalls(past, empty, lambda: time.time() + 3600)
        with pytest.raises(AnswerGone, match="kept no more"):
            await later.of_key(each, team="acme", key_id=mine.id)
        with pytest.raises(AnswerGone, match="kept no more"):
            await later.of_any(each)
        with pytest.raises(NotFound):
            await later.of_key(each, team="acme", key_id="key_of_another")
        with pytest.raises(NotOver, match="ask again"):
            await KeptCalls(past, empty, lambda: 0.0).of_key(each, team="acme", key_id=mine.id)


@LOOP
async def test_while_the_vault_cannot_be_read_nobody_is_told_that_it_is_empty(
    mine: Holder, shared: Gateway, tmp_path: Path
) -> None:
    call_id, _ = await mine.native()
    (tmp_path / "acme").touch()
    broken = Results(Folder(tmp_path), b"a secret", ResultCaps())
    calls = KeptCalls(PastCalls(shared.running.ledger.store), broken, time.time)
    with pytest.raises(GatewayBusy, match="at the moment"):
        await calls.of_key(call_id, team="acme", key_id=mine.id)
    assert await calls.document(await calls.past.find(call_id)) is None


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path / "spools", PLENTY, memory_bytes=0)) as made:
        yield made


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(Folder(tmp_path / "results"), b"a secret", ResultCaps())


async def kept(results: Results, spools: Spools, *replies: bytes) -> Kept:
    """Replies in the vault, as a call leaves them there."""
    places = []
    tapes: list[Tape] = []
    for reply in replies:
        skimmer = Skimmer()
        skimmer.feed(reply)
        place = place_of(skimmer.skeleton, streams=False)
        places.append(place and place.fact())
        tape = await filled(spools, *(reply[at : at + 65536] for at in range(0, len(reply), 65536)))
        tape.close()
        tapes.append(tape)
    facts = {"replies": list(range(len(replies))), "pictures": places}
    label = Label("acme", "call_1", "key_1", Rank.KEYED, facts)
    assert await results.keep(label, tapes, time.time()) is None
    result = await results.find("acme", "call_1", time.time())
    assert result is not None
    return Kept("call_1", result, results, 60.0)


def replied(data: str) -> bytes:
    part = {"inlineData": {"mimeType": "image/png", "data": data}}
    return orjson.dumps({"candidates": [{"content": {"parts": [{"text": "a boat"}, part]}}]})


async def chunks(picture: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in picture]


async def test_a_large_picture_is_never_whole_in_memory(results: Results, spools: Spools) -> None:
    drawn = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * (20 * 4096)
    there = await kept(results, spools, replied(base64.b64encode(drawn).decode()))
    picture = await there.picture(1)
    assert picture.size == len(drawn)
    at = 0

    async def send(message: Any) -> None:
        nonlocal at
        piece = message.get("body", b"")
        assert drawn.startswith(piece, at)
        at += len(piece)

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "headers": []}
    tracemalloc.start()
    try:
        answer = await answered(picture, Request(scope))
        await answer(scope, receive, send)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert at == len(drawn)
    assert peak < 5 * MIB


async def test_any_part_across_the_pieces_in_which_it_is_read(results: Results, spools: Spools) -> None:
    drawn = b"\xff\xd8\xff" + random.Random(3).randbytes(2 * PIECE_BYTES)
    there = await kept(results, spools, replied(base64.b64encode(drawn).decode()))
    picture = await there.picture(1)
    edges = [0, 1, 2, 3, 589_822, 589_823, 589_824, 589_825, 1_000_000, len(drawn) - 2, len(drawn) - 1, len(drawn)]
    for begin, end in combinations(edges, 2):
        assert b"".join(await chunks(picture.read(begin, end))) == drawn[begin:end], (begin, end)


async def test_a_picture_with_line_breaks_in_its_base64_is_measured_before_it_is_told(
    results: Results, spools: Spools
) -> None:
    drawn = b"\xff\xd8\xff" + bytes(range(256)) * 8000
    there = await kept(results, spools, replied(base64.encodebytes(drawn).decode()))
    picture = await there.picture(1)
    assert (picture.media_type, picture.size) == ("image/jpeg", len(drawn))
    assert b"".join(await chunks(picture.read(0, len(drawn)))) == drawn
    assert b"".join(await chunks(picture.read(1_000_001, 1_900_000))) == drawn[1_000_001:1_900_000]
    assert there.document()["pictures"][0]["bytes"] is None


async def test_what_is_no_picture_breaks_off(results: Results, spools: Spools) -> None:
    broken = base64.b64encode(bytes(30_000)).decode()
    broken = f"{broken[:20_000]}#{broken[20_001:]}"
    there = await kept(results, spools, replied(broken), replied("not one at all!"))
    picture = await there.picture(1)
    with pytest.raises(UpstreamCut, match="is none; its reply is kept"):
        await chunks(picture.read(0, picture.size))
    with pytest.raises(UpstreamCut, match="is none; its reply is kept"):
        await there.picture(2)


async def test_what_goes_while_it_is_asked_for_is_said_to_be_gone(results: Results, spools: Spools) -> None:
    there = await kept(results, spools, replied(base64.b64encode(bytes(30_000)).decode()))
    picture, reply = await there.picture(1), there.reply(None)
    await results.delete(there.result)
    for each in (picture, reply):
        with pytest.raises(NoSuchResult):
            await chunks(each.read(0, each.size))
