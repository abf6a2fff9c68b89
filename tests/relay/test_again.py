"""Dialogues with callers who ask again: what was paid for is theirs, once, and costs nothing more."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.core.keys import Key, Limits
from tests.house import MODEL, Gateway, Simulator, native_picture, open_gateway, pixels
from tests.waiting import eventually

LOOP = pytest.mark.asyncio(loop_scope="module")
pytestmark = LOOP

# A picture takes so long that whoever wants to leave before can, on any machine: they do not wait for a clock.
SLOW = ("--light", "--latency", "512=2,1K=2,2K=2,4K=2,thinking=0,sigma=0.01")

NATIVE = f"/v1beta/models/{MODEL}:generateContent"
EVENTS = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
IMAGES = "/v1/images/generations"
CHAT = "/v1/chat/completions"

FIRST, RETRY = {"x-stainless-retry-count": "0"}, {"x-stainless-retry-count": "1"}


@pytest.fixture(scope="module")
def seller() -> Iterator[Simulator]:
    with Simulator.started(*SLOW) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def slow(seller: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with open_gateway(seller, tmp_path_factory.mktemp("again")) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def asking(slow: Gateway, seller: Simulator) -> AsyncIterator["Asking"]:
    """A caller with a key of its own, so that no test finds what another has left."""
    async with new_caller(slow, seller) as asking:
        yield asking


@asynccontextmanager
async def new_caller(gateway: Gateway, seller: Simulator, **limits: Any) -> AsyncIterator["Asking"]:
    key, secret = await gateway.new_key(Limits(**limits))
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as http:
        yield Asking(gateway, seller, http, key, len(seller.bill()))


class Asking:
    """One caller. `billed` is what the seller has billed since it came."""

    def __init__(self, gateway: Gateway, seller: Simulator, http: httpx2.AsyncClient, key: Key, before: int) -> None:
        self.gateway = gateway
        self.http = http
        self._seller = seller
        self._key = key
        self._before = before

    async def post(self, path: str, body: Any, headers: Mapping[str, str] = {}) -> httpx2.Response:
        return await self.http.post(path, json=body, headers=dict(headers))

    async def leave(self, path: str, body: Any, headers: Mapping[str, str] = {}, times: int = 1) -> None:
        """Asks, and hangs up when the seller has the request; returns when the gateway has noticed."""
        before = await self.drawn_for_nobody()
        waiting = self._seller_has()
        calls = [asyncio.ensure_future(self.post(path, body, headers)) for _ in range(times)]

        async def all_there() -> bool:
            return self._seller_has() >= waiting + times

        await eventually(all_there)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        async def noticed() -> bool:
            return await self.drawn_for_nobody() == before + times

        await eventually(noticed)

    async def drawn_for_nobody(self) -> int:
        text = (await self.http.get("/metrics")).text
        return int(float(next(line.split()[1] for line in text.splitlines() if line.startswith("gateway_left_calls "))))

    async def all_drawn(self) -> None:
        async def none() -> bool:
            return await self.drawn_for_nobody() == 0

        await eventually(none)

    def _seller_has(self) -> int:
        status = httpx2.get(f"{self._seller.url}/sim/status", trust_env=False).json()
        return int(status["at_work"])

    @property
    def billed(self) -> list[dict[str, Any]]:
        return self._seller.bill()[self._before :]

    async def balanced(self) -> bool:
        """Whether this caller owes what the seller has billed, and holds nothing."""
        balance = await self.gateway.running.ledger.books.balance(self._key)
        return (balance.spent_nanos, balance.held_nanos) == (sum(row["nanos"] for row in self.billed), 0)


def native(prompt: str = "a boat") -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": prompt}]}]}


def images(prompt: str = "a boat", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "prompt": prompt, **more}


def chat(prompt: str = "a boat", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **more}


def replayed(answer: httpx2.Response) -> bool:
    assert answer.status_code == 200, answer.text
    again = answer.headers.get("x-gateway-replayed") == "true"
    assert (answer.headers.get("x-gateway-cost-usd") == "0") == again
    return again


WAYS = {
    "native": (NATIVE, native()),
    "native, streamed": (EVENTS, native()),
    "images": (IMAGES, images()),
    "images, two": (IMAGES, images(n=2)),
    "images, by address": (IMAGES, images(response_format="url")),
    "images, streamed": (IMAGES, images(stream=True)),
    "chat": (CHAT, chat()),
    "chat, streamed": (CHAT, chat(stream=True)),
    "responses": ("/v1/responses", {"model": MODEL, "input": "a boat"}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_who_hung_up_and_asks_again_joins_what_is_drawn(asking: Asking, way: str) -> None:
    path, body = WAYS[way]
    count = body.get("n", 1)
    await asking.leave(path, body)
    answer = await asking.post(path, body)
    assert answer.status_code == 200
    assert answer.headers["x-gateway-replayed"] == "true"
    assert answer.headers["x-gateway-call-id"] in {row["id"].rsplit("-", 1)[0].split(".")[0] for row in asking.billed}
    assert len(asking.billed) == count


@pytest.mark.parametrize("way", WAYS)
async def test_who_comes_when_it_is_drawn_has_it_from_the_vault_and_the_next_a_new_one(
    asking: Asking, way: str
) -> None:
    path, body = WAYS[way]
    count = body.get("n", 1)
    await asking.leave(path, body)
    await asking.all_drawn()
    again = await asking.post(path, body)
    assert replayed(again)
    assert len(asking.billed) == count
    assert not replayed(await asking.post(path, body, {"x-gateway-fresh": "0"}))
    assert len(asking.billed) == 2 * count


@pytest.mark.parametrize("way", WAYS)
async def test_with_an_idempotency_key_the_answer_is_the_same_to_the_byte(asking: Asking, way: str) -> None:
    path, body = WAYS[way]
    once = {"idempotency-key": "5f0c9f3e"}
    first = await asking.post(path, body, once)
    again = await asking.post(path, body, once)
    assert not replayed(first)
    assert "stream" in way or first.headers["x-gateway-cost-usd"] != "0"
    assert replayed(again)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-gateway-call-id"] == first.headers["x-gateway-call-id"]
    assert again.content == first.content or "stream" in way  # whose beats are of the moment
    assert len(asking.billed) == body.get("n", 1)


async def test_a_hundred_with_one_key_at_once_are_one_call(asking: Asking) -> None:
    once = {"idempotency-key": "once"}
    answers = await asyncio.gather(*(asking.post(IMAGES, images(), once) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert [replayed(answer) for answer in answers].count(False) == 1
    assert len(asking.billed) == 1
    assert await asking.balanced()


async def test_three_that_left_and_come_back_have_three_pictures(asking: Asking) -> None:
    await asking.leave(NATIVE, native(), times=3)
    answers = await asyncio.gather(*(asking.post(NATIVE, native()) for _ in range(3)))
    assert all(replayed(answer) for answer in answers)
    assert len({native_picture(answer.json()) for answer in answers}) == 3
    assert len({answer.headers["x-gateway-call-id"] for answer in answers}) == 3
    assert len(asking.billed) == 3
    assert await asking.balanced()


async def test_two_that_stay_have_two_pictures(asking: Asking) -> None:
    answers = await asyncio.gather(*(asking.post(NATIVE, native(), headers) for headers in (FIRST, RETRY)))
    assert not any(replayed(answer) for answer in answers)
    assert len({native_picture(answer.json()) for answer in answers}) == 2
    assert len(asking.billed) == 2


async def test_who_wants_it_drawn_anew_says_so(asking: Asking) -> None:
    await asking.leave(NATIVE, native())
    assert not replayed(await asking.post(NATIVE, native(), {"x-gateway-fresh": "1"}))
    assert replayed(await asking.post(NATIVE, native()))
    assert len(asking.billed) == 2


async def test_who_has_nowhere_to_go_now_has_what_was_drawn_before(asking: Asking) -> None:
    nowhere = {"x-gateway-max-multiplier": "0.5"}
    assert (await asking.post(NATIVE, native(), nowhere)).status_code == 403
    await asking.leave(NATIVE, native())
    assert replayed(await asking.post(NATIVE, native(), nowhere))
    assert (await asking.post(NATIVE, native(), nowhere)).status_code == 403


async def test_another_prompt_is_another_request(asking: Asking) -> None:
    await asking.leave(NATIVE, native())
    assert not replayed(await asking.post(NATIVE, native("a ship")))
    assert not replayed(await asking.post(IMAGES, images()))


async def test_a_retry_that_says_so_has_what_was_just_delivered(asking: Asking) -> None:
    first = await asking.post(NATIVE, native(), FIRST)
    assert not replayed(await asking.post(NATIVE, native(), FIRST))
    again = await asking.post(NATIVE, native(), RETRY)
    assert replayed(again)
    assert len(asking.billed) == 2
    assert again.headers["x-gateway-call-id"] != first.headers["x-gateway-call-id"]


async def test_a_retry_of_a_failure_is_drawn_though_the_same_was_delivered(asking: Asking) -> None:
    body = native("a boat [sim:unavailable#1] [sim:unavailable#2] [sim:unavailable#3] [sim:unavailable#4]")
    failed = await asking.post(NATIVE, body, FIRST)
    assert failed.status_code == 503
    assert failed.headers["x-should-retry"] == "true"


async def test_who_is_told_to_wait_longer_gets_it_when_asking_again(asking: Asking) -> None:
    deferred = await asking.post(IMAGES, images(), {"x-stainless-read-timeout": "1", **FIRST})
    assert deferred.status_code == 504
    assert deferred.json()["error"]["code"] == "deferred"
    assert deferred.headers["x-should-retry"] == "true"
    assert 1 <= int(deferred.headers["retry-after"]) <= 60
    again = await asking.post(IMAGES, images(), RETRY)
    assert replayed(again)
    assert again.headers["x-gateway-call-id"] == deferred.headers["x-gateway-call-id"]
    assert len(asking.billed) == 1


async def test_a_key_of_another_request_is_refused_in_the_callers_format(asking: Asking) -> None:
    once = {"idempotency-key": "once"}
    await asking.post(IMAGES, images(), once)
    openai = await asking.post(IMAGES, images("a ship"), once)
    assert openai.status_code == 422
    error = openai.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "idempotency_key_reused")
    assert openai.headers["x-should-retry"] == "false"
    google = await asking.post(NATIVE, native(), once)
    assert google.status_code == 422
    assert google.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert len(asking.billed) == 1


async def test_headers_that_say_nothing_are_refused_and_nothing_is_sent(asking: Asking) -> None:
    for headers in ({"idempotency-key": "x" * 256}, {"x-gateway-fresh": "please"}, {"idempotency-resend": "1"}):
        answer = await asking.post(NATIVE, native(), headers)
        assert answer.status_code == 400
    assert asking.billed == []


async def test_what_failed_and_cost_nothing_frees_its_key(asking: Asking) -> None:
    once = {"idempotency-key": "once"}
    body = native("a boat [sim:bad-request]")
    failures = [await asking.post(NATIVE, body, once) for _ in range(2)]
    assert [answer.status_code for answer in failures] == [400, 400]
    ids = {answer.headers["x-gateway-call-id"] for answer in failures}
    assert len(ids) == 2


async def test_an_answer_without_a_picture_is_told_again_and_not_paid_again(asking: Asking) -> None:
    once = {"idempotency-key": "once"}
    body = images("a boat [sim:no-image]")
    first = await asking.post(IMAGES, body, once)
    again = await asking.post(IMAGES, body, once)
    assert first.status_code == again.status_code == 400
    assert first.json() == again.json()
    assert len(asking.billed) == len({row["id"] for row in asking.billed})
    before = len(asking.billed)
    await asking.post(IMAGES, body, once)
    assert len(asking.billed) == before


async def test_no_key_meets_anothers_answer(asking: Asking, slow: Gateway, seller: Simulator) -> None:
    once = {"idempotency-key": "once"}
    mine = await asking.post(NATIVE, native(), once)
    await asking.leave(NATIVE, native("a ship"))
    async with new_caller(slow, seller) as other:
        assert not replayed(await other.post(NATIVE, native(), once))
        assert not replayed(await other.post(NATIVE, native("a ship")))
    assert replayed(await asking.post(NATIVE, native("a ship")))
    assert not replayed(mine)


async def test_a_caller_who_hangs_up_twice_still_has_it(asking: Asking) -> None:
    await asking.leave(NATIVE, native())
    again = asyncio.ensure_future(asking.post(NATIVE, native()))

    async def joined() -> bool:
        return await asking.drawn_for_nobody() == 0

    await eventually(joined)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
    third = await asking.post(NATIVE, native())
    assert replayed(third)
    assert pixels(native_picture(third.json())) == (1024, 1024)
    assert len(asking.billed) == 1


async def test_of_a_key_that_retains_nothing_nothing_is_kept(slow: Gateway, seller: Simulator) -> None:
    async with new_caller(slow, seller, retain=False) as asking:
        await asking.leave(NATIVE, native())
        joined = await asking.post(NATIVE, native())
        assert replayed(joined)
        await asking.leave(NATIVE, native())
        await asking.all_drawn()
        assert not replayed(await asking.post(NATIVE, native()))
        once = {"idempotency-key": "once"}
        first = await asking.post(NATIVE, native(), once)
        again = await asking.post(NATIVE, native(), once)
        assert (first.status_code, again.status_code) == (200, 410)
        linked = await asking.post(IMAGES, images(response_format="url"))
        assert linked.json()["data"][0]["url"].startswith("data:image/")
        later = await asking.post(IMAGES, images(), {"prefer": "respond-async"})
        assert later.status_code == 400
        assert len(asking.billed) == 5
        assert await asking.balanced()
        place = f"/gateway/calls/{first.headers['x-gateway-call-id']}/pictures/1"

        async def gone() -> bool:
            return (await asking.http.get(place)).status_code == 410

        await eventually(gone)


async def test_both_are_told_in_the_log(asking: Asking, slow: Gateway) -> None:
    await asking.leave(NATIVE, native())
    joined = await asking.post(NATIVE, native())
    await asking.leave(NATIVE, native())
    await asking.all_drawn()
    kept = await asking.post(NATIVE, native())
    rows = [json.loads(line) for line in slow.log.read_text().splitlines()]
    told = {row["call_id"]: row for row in rows if row["event"] == "call_replayed"}
    assert told[joined.headers["x-gateway-call-id"]]["joined"] is True
    assert told[kept.headers["x-gateway-call-id"]]["joined"] is False
    assert all(row["code"] == "ok" and row["delivered"] for row in told.values() if row["code"] == "ok")


async def test_where_too_many_have_left_the_answers_are_not_kept_and_the_books_are_right(
    seller: Simulator, tmp_path: Path
) -> None:
    async with (
        open_gateway(seller, tmp_path, limits={"left_calls": 0}) as gateway,
        new_caller(gateway, seller) as asking,
    ):
        await asking.leave(NATIVE, native())
        at_once = await asking.post(NATIVE, native())
        await asking.all_drawn()
        answer = await asking.post(NATIVE, native())
        assert not replayed(at_once)
        assert not replayed(answer)
        assert len(asking.billed) == 3
        assert await asking.balanced()
        text = (await asking.http.get("/metrics")).text
        assert 'gateway_dropped_answers_total{why="lost"} 1.0' in text
