"""What a caller agrees to pay more for: by its key, or stricter for one call by a header."""

from fractions import Fraction
from pathlib import Path

import httpx2
import pytest

from gateway.core.keys import Limits, Mode
from tests.house import MODEL, Gateway, Simulator, open_gateway

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"

NATIVE = f"/v1beta/models/{MODEL}:generateContent"


async def ask(gateway: Gateway, prompt: str, **headers: str) -> httpx2.Response:
    body = {"contents": [{"parts": [{"text": prompt}]}]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gateway.http.post(NATIVE, json=body, headers=named)


STRICTER = [{"x_gateway_failover": "off"}, {"x_gateway_max_multiplier": "1"}, {"x_gateway_max_multiplier": "1.39"}]


@pytest.mark.parametrize("headers", STRICTER)
async def test_a_call_may_ask_for_less_than_its_key_allows(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = await ask(gateway, "a boat [sim:busy@Default]", **headers)
    assert answer.status_code == 503
    assert answer.headers["x-gateway-billed"] == "no"
    assert (await ask(gateway, "a boat", **headers)).headers["x-gateway-group"] == DEFAULT
    assert (await ask(gateway, "a boat [sim:busy@Default]")).headers["x-gateway-group"] == ENTERPRISE


async def test_a_call_may_not_ask_for_more_than_its_key_allows(gateway: Gateway) -> None:
    _, secret = await gateway.new_key(Limits(max_multiplier=Fraction(1), failover=Mode.OFF))
    answer = await ask(
        gateway,
        "a boat [sim:busy@Default]",
        authorization=f"Bearer {secret}",
        x_gateway_failover="auto",
        x_gateway_max_multiplier="1.4",
    )
    assert answer.status_code == 503


async def test_a_call_that_no_group_is_cheap_enough_for_says_so(gateway: Gateway) -> None:
    answer = await ask(gateway, "a boat", x_gateway_max_multiplier="0.5")
    assert answer.status_code == 403
    assert "this key and this request allow" in answer.json()["error"]["message"]


async def test_a_header_that_makes_no_sense_is_told_in_the_callers_dialect(gateway: Gateway) -> None:
    answer = await ask(gateway, "a boat", x_gateway_failover="sometimes")
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    body = {"model": MODEL, "prompt": "a boat"}
    told = await gateway.http.post("/v1/images/generations", json=body, headers={"x-gateway-max-multiplier": "dear"})
    assert told.status_code == 400
    assert told.json()["error"]["param"] == "x-gateway-max-multiplier"
    assert "write it like 1.4" in told.json()["error"]["message"]


async def test_keys_without_a_mode_of_their_own_have_the_gateways(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path, failover={"mode": "off"}) as gateway:
        assert (await ask(gateway, "a boat [sim:busy@Default]")).status_code == 503
        _, secret = await gateway.new_key(Limits(failover=Mode.AUTO))
        answer = await ask(gateway, "a boat [sim:busy@Default]", authorization=f"Bearer {secret}")
        assert answer.headers["x-gateway-group"] == ENTERPRISE
