"""What a caller agrees to pay more for: by its key, or stricter for one call by a header."""

import asyncio
from fractions import Fraction
from pathlib import Path

import httpx2
import pytest

from gateway.core.allowance import Caps, Purpose
from gateway.core.keys import Limits, Mode, TeamLimits
from gateway.core.money import nanos_of
from tests.house import ADMIN_KEY, MODEL, PRO, Gateway, Simulator, open_gateway
from tests.losable import LosableStore
from tests.relay.test_reports import in_flight, rows
from tests.waiting import eventually

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


async def test_a_call_that_may_not_leave_a_group_that_has_stopped_is_told_so_at_once(gateway: Gateway) -> None:
    while (await gateway.native("a boat [sim:busy@Default]")).headers["x-gateway-attempts"] == "2":
        pass  # until the group is left
    told = await ask(gateway, "a boat", x_gateway_max_multiplier="1")
    assert told.status_code == 503
    assert told.json()["error"]["details"][0]["reason"] == "UPSTREAM_DEGRADED"
    assert (told.headers["x-gateway-billed"], told.headers["x-should-retry"]) == ("no", "true")
    assert 1 <= int(told.headers["retry-after"]) <= 45
    body = {"model": MODEL, "prompt": "a boat"}
    _, secret = await gateway.new_key(Limits(groups=frozenset({DEFAULT})))
    openai = await gateway.http.post("/v1/images/generations", json=body, headers={"authorization": f"Bearer {secret}"})
    assert openai.json()["error"]["code"] == "upstream_degraded"
    assert (await gateway.usage())["held_usd"] == "0"
    assert (await ask(gateway, "a boat", x_gateway_failover="off")).headers["x-gateway-group"] == DEFAULT


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


def premium(**caps: int) -> TeamLimits:
    return TeamLimits(premium=Caps(**caps))


async def test_a_team_that_has_spent_its_allowance_is_told_when_it_begins_anew(gateway: Gateway) -> None:
    await gateway.running.ledger.keys.update_team("acme", name="acme", limits=premium(hour_nanos=60_000_000))
    first = await gateway.native("a boat [sim:busy@Default]", model=PRO)
    assert first.headers["x-gateway-group"] == ENTERPRISE  # 0.036 more than Default would have taken
    body = {"model": PRO, "prompt": "a boat [sim:busy@Default]"}
    told = await gateway.http.post("/v1/images/generations", json=body)
    assert told.status_code == 503
    error = told.json()["error"]
    assert (error["code"], error["type"]) == ("premium_cap", "server_error")
    assert "allowance for dearer ones is spent" in error["message"]
    assert 1 <= int(told.headers["retry-after"]) <= 60
    assert (told.headers["x-gateway-billed"], told.headers["x-should-retry"]) == ("no", "true")
    native = await gateway.native("a boat [sim:busy@Default]", model=PRO)
    assert native.json()["error"]["status"] == "UNAVAILABLE"
    assert (await gateway.native("a boat", model=PRO)).headers["x-gateway-group"] == DEFAULT
    assert await gateway.spent_nanos() == nanos_of("0.126") + nanos_of("0.09")
    assert (await gateway.usage())["held_usd"] == "0"
    await eventually(lambda: _drawn(gateway, 36_000_000))
    denied = await rows(gateway, "failover_denied", least=2)
    assert {(row["allowance"], row["owner"], row["window"]) for row in denied} == {("premium", "team", "hour")}


async def _drawn(gateway: Gateway, nanos: int) -> bool:
    return bool((await gateway.running.ledger.allowances.of_team("acme")).hour_nanos == nanos)


