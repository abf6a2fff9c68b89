"""The bill equals what was answered, to the nano-dollar."""

from fractions import Fraction
from typing import Any

import pytest

from gateway.sim.app import SimKey, SimSettings
from tests.sim.conftest import DEFAULT, ENTERPRISE, NB1, NB2, PRO, Caller, Launch, pictures


def _tokens(usage: dict[str, Any], multiplier: str = "1") -> int:
    """The token price of Nano Banana 2: $0.14 and $16.80 a million, by what the reply reported."""
    output = usage["totalTokenCount"] - usage["promptTokenCount"]
    exact = (usage["promptTokenCount"] * 140 + output * 16_800) * Fraction(multiplier)
    assert exact.denominator == 1
    return int(exact)


@pytest.mark.parametrize(("key", "multiplier"), [(DEFAULT, "1"), (ENTERPRISE, "1.4")])
@pytest.mark.parametrize("size", ["512", "1K", "2K", "4K"])
def test_nano_banana_2_costs_what_its_usage_says(
    sim: Caller, call_id: str, key: str, multiplier: str, size: str
) -> None:
    usage = sim.ask(call_id=call_id, key=key, imageConfig={"imageSize": size}).json()["usageMetadata"]
    (row,) = sim.rows(call_id)
    assert (row["basis"], row["nanos"]) == ("tokens", _tokens(usage, multiplier))
    assert (row["input_tokens"], row["size"], row["delivered"]) == (usage["promptTokenCount"], size, True)


@pytest.mark.parametrize(
    ("model", "key", "nanos"),
    [
        (PRO, DEFAULT, 90_000_000),
        (PRO, ENTERPRISE, 126_000_000),
        (NB1, DEFAULT, 20_000_000),
        (NB1, ENTERPRISE, 28_000_000),
    ],
)
def test_models_without_a_token_price_cost_the_same_every_time(
    sim: Caller, call_id: str, model: str, key: str, nanos: int
) -> None:
    sim.ask(model=model, key=key, call_id=call_id)
    (row,) = sim.rows(call_id)
    assert (row["basis"], row["nanos"]) == ("call", nanos)


@pytest.mark.parametrize(("size", "image_tokens"), [("512", 747), ("1K", 1120), ("2K", 1680), ("4K", 2520)])
def test_usage_exceeds_the_tokens_of_the_picture_and_adds_up(sim: Caller, size: str, image_tokens: int) -> None:
    usage = sim.ask(imageConfig={"imageSize": size}).json()["usageMetadata"]
    assert usage["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": image_tokens}]
    assert image_tokens + 380 <= usage["candidatesTokenCount"] <= image_tokens + 430
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert "thoughtsTokenCount" not in usage


def test_thinking_hard_costs_thoughts(sim: Caller) -> None:
    usage = sim.ask(thinkingConfig={"thinkingLevel": "High"}).json()["usageMetadata"]
    counted = usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    assert usage["thoughtsTokenCount"] > 0
    assert usage["totalTokenCount"] == counted


@pytest.mark.parametrize(
    ("billing", "basis"),
    [
        ("pay-as-you-go", "tokens"),
        ("pay-as-you-go-priority", "tokens"),
        ("pay-per-request", "call"),
        ("pay-per-request-priority", "call"),
    ],
)
def test_the_billing_mode_of_the_key_decides_the_basis(launch: Launch, billing: str, basis: str) -> None:
    keys = {"k": SimKey("Default", 1.0, billing)}
    with launch(SimSettings(keys=keys, speed=0, weight="light")) as sim:
        sim.ask(key="k", call_id="one")
        assert [row["basis"] for row in sim.rows("one")] == [basis]


def test_a_key_that_buys_tokens_only_is_not_sold_a_model_without_a_token_price(launch: Launch) -> None:
    keys = {"k": SimKey("Default", 1.0, "pay-as-you-go")}
    with launch(SimSettings(keys=keys, speed=0, weight="light")) as sim:
        assert sim.ask(key="k", model=PRO).status_code == 503


@pytest.mark.parametrize("fault", ["refusal", "blocked", "text-only"])
@pytest.mark.parametrize("model", [NB2, PRO])
def test_a_refusal_is_billed_as_reported_or_by_the_call(sim: Caller, call_id: str, fault: str, model: str) -> None:
    usage = sim.ask(f"[sim:{fault}] x", model=model, call_id=call_id).json()["usageMetadata"]
    (row,) = sim.rows(call_id)
    assert row["nanos"] == (_tokens(usage) if model == NB2 else 90_000_000)
    assert (row["pictures"], row["status"], row["fault"]) == (0, 200, fault)


def test_drafts_are_billed_each(sim: Caller, call_id: str) -> None:
    reply = sim.ask("[sim:drafts] x", call_id=call_id).json()
    (row,) = sim.rows(call_id)
    assert len(pictures(reply)) == row["pictures"] == 3
    assert reply["usageMetadata"]["candidatesTokensDetails"][0]["tokenCount"] == 3 * 1120
    assert row["nanos"] == _tokens(reply["usageMetadata"])


def test_a_reply_that_hides_its_usage_is_billed_all_the_same(sim: Caller, call_id: str) -> None:
    reply = sim.ask("[sim:no-usage] x", call_id=call_id).json()
    (row,) = sim.rows(call_id)
    assert "usageMetadata" not in reply
    assert (row["basis"], row["nanos"]) == ("tokens", row["input_tokens"] * 140 + row["output_tokens"] * 16_800)


@pytest.mark.parametrize("fault", ["garbage", "html"])
def test_a_200_that_is_no_reply_is_billed_and_delivers_nothing(sim: Caller, call_id: str, fault: str) -> None:
    sim.ask(f"[sim:{fault}] x", call_id=call_id)
    assert [row["delivered"] for row in sim.rows(call_id)] == [False]


@pytest.mark.parametrize("fault", ["busy", "unavailable", "error", "bad-gateway", "edge", "quota", "bad-key"])
def test_an_error_is_free(sim: Caller, call_id: str, fault: str) -> None:
    assert sim.ask(f"[sim:{fault}] x", call_id=call_id).status_code != 200
    assert sim.rows(call_id) == []


def test_counting_tokens_draws_and_bills(sim: Caller, call_id: str) -> None:
    sim.send({"contents": [{"parts": [{"text": "How many?"}]}]}, verb="countTokens", call_id=call_id)
    assert len(sim.rows(call_id)) == 1


def test_the_total_is_the_sum_and_the_bill_can_be_emptied(launch: Launch) -> None:
    with launch(SimSettings(speed=0, weight="light")) as sim:
        sim.ask()
        sim.ask(model=PRO)
        bill = sim.http.get("/sim/bill").json()
        assert bill["total_nanos"] == str(sum(row["nanos"] for row in bill["rows"]))
        assert len(bill["rows"]) == 2
        assert sim.http.delete("/sim/bill").json() == {"rows": [], "total_nanos": "0"}
