"""Holds and charges: admitted exactly, ended once, provable from the ledger."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from gateway.core.books import Balance, Hold
from gateway.core.budgets import Budget
from gateway.core.errors import InternalError, NotFound, OverBudget, UnknownKey
from gateway.core.keys import Key, Limits, TeamLimits
from gateway.core.money import LARGEST_NANOS
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.writes import UNSETTLED
from tests.ledger.accounts import NOW, USD, audit, charge, operator, reserve, rows, settle, void

LEASE_S = 480.0
MONTH_S = 30 * 86400


async def test_a_thousand_callers_with_a_budget_for_a_hundred(books: Books, key: Key, raw: Redis) -> None:
    async def attempt(n: int) -> Hold | None:
        try:
            return await reserve(books, f"call_{n}", key, USD, lease_s=LEASE_S)
        except OverBudget:
            return None

    admitted = [hold for hold in await asyncio.gather(*map(attempt, range(1000))) if hold]
    assert len(admitted) == 100
    assert await books.balance(key) == Balance(0, 100 * USD, 100 * USD)

    paid = charge(700_000_001)
    settled = [settle(books, hold, paid) for hold in admitted for _ in range(3)]
    voided = [void(books, hold, "the caller left") for hold in admitted for _ in range(2)]
    await asyncio.gather(*voided, *settled)
    assert await books.balance(key) == Balance(100 * 700_000_001, 0, 100 * USD)
    assert await books.team_balance("acme") == Balance(100 * 700_000_001, 0, 100 * USD)
    audit(raw, "acme")
    assert [row["do"] for row in rows(raw, layout.ledger("acme"))].count("settle") == 100
    assert raw.zcard(layout.open_calls("acme")) == 0


EVENTS = ("reserve", "settle", "void")


@given(order=st.permutations(EVENTS * 3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_of_reserve_settle_and_void_leaves_the_same_books(
    books: Books, keys: Keys, raw: Redis, order: list[str]
) -> None:
    raw.flushall()
    await keys.create_team("acme", limits=TeamLimits(Budget(100 * USD)), now=NOW)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    hold = Hold("call_1", "acme", key.id, 2 * USD)
    for event in order:
        await happen(books, event, hold, key)

    assert await books.balance(key) == Balance(3 * USD, 0, None)
    assert await books.team_balance("acme") == Balance(3 * USD, 0, 100 * USD)
    record: Any = raw.hgetall(layout.call("acme", "call_1"))
    assert record == {"state": "settled", "key": key.id, "spent": str(3 * USD), "over": str(USD)}
    audit(raw, "acme")
    assert [row["do"] for row in rows(raw, layout.ledger("acme"))].count("settle") == 1


@given(order=st.permutations(("reserve", "void") * 3))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_call_that_is_voided_holds_nothing_whatever_comes_late(
    books: Books, keys: Keys, raw: Redis, order: list[str]
) -> None:
    raw.flushall()
    await keys.create_team("acme", now=NOW)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    for event in order:
        await happen(books, event, Hold("call_1", "acme", key.id, USD), key)
    assert await books.balance(key) == Balance(0, 0, None)
    assert raw.hget(layout.call("acme", "call_1"), "state") == "voided"
    audit(raw, "acme")


async def happen(books: Books, event: str, hold: Hold, key: Key) -> None:
    match event:
        case "settle":
            await settle(books, hold, charge(3 * USD))
        case "void":
            await void(books, hold, "the caller left")
        case _:
            with suppress(InternalError):  # the call has ended already
                assert await reserve(books, hold.call_id, key, hold.nanos, lease_s=LEASE_S) == replace(hold, since=ANY)


async def test_a_call_that_has_ended_can_hold_nothing(books: Books, key: Key) -> None:
    await void(books, Hold("call_1", "acme", key.id, USD), "the caller left")
    with pytest.raises(InternalError, match="call call_1 has ended already"):
        await reserve(books, "call_1", key, USD, lease_s=LEASE_S)


async def test_the_same_call_holds_once(books: Books, key: Key) -> None:
    first = await reserve(books, "call_1", key, USD, lease_s=LEASE_S)
    assert await reserve(books, "call_1", key, USD, lease_s=LEASE_S) == first
    assert await books.balance(key) == Balance(0, USD, 100 * USD)


async def test_several_calls_hold_all_or_nothing(books: Books, keys: Keys, key: Key, raw: Redis) -> None:
    await keys.update(key.id, name="ci", limits=Limits(Budget(3 * USD)))
    holds = await books.reserve(["call_1", "call_2"], key, USD, lease_s=LEASE_S)
    assert [hold.call_id for hold in holds] == ["call_1", "call_2"]
    with pytest.raises(OverBudget, match=r"\$2"):
        await books.reserve(["call_3", "call_4"], key, USD, lease_s=LEASE_S)
    assert await books.balance(key) == Balance(0, 2 * USD, 3 * USD)
    again = await books.reserve(["call_1", "call_2", "call_3"], key, USD, lease_s=LEASE_S)
    assert [hold.nanos for hold in again] == [USD] * 3
    assert await books.balance(key) == Balance(0, 3 * USD, 3 * USD)
    for hold in again:
        await settle(books, hold, charge(USD // 2, attempt_id=hold.call_id))
    assert await books.balance(key) == Balance(3 * USD // 2, 0, 3 * USD)


async def test_the_keys_own_budget_is_named_when_it_refuses(books: Books, keys: Keys, key: Key) -> None:
    await keys.update(key.id, name="ci", limits=Limits(Budget(USD)))
    await settle(books, await reserve(books, "call_1", key, USD, lease_s=LEASE_S), charge(900_000_000))
    with pytest.raises(OverBudget) as refused:
        await reserve(books, "call_2", key, 240_000_000, lease_s=LEASE_S)
    assert refused.value.message == (
        "this call may cost up to $0.24, and of the key's budget of $1 $0.1 is left; ask for a higher budget"
    )


async def test_the_teams_budget_is_shared_by_its_keys(books: Books, keys: Keys, key: Key) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    await reserve(books, "call_1", key, 60 * USD, lease_s=LEASE_S)
    with pytest.raises(OverBudget) as refused:
        await reserve(books, "call_2", other, 60 * USD, lease_s=LEASE_S)
    assert refused.value.message == (
        "this call may cost up to $60, and of the team's budget of $100 $40 is left; "
        "ask for a higher budget, or wait: $60 is held for calls that are still running"
    )


async def test_a_refusal_changes_nothing(books: Books, key: Key, raw: Redis) -> None:
    with pytest.raises(OverBudget):
        await reserve(books, "call_1", key, 101 * USD, lease_s=LEASE_S)
    assert await books.team_balance("acme") == Balance(0, 0, 100 * USD)
    assert not raw.exists(layout.call("acme", "call_1"), layout.open_calls("acme"), layout.ledger("acme"))


async def test_a_higher_budget_counts_from_the_next_call(books: Books, keys: Keys, key: Key) -> None:
    await keys.update_team("acme", name="acme", limits=TeamLimits())
    await keys.update(key.id, name="ci", limits=Limits(Budget(None)))
    await reserve(books, "call_1", key, 5000 * USD, lease_s=LEASE_S)
    assert await books.team_balance("acme") == Balance(0, 5000 * USD, None)


async def test_a_cost_above_the_hold_is_recorded_and_flagged(books: Books, key: Key, raw: Redis) -> None:
    hold = await reserve(books, "call_1", key, USD, lease_s=LEASE_S)
    await settle(books, hold, charge(USD + 7))
    assert await books.balance(key) == Balance(USD + 7, 0, 100 * USD)
    assert rows(raw, layout.ledger("acme"))[-1]["over"] == "7"


async def test_a_hold_that_was_lost_is_made_again(books: Books, key: Key, raw: Redis) -> None:
    await settle(books, Hold("call_1", "acme", key.id, USD), charge(400_000_000))
    assert await books.balance(key) == Balance(400_000_000, 0, 100 * USD)
    assert [row["do"] for row in rows(raw, layout.ledger("acme"))] == ["reserve", "settle"]
    audit(raw, "acme")


async def test_a_charge_is_kept_even_when_its_accounts_are_lost(books: Books, key: Key, raw: Redis) -> None:
    hold = await reserve(books, "call_1", key, USD, lease_s=LEASE_S)
    raw.flushall()
    await settle(books, hold, charge(USD))
    audit(raw, "acme")
    assert raw.hget(layout.account("acme"), "spent") == str(USD)


async def test_only_the_first_charge_of_a_call_counts(books: Books, key: Key) -> None:
    hold = await reserve(books, "call_1", key, USD, lease_s=LEASE_S)
    await settle(books, hold, charge(5))
    await settle(books, hold, charge(900_000_000))
    assert await books.balance(key) == Balance(5, 0, 100 * USD)


async def test_an_account_that_is_gone_admits_nothing(books: Books, key: Key, raw: Redis) -> None:
    raw.flushall()
    with pytest.raises(UnknownKey):
        await reserve(books, "call_1", key, 1, lease_s=LEASE_S)
    with pytest.raises(NotFound):
        await books.balance(key)
    with pytest.raises(NotFound):
        await books.team_balance("acme")


async def test_a_revoked_key_can_hold_nothing_wherever_it_is_still_cached(books: Books, keys: Keys, key: Key) -> None:
    await keys.revoke(key.id, NOW)
    with pytest.raises(UnknownKey):
        await reserve(books, "call_1", key, 1, lease_s=LEASE_S)


async def test_a_revoked_key_still_pays_for_what_it_ordered(books: Books, keys: Keys, key: Key) -> None:
    hold = await reserve(books, "call_1", key, USD, lease_s=LEASE_S)
    await keys.revoke(key.id, NOW)
    await settle(books, hold, charge(USD))
    assert await books.balance(key) == Balance(USD, 0, 100 * USD)


async def test_the_largest_amounts_are_compared_exactly(books: Books, keys: Keys) -> None:
    await keys.create_team("rich", limits=TeamLimits(Budget(LARGEST_NANOS)), now=NOW)
    key, _ = await keys.create_key("rich", name="k", limits=Limits(), now=NOW)
    await reserve(books, "call_1", key, LARGEST_NANOS - 1, lease_s=LEASE_S)
    await reserve(books, "call_2", key, 1, lease_s=LEASE_S)
    with pytest.raises(OverBudget, match=r"\$9000000 \$0 is left"):
        await reserve(books, "call_3", key, 1, lease_s=LEASE_S)
    assert await books.team_balance("rich") == Balance(0, LARGEST_NANOS, LARGEST_NANOS)


async def test_sums_beyond_a_double_stay_exact(books: Books, keys: Keys, raw: Redis) -> None:
    await keys.create_team("rich", now=NOW)
    key, _ = await keys.create_key("rich", name="k", limits=Limits(), now=NOW)
    for n, nanos in enumerate((LARGEST_NANOS, LARGEST_NANOS, 1)):
        hold = await reserve(books, f"call_{n}", key, nanos, lease_s=LEASE_S)
        await settle(books, hold, charge(nanos))
    assert await books.team_balance("rich") == Balance(2 * LARGEST_NANOS + 1, 0, None)
    audit(raw, "rich")


async def test_an_open_call_has_a_lease_and_an_ended_one_is_remembered(books: Books, key: Key, raw: Redis) -> None:
    before = now_ms(raw)
    hold = await reserve(books, "call_1", key, USD, lease_s=LEASE_S)
    lease: Any = raw.zscore(layout.open_calls("acme"), "call_1")
    assert before <= lease - LEASE_S * 1000 <= now_ms(raw)
    assert raw.ttl(layout.call("acme", "call_1")) == -1
    await void(books, hold, "the caller left")
    remembered: Any = raw.ttl(layout.call("acme", "call_1"))
    assert remembered > MONTH_S


def now_ms(raw: Redis) -> int:
    seconds, micros = raw.time()
    return int(seconds * 1000 + micros // 1000)


async def test_the_row_of_a_charge_tells_what_it_was_for(books: Books, key: Key, raw: Redis) -> None:
    await settle(books, await reserve(books, "call_1", key, USD, lease_s=LEASE_S), charge(USD))
    row = rows(raw, layout.ledger("acme"))[-1]
    told = {"do": "settle", "call": "call_1", "attempt": "att_1", "basis": "tokens", "model": "banana", "size": "1K"}
    more = {"group": "Default", "lane": "default", "verdict": "picture", "pictures": "1", "input": "10"}
    assert {**row, **told, **more, "output": "1120"} == row


async def test_the_operator_pays_for_an_attempt_once(books: Books, raw: Redis) -> None:
    lost, cut = charge(5, attempt_id="att_1"), charge(7, attempt_id="att_2")
    for each in (lost, lost, cut):
        await operator(books, each, call_id="call_1", team="acme", why="race_loss")
    assert await books.operator_balance() == Balance(12, 0, None)
    assert [(row["attempt"], row["why"], row["operator_after"]) for row in rows(raw, layout.OPERATOR_LEDGER)] == [
        ("att_1", "race_loss", "0 5"),
        ("att_2", "race_loss", "0 12"),
    ]


async def test_what_may_have_been_billed_is_held_on_the_operators_account(books: Books, raw: Redis) -> None:
    for _ in range(2):
        await operator(books, charge(5, attempt_id="att_1"), call_id="call_1", team="acme", why=UNSETTLED)
    assert await books.operator_balance() == Balance(0, 5, None)
    assert [row["operator_after"] for row in rows(raw, layout.OPERATOR_LEDGER)] == ["5 0"]


async def test_a_key_and_a_team_that_the_store_has_lost_are_unknown_and_nothing_is_written(
    books: Books, key: Key, raw: Redis
) -> None:
    raw.flushall()
    with pytest.raises(UnknownKey):
        await reserve(books, "call_1", key, USD)
    assert raw.keys() == []


async def test_the_operator_starts_with_nothing(books: Books) -> None:
    assert await books.operator_balance() == Balance(0, 0, None)
