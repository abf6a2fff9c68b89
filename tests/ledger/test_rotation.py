"""A key's new secrets: how long the old ones go on, and what ends them all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.errors import BadRequest, BooksAway, NotFound, UnknownKey
from gateway.core.keys import MOST_OLD_SECRETS, Key, Limits
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, PEPPER, USD, charge, reserve, settle

DAY_S = 86_400.0


@pytest.fixture
async def made(keys: Keys, key: Key) -> tuple[Key, str]:
    return await keys.create_key("acme", name="ci", limits=Limits(Budget(5 * USD)), now=NOW)


async def opens(keys: Keys, secret: str, now: float) -> bool:
    return await keys.find(secret, now) is not None


async def test_it_is_the_same_key_with_another_secret(keys: Keys, books: Books, made: tuple[Key, str]) -> None:
    before, old = made
    await settle(books, await reserve(books, "call_1", before, USD), charge(USD))
    after, new = await keys.rotate(before.id, overlap_s=DAY_S, now=NOW + 1)
    assert new != old
    assert (after.hint, after.rotated_at) == (new[-4:], NOW + 1)
    (left,) = after.old_secrets
    assert (left.hint, left.ends_at) == (old[-4:], NOW + 1 + DAY_S)
    same = replace(after, hint=before.hint, secret_name=before.secret_name, rotated_at=None, old_secrets=())
    assert same == before
    assert (await books.balance(after)).spent_nanos == USD
    assert await keys.find(new, NOW + 1) == await keys.find(old, NOW + 1) == after


async def test_the_old_secret_ends_with_its_overlap(store: Store, keys: Keys, made: tuple[Key, str]) -> None:
    key, old = made
    elsewhere = Keys(store, PEPPER)
    assert await opens(elsewhere, old, NOW)
    _, new = await keys.rotate(key.id, overlap_s=100, now=NOW)
    for each in (keys, elsewhere):
        assert await opens(each, old, NOW + 99.9)
        assert not await opens(each, old, NOW + 100)
        assert await opens(each, new, NOW + 1000)


async def test_without_an_overlap_it_ends_at_once_here_and_within_5_s_elsewhere(
    store: Store, keys: Keys, made: tuple[Key, str]
) -> None:
    key, old = made
    elsewhere = Keys(store, PEPPER)
    assert await opens(elsewhere, old, NOW)
    after, new = await keys.rotate(key.id, overlap_s=0, now=NOW)
    assert after.old_secrets == ()
    assert not await opens(keys, old, NOW)
    assert await opens(elsewhere, old, NOW + 4.9)
    assert not await opens(elsewhere, old, NOW + 5)
    assert await opens(elsewhere, new, NOW)


async def test_whoever_lost_the_answer_asks_again_and_nobodys_secret_ends_sooner(
    keys: Keys, made: tuple[Key, str]
) -> None:
    key, old = made
    _, lost = await keys.rotate(key.id, overlap_s=DAY_S, now=NOW)
    after, new = await keys.rotate(key.id, overlap_s=DAY_S, now=NOW + 60)
    assert [(each.hint, each.ends_at) for each in after.old_secrets] == [
        (old[-4:], NOW + DAY_S),
        (lost[-4:], NOW + 60 + DAY_S),
    ]
    assert [await opens(keys, each, NOW + DAY_S - 0.1) for each in (old, lost, new)] == [True, True, True]
    assert [await opens(keys, each, NOW + DAY_S) for each in (old, lost, new)] == [False, True, True]


async def test_a_shorter_overlap_is_one_for_all_that_are_older(keys: Keys, made: tuple[Key, str]) -> None:
    key, old = made
    _, second = await keys.rotate(key.id, overlap_s=DAY_S, now=NOW)
    _, third = await keys.rotate(key.id, overlap_s=60, now=NOW)
    assert [await opens(keys, each, NOW + 60) for each in (old, second, third)] == [False, False, True]
    _, fourth = await keys.rotate(key.id, overlap_s=0, now=NOW)
    assert [await opens(keys, each, NOW) for each in (old, second, third, fourth)] == [False, False, False, True]


async def test_revoking_ends_all_of_them(store: Store, keys: Keys, books: Books, made: tuple[Key, str]) -> None:
    key, old = made
    elsewhere = Keys(store, PEPPER)
    after, new = await keys.rotate(key.id, overlap_s=DAY_S, now=NOW)
    assert [await opens(elsewhere, each, NOW) for each in (old, new)] == [True, True]
    await keys.revoke(key.id, NOW + 1)
    for each in (old, new):
        assert not await opens(keys, each, NOW + 1)
        assert not await opens(elsewhere, each, NOW + 5)
    with pytest.raises(UnknownKey):
        await reserve(books, "call_1", after, USD)


async def test_a_key_that_expires_takes_its_old_secrets_along(keys: Keys, made: tuple[Key, str]) -> None:
    key, old = made
    await keys.update(key.id, name="ci", limits=Limits(expires_at=NOW + 10))
    _, new = await keys.rotate(key.id, overlap_s=DAY_S, now=NOW)
    assert [await opens(keys, each, NOW + 9.9) for each in (old, new)] == [True, True]
    assert [await opens(keys, each, NOW + 10) for each in (old, new)] == [False, False]


async def test_a_dead_key_gets_no_secret(keys: Keys, made: tuple[Key, str]) -> None:
    key, _ = made
    await keys.update(key.id, name="ci", limits=Limits(expires_at=NOW + 10))
    with pytest.raises(BadRequest, match="is revoked or expired"):
        await keys.rotate(key.id, overlap_s=0, now=NOW + 10)
    await keys.revoke(key.id, NOW)
    with pytest.raises(BadRequest, match="is revoked or expired"):
        await keys.rotate(key.id, overlap_s=0, now=NOW)
    with pytest.raises(NotFound):
        await keys.rotate("key_" + "0" * 22, overlap_s=0, now=NOW)


async def test_the_function_itself_refuses_a_key_that_is_revoked_meanwhile(
    store: Store, keys: Keys, made: tuple[Key, str]
) -> None:
    key, _ = made
    await keys.revoke(key.id, NOW)
    words = ["digest", "hint", repr(NOW), repr(NOW), "8"]
    assert await store.call("rotate", [layout.key("acme", key.id)], words) == ["revoked"]
    assert await store.call("rotate", [layout.key("acme", "key_2")], words) == ["unknown"]


async def test_there_is_an_end_to_how_many_secrets_are_good(keys: Keys, made: tuple[Key, str]) -> None:
    key, old = made
    for number in range(MOST_OLD_SECRETS):
        await keys.rotate(key.id, overlap_s=DAY_S, now=NOW + number)
    with pytest.raises(BadRequest, match=rf"has {MOST_OLD_SECRETS} old secrets .* the first for another 86390 s; wait"):
        await keys.rotate(key.id, overlap_s=DAY_S, now=NOW + 10)
    assert await opens(keys, old, NOW + 10)
    await keys.rotate(key.id, overlap_s=DAY_S, now=NOW + DAY_S)  # the first has ended
    after, _ = await keys.rotate(key.id, overlap_s=0, now=NOW + DAY_S)
    assert after.old_secrets == ()


@pytest.mark.parametrize("overlap_s", [-1, 93 * DAY_S, float("nan")])
async def test_an_overlap_that_makes_no_sense_is_refused(keys: Keys, made: tuple[Key, str], overlap_s: float) -> None:
    with pytest.raises(BadRequest, match="goes on for 0 to 7948800 s"):
        await keys.rotate(made[0].id, overlap_s=overlap_s, now=NOW)


async def test_a_key_that_an_earlier_release_made_is_rotated_too(keys: Keys, made: tuple[Key, str], raw: Redis) -> None:
    """Its record and what leads to it have no names of secrets."""
    key, old = made
    raw.hdel(layout.key("acme", key.id), "secret")
    raw.hdel(layout.secret(key.secret_name), "name")
    assert await keys.find(old, NOW) == replace(key, secret_name="")
    _, lost = await keys.rotate(key.id, overlap_s=100, now=NOW)
    _, new = await keys.rotate(key.id, overlap_s=100, now=NOW + 10)
    assert [await opens(keys, each, NOW + 99) for each in (old, lost, new)] == [True, True, True]
    assert [await opens(keys, each, NOW + 100) for each in (old, lost, new)] == [False, True, True]


async def test_what_leads_to_an_old_secret_goes_by_itself(keys: Keys, made: tuple[Key, str], raw: Redis) -> None:
    """An earlier release looks at nothing else."""
    key, _ = made
    after, _ = await keys.rotate(key.id, overlap_s=100, now=NOW)
    assert 0 < raw.ttl(layout.secret(key.secret_name)) <= 100
    assert raw.ttl(layout.secret(after.secret_name)) == -1
    await keys.rotate(key.id, overlap_s=0, now=NOW)
    assert not raw.exists(layout.secret(key.secret_name), layout.secret(after.secret_name))


async def test_a_rotation_that_breaks_off_leaves_no_secret_that_nobody_can_end(
    keys: Keys, made: tuple[Key, str], raw: Any, tmp_path: Path
) -> None:
    """Here after its first step, because the store takes no second one from this user."""
    key, old = made
    rights = ["on", "nopass", "~{t:*", "~key:*", "%R~auth:*", "+@all"]
    raw.execute_command("ACL", "SETUSER", "halting", *rights)
    socket = raw.connection_pool.connection_kwargs["path"]
    try:
        async with Store.open(f"unix://halting@{socket}", tmp_path, may_forget=True) as halting:
            with pytest.raises(BooksAway):
                await Keys(halting, PEPPER).rotate(key.id, overlap_s=100, now=NOW)
    finally:
        raw.execute_command("ACL", "DELUSER", "halting")
    assert await opens(keys, old, NOW + 99)
    _, new = await keys.rotate(key.id, overlap_s=100, now=NOW + 10)
    assert [await opens(keys, each, NOW + 99) for each in (old, new)] == [True, True]
    assert [await opens(keys, each, NOW + 100) for each in (old, new)] == [False, True]
    await keys.revoke(key.id, NOW + 20)
    assert [await opens(keys, each, NOW + 21) for each in (old, new)] == [False, False]
    assert len(raw.keys("auth:*")) == 2 + 1  # with that of the other key
