"""`GET /gateway/status`: how the service is, for whoever holds a key, and no more than it may use."""

from fractions import Fraction
from typing import Any

from gateway.core.keys import Limits
from gateway.core.move import Standing
from tests.house import MODEL, PRO, Gateway
from tests.waiting import eventually

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"


async def status(gateway: Gateway, secret: str | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    answer = await gateway.http.get("/gateway/status", headers=headers)
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def of(document: dict[str, Any], model: str) -> dict[str, Any]:
    (found,) = [each for each in document["models"] if each["model"] == model]
    return dict(found)


async def test_without_any_call_all_is_well_and_nothing_is_claimed(gateway: Gateway) -> None:
    told = await status(gateway)
    assert [group["name"] for group in told["groups"]] == [DEFAULT, ENTERPRISE]
    assert {model["standing"] for group in told["groups"] for model in group["models"]} == {Standing.CLOSED}
    assert of(told, MODEL)["success"] == {"now": None, "1h": None, "24h": None}
    assert {size["p50_s"] for size in of(told, MODEL)["sizes"]} == {None}


async def test_calls_are_told_by_model_and_size_with_how_many_succeed(gateway: Gateway) -> None:
    for prompt in ("a boat", "a boat", "a boat", "a boat [sim:error]"):
        await gateway.native(prompt, imageSize="2K")
    await gateway.native("a boat", imageSize="3K")  # which is nobody's failure

    async def counted() -> bool:
        return bool(of(await status(gateway), MODEL)["success"]["now"] == 0.75)

    await eventually(counted)
    told = of(await status(gateway), MODEL)
    assert told["success"] == {"now": 0.75, "1h": 0.75, "24h": 0.75}
    (size,) = [each for each in told["sizes"] if each["size"] == "2K"]
    assert size["calls"] == {"now": 4, "1h": 4, "24h": 4}
    assert 0 < size["p50_s"] <= size["p95_s"] < 60


async def test_a_group_that_fails_is_seen_to(gateway: Gateway) -> None:
    for _ in range(7):
        await gateway.native("a boat [sim:busy@Default]")
    standing = {
        (group["name"], each["model"]): each for group in (await status(gateway))["groups"] for each in group["models"]
    }
    assert standing[DEFAULT, MODEL]["standing"] == Standing.OPEN
    assert 0 <= standing[DEFAULT, MODEL]["for_s"] < 60
    assert (standing[ENTERPRISE, MODEL]["standing"], standing[ENTERPRISE, MODEL]["for_s"]) == (Standing.CLOSED, None)
    assert standing[DEFAULT, PRO]["standing"] == Standing.CLOSED


async def test_a_key_is_told_of_what_it_may_use(gateway: Gateway) -> None:
    _, secret = await gateway.new_key(Limits(max_multiplier=Fraction(1), models=frozenset({PRO})))
    told = await status(gateway, secret)
    assert [group["name"] for group in told["groups"]] == [DEFAULT]
    assert [model["model"] for model in told["models"]] == [PRO]


async def test_strangers_are_told_nothing(gateway: Gateway) -> None:
    answer = await gateway.http.get("/gateway/status", headers={"authorization": "Bearer sk-gw-nobody"})
    assert answer.status_code == 401
