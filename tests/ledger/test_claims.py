"""Answers that were asked for before: found by whoever comes back for them, each by one."""

import asyncio
from dataclasses import replace

import pytest
from redis import Redis

from gateway.core.books import Balance
from gateway.core.budgets import Rates
from gateway.core.claims import Claim, Claimed, Standing, Stands
from gateway.core.errors import KeyReused, TooFast, UnknownKey
from gateway.core.keys import Key, Limits
from gateway.ledger import layout, writes
from gateway.ledger.budget import Books
from gateway.ledger.claims import Bid, Claims
from gateway.ledger.keys import Keys
from tests.ledger.accounts import NOW, PEPPER, USD, audit, charge, reserve, settle

BARE = Claim("print", left_s=600.0)
FIRST = Claim("print", left_s=600.0, marks=True)
RETRY = Claim("print", left_s=900.0, given_s=120.0, marks=True)
FRESH = Claim("print", marks=True)
ONCE = Claim("print", "name")


@pytest.fixture
def claims(books: Books) -> Claims:
    return Claims(books.store, "here", PEPPER)


def bid(key: Key, call_id: str, claim: Claim = BARE, *, anew: str = "") -> Bid:
    return Bid(claim, key, call_id, owner="here", anew=anew)


async def ask(books: Books, asked: Bid, *, count: int = 1) -> str | Claimed:
    """The call that is begun by it, or what it has claimed."""
    ids = [asked.call_id] if count == 1 else [f"{asked.call_id}.{number}" for number in range(1, count + 1)]
    found = await books.admit(ids, asked.key, USD, lease_s=480.0, bid=asked)
    return found if isinstance(found, Claimed) else found[0].call_id


def entry(raw: Redis, place: str, call_id: str) -> list[str]:
    """Its words: state, owner, since when, until when it is claimed."""
    return str(raw.hget(place, call_id)).split()


async def test_what_nobody_left_is_nobody_elses(books: Books, key: Key) -> None:
    assert await ask(books, bid(key, "a")) == "a"
    assert await ask(books, bid(key, "b")) == "b"
    assert await ask(books, bid(key, "c", RETRY)) == "c"


async def test_an_answer_that_was_left_is_for_the_next_that_asks_and_costs_nothing(
    books: Books, claims: Claims, key: Key, raw: Redis
) -> None:
    first = bid(key, "a")
    await ask(books, first)
    await claims.note(first, "a", Stands.RUNNING)
    assert await ask(books, bid(key, "b")) == Claimed("a", Stands.RUNNING, "here")
    assert await ask(books, bid(key, "c")) == "c"
    assert await books.balance(key) == Balance(0, 2 * USD, 100 * USD)
    audit(raw, "acme")


async def test_each_answer_is_claimed_once_and_the_oldest_first(books: Books, claims: Claims, key: Key) -> None:
    asked = [bid(key, name) for name in ("a", "b", "c")]
    await asyncio.gather(*(ask(books, each) for each in asked))
    for each in asked:
        await claims.note(each, each.call_id, Stands.RUNNING if each.call_id == "b" else Stands.KEPT)
        await asyncio.sleep(0.002)
    found = await asyncio.gather(*(ask(books, bid(key, name)) for name in ("d", "e", "f", "g")))
    assert [each.call_id if isinstance(each, Claimed) else each for each in found] == ["a", "b", "c", "g"]


