"""Metadata of keys and teams in the store."""

from redis import Redis

from gateway.core.keys import Key, Limits, TeamLimits
from gateway.ledger import layout
from gateway.ledger.keys import Keys
from tests.ledger.accounts import NOW

NOTES = (("centre", "4711"), ("owner", "Zoë = boss"))


async def test_it_is_kept_with_a_team_and_a_key(keys: Keys) -> None:
    await keys.create_team("acme", now=NOW, metadata=NOTES)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW, metadata=NOTES)
    team = await keys.team("acme")
    assert team is not None
    assert team.metadata == NOTES
    assert (await keys.keys())[0].metadata == key.metadata == NOTES


async def test_a_change_that_does_not_speak_of_it_leaves_it(keys: Keys) -> None:
    await keys.create_team("acme", now=NOW, metadata=NOTES)
    key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=NOW, metadata=NOTES)
    assert (await keys.update(key.id, name="cd", limits=Limits())).metadata == NOTES
    assert (await keys.update_team("acme", name="Acme", limits=TeamLimits())).metadata == NOTES


async def test_what_is_removed_leaves_nothing(keys: Keys, key: Key, raw: Redis) -> None:
    before = raw.hkeys(layout.key("acme", key.id))
    await keys.update(key.id, name=key.name, limits=key.limits, metadata=NOTES)
    assert (await keys.update(key.id, name=key.name, limits=key.limits, metadata=NOTES[1:])).metadata == NOTES[1:]
    assert (await keys.update(key.id, name=key.name, limits=key.limits, metadata=())).metadata == ()
    assert raw.hkeys(layout.key("acme", key.id)) == before
