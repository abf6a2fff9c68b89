"""Teams and keys: made once, found by their secret alone, gone when revoked."""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.budgets import Budget
from gateway.core.errors import BadRequest, BooksAway, NotFound
from gateway.core.keys import Key, Limits, Team, TeamLimits
from gateway.core.money import LARGEST_NANOS
from gateway.ledger.errors import StoreError
from gateway.ledger.keys import Keys, pepper
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW, PEPPER, USD
from tests.ledger.servers import start

LIMITS = Limits(
    Budget(5 * USD),
    max_multiplier=Fraction(7, 5),
    models=frozenset({"gemini-3-pro-image"}),
    groups=frozenset({"Default", "NanoBananaEnterprise"}),
    expires_at=NOW + 0.1,
)


async def test_a_team_is_what_it_was_made_as(keys: Keys) -> None:
    made = await keys.create_team("acme", limits=TeamLimits(Budget(7)), now=NOW, name="Acme, Inc.")
    assert made == Team("acme", "Acme, Inc.", TeamLimits(Budget(7)), NOW)
    assert await keys.team("acme") == made
    await keys.create_team("another", now=NOW + 1)
    assert [team.id for team in await keys.teams()] == ["acme", "another"]


async def test_a_teams_id_is_taken_once(keys: Keys) -> None:
    await keys.create_team("acme", limits=TeamLimits(Budget(7)), now=NOW)
    with pytest.raises(BadRequest, match="there is a team acme already"):
        await keys.create_team("acme", now=NOW + 1)
    assert await keys.team("acme") == Team("acme", "acme", TeamLimits(Budget(7)), NOW)


@pytest.mark.parametrize("team_id", ["", "Acme", "-acme", "a}cme", "a" * 64, "acme\n", "ä"])
async def test_a_teams_id_is_a_slug(keys: Keys, team_id: str) -> None:
    with pytest.raises(BadRequest, match="1 to 63"):
        await keys.create_team(team_id, now=NOW)
    assert await keys.team(team_id) is None


@pytest.mark.parametrize("budget", [-1, LARGEST_NANOS + 1])
async def test_a_budget_that_cannot_be_compared_is_refused(keys: Keys, budget: int) -> None:
    with pytest.raises(BadRequest, match="9000000 USD"):
        await keys.create_team("acme", limits=TeamLimits(Budget(budget)), now=NOW)
    assert await keys.teams() == []


async def test_a_team_is_renamed_and_given_another_budget(keys: Keys, key: Key) -> None:
    assert await keys.update_team("acme", name="Acme", limits=TeamLimits()) == Team("acme", "Acme", TeamLimits(), NOW)
    with pytest.raises(NotFound, match="there is no team nobody"):
        await keys.update_team("nobody", name="x", limits=TeamLimits())


async def test_a_secret_leads_to_its_key_with_every_limit_exact(keys: Keys, key: Key) -> None:
    made, secret = await keys.create_key("acme", name="ci", limits=LIMITS, now=NOW)
    assert re.fullmatch(r"sk-gw-[A-Za-z0-9_-]{43}", secret)
    assert re.fullmatch(r"key_[0-9a-f]{22}", made.id)
    assert made == Key(made.id, "acme", "ci", secret[-4:], LIMITS, NOW, secret_name=made.secret_name)
    assert await keys.find(secret, NOW) == made
    assert await keys.get(made.id) == made


async def test_a_key_belongs_to_a_team_that_exists(keys: Keys) -> None:
    with pytest.raises(NotFound, match="there is no team nobody"):
        await keys.create_key("nobody", name="ci", limits=Limits(), now=NOW)
    assert await keys.keys() == []


async def test_keys_are_listed_by_team_the_oldest_first(keys: Keys, key: Key) -> None:
    await keys.create_team("beta", now=NOW)
    second, _ = await keys.create_key("acme", name="second", limits=Limits(), now=NOW + 2)
    other, _ = await keys.create_key("beta", name="other", limits=Limits(), now=NOW + 1)
    assert await keys.keys("acme") == [key, second]
    assert await keys.keys() == [key, other, second]
    assert await keys.keys("nobody") == []


async def test_a_changed_limit_holds_at_once_here(keys: Keys, key: Key) -> None:
    made, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    await keys.find(secret, NOW)
    changed = await keys.update(made.id, name="night", limits=LIMITS)
    assert changed == replace(made, name="night", limits=LIMITS)
    assert await keys.find(secret, NOW) == changed


@pytest.mark.parametrize("key_id", ["key_" + "0" * 22, "", "key_}", "{t:acme}:acct"])
async def test_an_id_nobody_has_is_said_to_be_so(keys: Keys, key: Key, key_id: str) -> None:
    assert await keys.get(key_id) is None
    with pytest.raises(NotFound):
        await keys.update(key_id, name="x", limits=Limits())
    with pytest.raises(NotFound):
        await keys.revoke(key_id, NOW)