async def test_whoever_leaves_too_leaves_it_to_the_next(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a")
    await ask(books, first)
    await claims.note(first, "a", Stands.KEPT)
    second = bid(key, "b")
    assert await ask(books, second) == Claimed("a", Stands.KEPT, "here")
    await claims.note(second, "a", Stands.LEFT)
    assert await ask(books, bid(key, "c")) == Claimed("a", Stands.KEPT, "here")


async def test_what_somebody_waits_for_stays_claimed_when_it_is_there(books: Books, claims: Claims, key: Key) -> None:
    first, second = bid(key, "a"), bid(key, "b")
    await ask(books, first)
    await claims.note(first, "a", Stands.RUNNING)
    await ask(books, second)
    await claims.note(first, "a", Stands.KEPT)
    assert await ask(books, bid(key, "c")) == "c"
    await claims.note(second, "a", Stands.LEFT)
    assert await ask(books, bid(key, "d")) == Claimed("a", Stands.KEPT, "here")
    await claims.note(second, "z", Stands.LEFT)  # of which nobody knows


async def test_a_process_that_says_so_is_there(claims: Claims, books: Books, raw: Redis) -> None:
    another = Claims(books.store, "there", PEPPER)
    assert await claims.lives("here")
    assert not await claims.lives("there")
    await another.live()
    assert await claims.lives("there")
    assert 19 <= raw.ttl(layout.drawing("there")) <= 20


async def test_one_that_was_delivered_is_for_a_retry_that_says_so_alone(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a", FIRST)
    await ask(books, first)
    await claims.note(first, "a", Stands.GIVEN)
    assert await ask(books, bid(key, "b", FIRST)) == "b"
    assert await ask(books, bid(key, "c", FRESH)) == "c"
    assert await ask(books, bid(key, "d", RETRY)) == Claimed("a", Stands.GIVEN, "here")


async def test_of_a_client_that_never_says_so_it_is_forgotten(
    books: Books, claims: Claims, key: Key, raw: Redis
) -> None:
    first = bid(key, "a")
    await ask(books, first)
    await claims.note(first, "a", Stands.GIVEN)
    assert not raw.exists(layout.asked("acme", key.id, "print"))


async def test_a_retry_of_a_failure_is_drawn_though_the_same_was_delivered_to_another(
    books: Books, claims: Claims, key: Key
) -> None:
    given, failed = bid(key, "a", FIRST), bid(key, "b", FIRST)
    for each in (given, failed):
        await ask(books, each)
    await claims.note(given, "a", Stands.GIVEN)
    await claims.note(failed, "b", Stands.FAILED)
    assert await ask(books, bid(key, "c", RETRY)) == "c"
    assert await ask(books, bid(key, "d", RETRY)) == Claimed("a", Stands.GIVEN, "here")


async def test_so_is_the_retry_of_one_that_came_too_fast(
    books: Books, claims: Claims, keys: Keys, key: Key, raw: Redis
) -> None:
    slow, _ = await keys.create_key("acme", name="slow", limits=Limits(rates=Rates(requests_per_minute=1)), now=NOW)
    given = bid(slow, "a", FIRST)
    await ask(books, given)
    await claims.note(given, "a", Stands.GIVEN)
    with pytest.raises(TooFast):
        await ask(books, bid(slow, "b", FIRST))
    await keys.update(slow.id, name="slow", limits=Limits(), metadata=())
    assert await ask(books, bid(slow, "c", RETRY)) == "c"
    assert await ask(books, bid(slow, "d", RETRY)) == Claimed("a", Stands.GIVEN, "here")


async def test_the_same_key_is_one_call_however_many_ask(books: Books, key: Key, raw: Redis) -> None:
    found = await asyncio.gather(*(ask(books, bid(key, f"call_{n}", ONCE)) for n in range(100)))
    assert [each for each in found if isinstance(each, str)] == ["call_0"]
    assert found[1:] == [Claimed("call_0", Stands.RUNNING, "here")] * 99
    assert await books.balance(key) == Balance(0, USD, 100 * USD)
    assert 86000 < raw.ttl(layout.once("acme", key.id, "name")) <= 86400
    audit(raw, "acme")


async def test_a_key_of_another_request_is_refused(books: Books, key: Key) -> None:
    await ask(books, bid(key, "a", ONCE))
    with pytest.raises(KeyReused):
        await ask(books, bid(key, "b", replace(ONCE, asked="another")))


async def test_what_failed_and_cost_nothing_frees_its_key(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a", ONCE)
    await ask(books, first)
    await claims.note(first, "a", Stands.FAILED)
    assert await ask(books, bid(key, "b", ONCE)) == "b"
    await claims.note(first, "a", Stands.FAILED)  # said late, of a call that is no more in question
    assert await ask(books, bid(key, "c", ONCE)) == Claimed("b", Stands.RUNNING, "here")


async def test_one_of_those_who_would_rather_pay_again_begins_it(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a", ONCE)
    await ask(books, first)
    await claims.note(first, "a", Stands.UNSURE)
    assert await ask(books, bid(key, "b", ONCE)) == Claimed("a", Stands.UNSURE, "here")
    assert await ask(books, bid(key, "c", ONCE, anew="a")) == "c"
    assert await ask(books, bid(key, "d", ONCE, anew="a")) == Claimed("c", Stands.RUNNING, "here")


async def test_how_it_stands_is_told_to_whoever_waits(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a", ONCE)
    await ask(books, first, count=2)
    assert await claims.standing(first, "a", "a.1") == Standing(Stands.RUNNING, ended=False, settled=False)
    await settle(books, (await books.reserve(["a.1"], key, USD, lease_s=480.0))[0], charge(USD))
    assert await claims.standing(first, "a", "a.1") == Standing(Stands.RUNNING, ended=True, settled=True)
    await claims.note(first, "a", Stands.GIVEN)
    assert await claims.standing(first, "a", "a.1") == Standing(Stands.GIVEN, ended=True, settled=True)
    assert await claims.standing(first, "b", "b.1") == Standing(None, ended=False, settled=False)


async def test_a_claim_lasts_while_somebody_asks_how_it_stands(
    books: Books, claims: Claims, key: Key, raw: Redis
) -> None:
    place, first = layout.asked("acme", key.id, "print"), bid(key, "a")
    await ask(books, first)
    await claims.note(first, "a", Stands.RUNNING)
    await ask(books, bid(key, "b"))
    state, owner, since, till = entry(raw, place, "a")
    raw.hset(place, "a", f"{state} {owner} {since} {int(till) - 59_999}")
    await claims.standing(bid(key, "b"), "a", "a")
    await asyncio.sleep(0.01)
    assert await ask(books, bid(key, "c")) == "c"
    raw.hset(place, "a", f"{state} {owner} {since} 1")  # whoever had claimed it is no more
    assert await ask(books, bid(key, "d")) == Claimed("a", Stands.RUNNING, "here")


async def test_it_is_not_claimed_for_ever(books: Books, claims: Claims, key: Key, raw: Redis) -> None:
    place, first = layout.asked("acme", key.id, "print"), bid(key, "a", FIRST)
    await ask(books, first)
    await claims.note(first, "a", Stands.KEPT)
    now_ms = int(entry(raw, place, "a")[2])
    raw.hset(place, "a", f"kept here {now_ms - 601_000} 0")
    assert await ask(books, bid(key, "b", FIRST)) == "b"
    assert await ask(books, bid(key, "c", RETRY)) == Claimed("a", Stands.KEPT, "here")
    raw.hset(place, "a", f"kept here {now_ms - 901_000} 0")
    assert await ask(books, bid(key, "d", RETRY)) == "d"
    assert 0 < raw.ttl(place) <= 16 * 60


async def test_no_key_finds_what_another_asked_for(books: Books, claims: Claims, keys: Keys, key: Key) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    await keys.create_team("rival", now=NOW)
    rival, _ = await keys.create_key("rival", name="rival", limits=Limits(), now=NOW)
    for claim, name in ((BARE, "a"), (ONCE, "b")):
        first = bid(key, name, claim)
        await ask(books, first)
        await claims.note(first, name, Stands.KEPT)
        for number, stranger in enumerate((other, rival)):
            assert await ask(books, bid(stranger, f"{name}{number}", claim)) == f"{name}{number}"


async def test_a_revoked_key_claims_nothing(books: Books, claims: Claims, keys: Keys, key: Key) -> None:
    first = bid(key, "a", ONCE)
    await ask(books, first)
    await claims.note(first, "a", Stands.KEPT)
    await keys.revoke(key.id, NOW)
    with pytest.raises(UnknownKey):
        await ask(books, bid(key, "b", ONCE))


async def test_it_is_free_though_the_budget_is_spent(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a")
    await ask(books, first)
    await claims.note(first, "a", Stands.RUNNING)
    await reserve(books, "rest", key, 99 * USD)
    assert await ask(books, bid(key, "b")) == Claimed("a", Stands.RUNNING, "here")


async def test_what_may_be_claimed_is_told_without_anything_being_set_aside(
    books: Books, claims: Claims, keys: Keys, key: Key
) -> None:
    first = bid(key, "a")
    await ask(books, first)
    await claims.note(first, "a", Stands.KEPT)
    assert await books.admit([], key, 0, lease_s=0.0, bid=bid(key, "b")) == Claimed("a", Stands.KEPT, "here")
    assert await books.admit([], key, 0, lease_s=0.0, bid=bid(key, "c")) == []
    assert await books.balance(key) == Balance(0, USD, 100 * USD)
    await keys.revoke(key.id, NOW)
    with pytest.raises(UnknownKey):
        await books.admit([], key, 0, lease_s=0.0, bid=bid(key, "c"))


async def test_delivered_answers_are_remembered_to_a_number(books: Books, claims: Claims, key: Key, raw: Redis) -> None:
    for number in range(20):
        first = bid(key, f"call_{number:02}", FIRST)
        await ask(books, first)
        await claims.note(first, first.call_id, Stands.GIVEN)
    assert raw.hlen(layout.asked("acme", key.id, "print")) == 16
    assert await ask(books, bid(key, "retry", RETRY)) == Claimed("call_19", Stands.GIVEN, "here")


async def test_a_call_that_was_voided_has_ended(books: Books, claims: Claims, key: Key) -> None:
    first = bid(key, "a", ONCE)
    await ask(books, first)
    (hold,) = await books.reserve(["a"], key, USD, lease_s=480.0)
    await books.store.make(writes.void(hold, "lost with its process"))
    assert await claims.standing(first, "a", "a") == Standing(Stands.RUNNING, ended=True, settled=False)


async def test_what_is_in_the_store_of_a_request_is_its_keys_alone(
    claims: Claims, books: Books, keys: Keys, key: Key
) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    name = claims.name(key, "print", "a text")
    assert claims.name(key, "print", "a text") == name
    assert "a text" not in name
    another = Claims(books.store, "here", PEPPER + b"!")
    assert (
        len(
            {
                name,
                claims.name(key, "once", "a text"),
                claims.name(other, "print", "a text"),
                claims.name(key, "print", "another"),
                another.name(key, "print", "a text"),
            }
        )
        == 5
    )
