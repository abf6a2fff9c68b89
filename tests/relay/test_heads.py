"""What an answer's head says of the money."""

from decimal import Decimal

from gateway.core.budgets import Budget
from gateway.core.keys import Limits, TeamLimits
from gateway.core.money import nanos_of
from tests.house import PRO, Gateway

LEFT = "x-gateway-budget-left-usd"


async def test_without_a_budget_nothing_is_said_of_what_is_left(gateway: Gateway) -> None:
    assert LEFT not in (await gateway.native("a boat", model=PRO)).headers


async def test_what_is_left_is_that_of_the_key_or_of_the_team_whichever_is_less(gateway: Gateway) -> None:
    _, secret = await gateway.new_key(Limits(Budget(nanos_of("5"))))
    gateway.http.headers["authorization"] = f"Bearer {secret}"
    first = await gateway.native("a boat", model=PRO)
    assert (first.headers["x-gateway-cost-usd"], first.headers[LEFT]) == ("0.09", "4.91")
    await gateway.running.ledger.keys.update_team("acme", name="acme", limits=TeamLimits(Budget(nanos_of("1"))))
    second = await gateway.images("a boat", model=PRO, n=2)
    assert (second.headers["x-gateway-cost-usd"], second.headers[LEFT]) == ("0.18", "0.73")


async def test_of_a_stream_it_is_told_what_its_hold_leaves(gateway: Gateway) -> None:
    _, secret = await gateway.new_key(Limits(Budget(nanos_of("5"))))
    body = {"contents": [{"parts": [{"text": "a boat"}]}]}
    path = f"/v1beta/models/{PRO}:streamGenerateContent?alt=sse"
    answer = await gateway.http.post(path, json=body, headers={"authorization": f"Bearer {secret}"})
    held, left = (Decimal(answer.headers[name]) for name in ("x-gateway-hold-usd", LEFT))
    assert held + left == 5
