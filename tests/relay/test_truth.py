"""What was asked is what comes back, or an error before paying; and where the seller delivers less, it is said."""

import pytest

from tests.house import MODEL, PRO, Gateway, Simulator
from tests.relay.test_reports import rows

NB1 = "gemini-2.5-flash-image"

REFUSED = [
    (MODEL, {"thinkingConfig": {"thinkingLevel": "medium"}}, "use minimal or high"),
    (NB1, {"thinkingConfig": {"thinkingLevel": "high"}}, "leave it out"),
    (NB1, {"imageConfig": {"imageSize": "2K"}}, "draws one size only"),
    (PRO, {"imageConfig": {"imageSize": "512"}}, "use 1K, 2K, 4K"),
    (PRO, {"imageConfig": {"aspectRatio": "1:8"}}, "is not a ratio"),
]


@pytest.mark.parametrize(("model", "config", "says"), REFUSED)
async def test_what_a_model_cannot_do_never_reaches_the_seller(
    gateway: Gateway, simulator: Simulator, model: str, config: dict[str, object], says: str
) -> None:
    before = len(simulator.requests("call_"))
    body = {"contents": [{"parts": [{"text": "a boat"}]}], "generationConfig": config}
    answer = await gateway.http.post(f"/v1beta/models/{model}:generateContent", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert len(simulator.requests("call_")) == before
    assert await gateway.spent_nanos() == 0


SHORT = [("smaller", "smaller"), ("square", "other_shape")]


@pytest.mark.parametrize(("fault", "told"), SHORT)
async def test_less_than_was_asked_is_said_in_head_log_and_metrics(gateway: Gateway, fault: str, told: str) -> None:
    answer = await gateway.images(f"a boat [sim:{fault}]", size="16:9@2K")
    assert answer.status_code == 200
    assert answer.headers["x-gateway-shortfall"] == told
    (row,) = await rows(gateway, "call")
    assert row["shortfall"] == told
    metrics = (await gateway.http.get("/metrics")).text
    assert f'gateway_shortfalls_total{{group="Default",how="{told}",model="{MODEL}",size="2K"}} 1.0' in metrics


async def test_what_was_asked_for_is_no_shortfall(gateway: Gateway) -> None:
    answer = await gateway.images("a boat", size="21:9@4K")
    assert "x-gateway-shortfall" not in answer.headers
    (row,) = await rows(gateway, "call")
    assert "shortfall" not in row


async def test_a_native_answer_in_one_piece_says_it_in_its_head(gateway: Gateway) -> None:
    answer = await gateway.native("a boat [sim:smaller]", imageSize="2K")
    assert answer.headers["x-gateway-shortfall"] == "smaller"