async def test_an_expired_key_is_not_found_even_from_the_cache(keys: Keys, key: Key) -> None:
    _, secret = await keys.create_key("acme", name="ci", limits=LIMITS, now=NOW)
    assert await keys.find(secret, NOW) is not None
    assert await keys.find(secret, NOW + 0.1) is None


async def test_a_revoked_key_is_gone_at_once_here_and_within_5_s_elsewhere(store: Store, keys: Keys, key: Key) -> None:
    made, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    elsewhere = Keys(store, PEPPER)
    assert await keys.find(secret, NOW) == await elsewhere.find(secret, NOW) == made
    await keys.revoke(made.id, NOW + 1)
    assert await keys.find(secret, NOW + 1) is None
    assert await elsewhere.find(secret, NOW + 4.9) == made
    assert await elsewhere.find(secret, NOW + 5) is None


async def test_a_key_is_revoked_once(keys: Keys, key: Key) -> None:
    revoked = await keys.revoke(key.id, NOW + 1)
    assert revoked == replace(key, revoked_at=NOW + 1)
    assert await keys.revoke(key.id, NOW + 2) == revoked
    assert await keys.update(key.id, name="x", limits=Limits()) == replace(revoked, name="x", limits=Limits())


@pytest.mark.parametrize(
    "secret", ["", "sk-gw-", "sk-gw-" + "a" * 42, "sk-gw-" + "a" * 44, "sk-" + "a" * 46, "sk-gw-" + "ä" * 43]
)
async def test_what_cannot_be_a_secret_is_not_asked_of_the_store(keys: Keys, raw: Redis, secret: str) -> None:
    assert await keys.find(secret, NOW) is None
    assert commands(raw, "hgetall") == 0


async def test_within_5_s_the_store_is_asked_once_for_a_key_and_once_for_a_stranger(
    keys: Keys, key: Key, raw: Redis
) -> None:
    _, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    raw.config_resetstat()
    for now in (NOW, NOW + 1, NOW + 4.9):
        await keys.find(secret, now)
        assert await keys.find("sk-gw-" + "a" * 43, now) is None
    assert commands(raw, "hgetall") == 2 + 1


def commands(raw: Redis, name: str) -> int:
    stats: Any = raw.info("commandstats")
    return int(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"])


async def test_another_pepper_knows_no_key(store: Store, keys: Keys, key: Key) -> None:
    _, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
    assert await Keys(store, b"another").find(secret, NOW) is None


async def test_no_part_of_a_secret_is_in_the_store(keys: Keys, key: Key, raw: Redis) -> None:
    _, secret = await keys.create_key("acme", name="ci", limits=LIMITS, now=NOW)
    await keys.find(secret, NOW)
    kept = "\n".join(f"{name} {content(raw, name)}" for name in raw.scan_iter())
    assert "auth:" in kept
    body = secret.removeprefix("sk-gw-")
    assert not [body[at : at + 8] for at in range(len(body) - 7) if body[at : at + 8] in kept]
    assert PEPPER.decode() not in kept


def content(raw: Redis, name: str) -> object:
    """All that is kept under a name; a kind that this room does not use fails the test."""
    kinds: dict[str, Callable[[str], object]] = {"hash": raw.hgetall, "string": raw.get, "stream": raw.xrange}
    return kinds[str(raw.type(name))](name)


@pytest.mark.parametrize("name", ["redis", "valkey"])
async def test_while_the_store_is_away_only_a_key_seen_within_300_s_is_found(name: str, tmp_path: Path) -> None:
    server = start(name, tmp_path)
    async with Store.open(server.url, tmp_path) as store:
        keys = Keys(store, PEPPER)
        await keys.create_team("acme", now=NOW)
        made, secret = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW)
        assert await keys.find(secret, NOW) == made
        server.stop()
        assert await keys.find(secret, NOW + 299) == made
        with pytest.raises(BooksAway):
            await keys.find(secret, NOW + 300)
        with pytest.raises(BooksAway):
            await keys.find("sk-gw-" + "a" * 43, NOW)


def test_the_pepper_is_made_once_and_private(tmp_path: Path) -> None:
    made = pepper(tmp_path / "data", None)
    assert len(made) == 32
    assert pepper(tmp_path / "data", None) == made
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


def test_a_configured_pepper_is_taken_as_it_is(tmp_path: Path) -> None:
    assert pepper(tmp_path, "from the environment") == b"from the environment"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_pepper_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(StoreError, match="should hold 32 bytes and holds 5"):
        pepper(tmp_path, None)
