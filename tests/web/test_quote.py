"""`X-Gateway-Quote: only`: what a request would cost, on every route, without sending or spending anything."""

from decimal import Decimal
from fractions import Fraction

import httpx2
import pytest

from gateway.core.keys import Limits
from tests.house import PRO, Gateway, Simulator
from tests.web.ways import RELAYED, Way

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUOTE = {"x-gateway-quote": "only"}


@pytest.mark.parametrize("name", RELAYED)
async def test_every_route_tells_what_it_would_cost_and_then_costs_no_more(
    shared: Gateway, simulator: Simulator, name: str
) -> None:
    sent = len(simulator.requests("call_"))
    quoted = await RELAYED[name].go(shared.http, **QUOTE)
    assert quoted.status_code == 200
    assert len(simulator.requests("call_")) == sent, "nothing is sent"
    told = quoted.json()
    assert [each["group"] for each in told["groups"]] == ["Default", "NanoBananaEnterprise"]
    for each in told["groups"]:
        assert 0 < Decimal(each["expected_usd"]) <= Decimal(each["most_usd"]) <= Decimal(told["hold_usd"])
    before = await shared.spent_nanos()
    answer = await RELAYED[name].go(shared.http)
    assert answer.status_code == 200
    spent = Decimal(await shared.spent_nanos() - before) / 10**9
    assert 0 < spent <= Decimal(told["groups"][0]["most_usd"])


async def test_the_dearer_group_is_dearer_by_its_multiplier_and_n_pictures_cost_n_times(shared: Gateway) -> None:
    body = {"model": PRO, "prompt": "a boat", "n": 3}
    told = (await Way("POST", "/v1/images/generations", body, False).go(shared.http, **QUOTE)).json()
    assert told["pictures"] == 3
    assert told["hold_usd"] == "0.378"
    default, enterprise = told["groups"]
    assert (default["most_usd"], enterprise["most_usd"], enterprise["multiplier"]) == ("0.27", "0.378", "1.4")


async def test_only_groups_that_the_call_may_use_are_quoted(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    _, secret = await shared.new_key(Limits(max_multiplier=Fraction(1)))
    told = await RELAYED["images"].go(stranger, authorization=f"Bearer {secret}", **QUOTE)
    assert [each["group"] for each in told.json()["groups"]] == ["Default"]
    refused = await RELAYED["images"].go(shared.http, **QUOTE, **{"x-gateway-max-multiplier": "0.5"})
    assert refused.status_code == 403


async def test_another_word_is_refused_in_the_callers_dialect_and_sends_nothing(shared: Gateway) -> None:
    answer = await RELAYED["images"].go(shared.http, **{"x-gateway-quote": "yes"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "x-gateway-quote"
    assert "write only" in answer.json()["error"]["message"]
    native = await RELAYED["generate"].go(shared.http, **{"x-gateway-quote": "yes"})
    assert native.json()["error"]["status"] == "INVALID_ARGUMENT"
