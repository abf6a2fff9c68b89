"""What a key may not do, and that nothing is sent or spent when it is asked for all the same."""

import json
import re
from fractions import Fraction
from typing import Any

import httpx2
import pytest

from gateway.core.budgets import Budget, Rates
from gateway.core.keys import Limits
from gateway.core.money import nanos_of
from tests.house import MODEL, PRO, Gateway, Simulator
from tests.web.ways import LOCAL, RELAYED, Refusal, Way, refusal_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_ALLOWED = Refusal((403, "PERMISSION_DENIED", "NOT_ALLOWED"), (403, "invalid_request_error", "model_not_allowed"))
OVER = Refusal((429, "RESOURCE_EXHAUSTED", "BUDGET_EXCEEDED"), (429, "insufficient_quota", "insufficient_quota"))
FAST = Refusal((429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"), (429, "requests", "rate_limit_exceeded"))
STOPPED = Refusal((503, "UNAVAILABLE", "UPSTREAM_DEGRADED"), (503, "server_error", "upstream_degraded"))
BUSY = Refusal((503, "UNAVAILABLE", "UPSTREAM_OVERLOADED"), (503, "server_error", "upstream_overloaded"))


@pytest.mark.parametrize("name", RELAYED)
async def test_a_model_the_key_may_not_use_is_refused(shared: Gateway, stranger: httpx2.AsyncClient, name: str) -> None:
    answer = await _with_limits(shared, stranger, RELAYED[name], Limits(models=frozenset({PRO})))
    _is(answer, RELAYED[name], NOT_ALLOWED)
    assert answer.headers["x-should-retry"] == "false"
    assert MODEL in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", RELAYED)
async def test_a_key_whose_groups_do_not_exist_here_is_refused(
    shared: Gateway, stranger: httpx2.AsyncClient, simulator: Simulator, name: str
) -> None:
    answer = await _with_limits(shared, stranger, RELAYED[name], Limits(groups=frozenset({"Gone"})))
    _is(answer, RELAYED[name], NOT_ALLOWED)
    assert simulator.requests(answer.headers["x-gateway-call-id"]) == []


@pytest.mark.parametrize("name", RELAYED)
async def test_an_exhausted_budget_is_told_is_not_to_be_tried_again_and_sends_nothing(
    shared: Gateway, stranger: httpx2.AsyncClient, simulator: Simulator, name: str
) -> None:
    answer = await _with_limits(shared, stranger, RELAYED[name], Limits(Budget(nanos_of("0.01"))))
    _is(answer, RELAYED[name], OVER)
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers
    assert "$0.01" in answer.json()["error"]["message"]
    assert simulator.requests(answer.headers["x-gateway-call-id"]) == []


@pytest.mark.parametrize("name", RELAYED)
async def test_a_spent_day_is_told_with_when_the_next_begins(
    shared: Gateway, stranger: httpx2.AsyncClient, name: str
) -> None:
    answer = await _with_limits(shared, stranger, RELAYED[name], Limits(Budget(day_nanos=nanos_of("0.01"))))
    _is(answer, RELAYED[name], OVER)
    assert answer.headers["x-should-retry"] == "false"
    assert 1 <= int(answer.headers["retry-after"]) <= 86_400
    said = answer.json()["error"]["message"]
    assert re.search(r"of the key's budget of \$0\.01 a day \$0\.01 is left", said)
    assert re.search(r"come back when the next begins, at \d{4}-\d\d-\d\dT00:00:00Z", said)


@pytest.mark.parametrize("name", RELAYED)
async def test_whoever_asks_too_often_is_told_when_to_ask_again(
    shared: Gateway, stranger: httpx2.AsyncClient, simulator: Simulator, name: str
) -> None:
    way, rates = RELAYED[name], Rates(requests_per_minute=1)
    key, secret = await shared.new_key(Limits(rates=rates))
    first = await way.go(stranger, authorization=f"Bearer {secret}")
    assert first.status_code == 200
    spent = (await shared.running.ledger.books.balance(key)).spent_nanos
    answer = await way.go(stranger, authorization=f"Bearer {secret}")
    _is(answer, way, FAST)
    assert answer.headers["x-should-retry"] == "true"
    assert 30 <= int(answer.headers["retry-after"]) <= 60
    assert "the key may ask for 1 requests a minute" in answer.json()["error"]["message"]
    assert simulator.requests(answer.headers["x-gateway-call-id"]) == []
    assert (await shared.running.ledger.books.balance(key)).spent_nanos == spent


async def test_more_pictures_than_may_run_at_a_time_are_refused_by_their_number(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    way = RELAYED["images"]
    body = {**(way.body or {}), "n": 3}
    answer = await _with_limits(
        shared, stranger, Way(way.method, way.path, body, way.gemini), Limits(rates=Rates(concurrency=2))
    )
    assert answer.status_code == 400
    assert "this asks for 3 pictures, and the key may have 2 calls at a time" in answer.json()["error"]["message"]


async def test_a_share_of_a_budget_that_is_passed_is_told_to_whoever_watches(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    key, secret = await shared.new_key(Limits(Budget(month_nanos=1, soft=True)))
    for _ in range(2):
        answer = await RELAYED["images"].go(stranger, authorization=f"Bearer {secret}")
        assert answer.status_code == 200
    assert _passed(shared, key.id) == [("key", "month", 100)]
    metrics = (await stranger.get("/metrics")).text
    assert 'gateway_budget_alerts_total{period="month",whose="key"}' in metrics


async def test_a_share_that_was_passed_is_told_by_the_call_that_is_refused(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    key, secret = await shared.new_key(Limits(Budget(alert_percents=(1,))))
    answer = await RELAYED["images"].go(stranger, authorization=f"Bearer {secret}")
    spent = nanos_of(answer.headers["x-gateway-cost-usd"])
    await shared.running.ledger.keys.update(key.id, name="", limits=Limits(Budget(spent + 1, alert_percents=(1,))))
    refused = await RELAYED["images"].go(stranger, authorization=f"Bearer {secret}")
    assert refused.status_code == 429
    assert _passed(shared, key.id) == [("key", "total", 1)]


def _passed(shared: Gateway, key_id: str) -> list[tuple[str, str, int]]:
    told = [each for each in _log(shared) if each["event"] == "budget_passed" and each["key_id"] == key_id]
    return [(each["of"], each["period"], each["percent"]) for each in told]


async def test_a_refusal_for_want_of_budget_is_told_to_whoever_watches(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    way = RELAYED["images"]
    answer = await _with_limits(shared, stranger, way, Limits(Budget(1)))
    (line,) = [each for each in _log(shared) if each.get("request_id") == answer.headers["x-request-id"]]
    assert (line["event"], line["status"], line["code"]) == ("refused", 429, "insufficient_quota")
    metrics = (await stranger.get("/metrics")).text
    assert 'gateway_refused_requests_total{code="insufficient_quota",dialect="images"}' in metrics


@pytest.mark.parametrize("name", RELAYED)
async def test_a_key_for_the_cheap_group_is_told_to_wait_rather_than_served_by_the_dear_one(
    shared: Gateway, stranger: httpx2.AsyncClient, simulator: Simulator, name: str
) -> None:
    way = _saying(RELAYED[name], "a boat [sim:busy@Default]")
    answer = await _with_limits(shared, stranger, way, Limits(max_multiplier=Fraction(1)))
    stopped = answer.json()["error"]["message"].startswith("The group that")  # by the calls of the other ways
    _is(answer, way, STOPPED if stopped else BUSY)
    assert answer.headers["x-should-retry"] == "true"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    sent = [each["headers"]["authorization"] for each in simulator.requests(answer.headers["x-gateway-call-id"])]
    assert sent == ([] if stopped else ["Bearer sim-key-default"])


async def test_gemini_callers_are_told_when_to_try_again_in_googles_own_words(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    way = _saying(RELAYED["generate"], "a boat [sim:busy]")
    answer = await _with_limits(shared, stranger, way, Limits())
    retry = answer.json()["error"]["details"][-1]
    assert retry == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": f"{answer.headers['retry-after']}s",
    }


async def test_a_key_for_one_model_is_shown_that_model_alone(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    _, secret = await shared.new_key(Limits(models=frozenset({PRO})))
    openai = await LOCAL["openai models"].go(stranger, authorization=f"Bearer {secret}")
    names = [each["id"] for each in openai.json()["data"]]
    assert PRO in names
    assert all(name.startswith(PRO) for name in names)
    gemini = await LOCAL["gemini models"].go(stranger, x_goog_api_key=secret)
    assert [each["name"] for each in gemini.json()["models"]] == [f"models/{PRO}"]


async def _with_limits(shared: Gateway, stranger: httpx2.AsyncClient, way: Way, limits: Limits) -> httpx2.Response:
    """The answer to a new key with these limits, which pays nothing and holds nothing after it."""
    key, secret = await shared.new_key(limits)
    answer = await way.go(stranger, authorization=f"Bearer {secret}")
    balance = await shared.running.ledger.books.balance(key)
    assert (balance.spent_nanos, balance.held_nanos) == (0, 0)
    return answer


def _log(shared: Gateway) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shared.log.read_text().splitlines()]


def _saying(way: Way, prompt: str) -> Way:
    body: dict[str, Any] = dict(way.body or {})
    if "contents" in body:
        body["contents"] = [{"parts": [{"text": prompt}]}]
    elif "messages" in body:
        body["messages"] = [{"role": "user", "content": prompt}]
    else:
        body["input" if "input" in body else "prompt"] = prompt
    return Way(way.method, way.path, body, way.gemini)


def _is(answer: httpx2.Response, way: Way, told: Refusal) -> None:
    assert refusal_of(answer, gemini=way.gemini) == (told.gemini if way.gemini else told.openai)
    assert answer.headers["x-gateway-billed"] == "no"