async def test_an_allowance_is_never_overdrawn_by_calls_at_once(gateway: Gateway, simulator: Simulator) -> None:
    await gateway.running.ledger.keys.update_team("acme", name="acme", limits=premium(day_nanos=5 * 36_000_000))
    answers = await asyncio.gather(*(gateway.native("a boat [sim:busy@Default]", model=PRO) for _ in range(20)))
    served = [answer for answer in answers if answer.status_code == 200]
    assert len(served) == 5
    assert {answer.json()["error"]["status"] for answer in answers if answer.status_code != 200} == {"UNAVAILABLE"}
    assert await gateway.spent_nanos() == 5 * nanos_of("0.126")


async def test_what_an_unbilled_attempt_drew_is_given_back(gateway: Gateway) -> None:
    await gateway.running.ledger.keys.update_team("acme", name="acme", limits=premium(hour_nanos=40_000_000))
    assert (await gateway.native("a boat [sim:busy]", model=PRO)).status_code == 503
    await eventually(lambda: _drawn(gateway, 0))
    answer = await gateway.native("a boat [sim:busy@Default]", model=PRO)
    assert answer.headers["x-gateway-group"] == ENTERPRISE


async def test_the_installations_cap_holds_for_all(simulator: Simulator, tmp_path: Path) -> None:
    capped = {"premium_hour_usd": "0.04"}
    async with open_gateway(simulator, tmp_path, failover=capped) as gateway:
        assert (await gateway.native("a boat [sim:busy@Default]", model=PRO)).status_code == 200
        assert (await gateway.native("a boat [sim:busy@Default]", model=PRO)).status_code == 503
        admin = {"authorization": f"Bearer {ADMIN_KEY}"}
        drawn = (await gateway.http.get("/admin/api/allowances", headers=admin)).json()
        assert (drawn["premium_hour_usd"], drawn["premium_hour_drawn_usd"]) == ("0.04", "0.036")
        assert drawn["races_day_usd"] is None


async def test_nothing_is_raced_when_the_operator_pays_for_no_losers(tmp_path: Path) -> None:
    stingy = {"suspect_s": 0.3, "races_hour_usd": "0.01"}
    with Simulator.started("--speed", "10", "--light") as slow:
        async with open_gateway(slow, tmp_path, failover=stingy) as gateway:
            answer = await gateway.native("a boat [sim:slow@Default]")
            assert (answer.headers["x-gateway-group"], answer.headers["x-gateway-attempts"]) == (DEFAULT, "1")
            (denied, *_) = await rows(gateway, "failover_denied", least=1)
            assert (denied["allowance"], denied["owner"]) == ("races", "installation")


async def test_what_a_race_lost_is_drawn_and_no_more(tmp_path: Path) -> None:
    capped = {"suspect_s": 0.3, "races_hour_usd": "5"}
    with Simulator.started("--speed", "10", "--light") as slow:
        async with open_gateway(slow, tmp_path, failover=capped) as gateway:
            answer = await gateway.native("a boat [sim:slow@Default]")
            assert answer.headers["x-gateway-attempts"] == "2"
            ((lost),) = await rows(gateway, "operator_charged", least=1)

            async def corrected() -> bool:
                drawn = await gateway.running.ledger.allowances.of_installation(Purpose.RACES)
                return drawn.hour_nanos == nanos_of(lost["usd"])

            await eventually(corrected)


async def test_while_the_store_is_away_only_what_has_a_cap_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with LosableStore.started(tmp_path / "store") as store, Simulator.started("--speed", "6", "--light") as slow:
        async with open_gateway(slow, tmp_path, store=store.url) as gateway:
            free = asyncio.create_task(gateway.native("a boat [sim:error@Default]"))
            await eventually(lambda: in_flight(gateway, 1))
            await gateway.running.ledger.keys.update_team("acme", name="acme", limits=premium(day_nanos=10**9))
            capped = asyncio.create_task(gateway.native("a boat [sim:error@Default]"))
            await eventually(lambda: in_flight(gateway, 2))
            with store.away():
                answers = await asyncio.gather(free, capped)
                assert [answer.status_code for answer in answers] == [200, 503]
                assert answers[1].json()["error"]["details"][0]["reason"] == "BOOKS_AWAY", "not that a cap is spent"
