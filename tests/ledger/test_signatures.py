"""Signatures of earlier answers: a team's own, for a while."""

from redis import Redis

from gateway.ledger.signatures import Signatures
from gateway.ledger.store import Store

A, B = "a" * 64, "b" * 64


async def test_what_is_remembered_is_recalled_by_its_own_team(store: Store) -> None:
    signatures = Signatures(store, keep_s=60)
    await signatures.remember("acme", {A: "of a", B: "of b"})
    assert await signatures.recall("acme", [B, "c" * 64, A]) == {A: "of a", B: "of b"}
    assert await signatures.recall("umbra", [A, B]) == {}
    assert await signatures.recall("acme", []) == {}


async def test_a_signature_is_forgotten_by_itself_and_later_if_it_was_used(store: Store, raw: Redis) -> None:
    signatures = Signatures(store, keep_s=60)
    await signatures.remember("acme", {A: "of a"})
    key = "{t:acme}:sig:" + A
    assert 0 < raw.pttl(key) <= 60_000
    raw.pexpire(key, 5_000)
    assert await signatures.recall("acme", [A]) == {A: "of a"}
    assert raw.pttl(key) > 5_000
    raw.delete(key)
    assert await signatures.recall("acme", [A]) == {}


async def test_nothing_is_kept_where_nothing_is_to_be_kept(store: Store, raw: Redis) -> None:
    forgetful = Signatures(store, keep_s=0)
    await forgetful.remember("acme", {A: "of a"})
    assert await forgetful.recall("acme", [A]) == {}
    assert not raw.keys("*:sig:*")


async def test_what_is_large_has_no_place_beside_the_books(store: Store) -> None:
    signatures = Signatures(store, keep_s=60)
    await signatures.remember("acme", {A: "x" * 65_536, B: "x" * 65_537})
    assert list(await signatures.recall("acme", [A, B])) == [A]
