"""Allowances in the store: kept to the nano-dollar as `core.allowance` means them, on both or on none."""

import asyncio
import time
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from gateway.core.allowance import Allowance, Caps, Drawn, Exhausted, Owner, Purpose, Window
from gateway.core.keys import TeamLimits
from gateway.ledger import writes
from gateway.ledger.allowances import Allowances
from gateway.ledger.keys import Keys
from gateway.ledger.library import full_name
from gateway.ledger.store import Store
from tests.ledger.accounts import NOW

PREMIUM, RACES = Purpose.PREMIUM, Purpose.RACES

# A test that counts within an hour does not begin at its very end.
LASTS_S = 20


@pytest.fixture(autouse=True)
def within_an_hour(raw: Redis) -> None:
    left_s = 3600 - int(raw.time()[0]) % 3600
    if left_s < LASTS_S:
        time.sleep(left_s)


@pytest.fixture
async def team(keys: Keys) -> str:
    """A team that may pay 100 nano-dollars an hour for dearer groups, and 150 a day."""
    await keys.create_team("acme", limits=TeamLimits(premium=Caps(100, 150)), now=NOW)
    return "acme"


async def test_a_team_pays_no_more_for_dearer_groups_than_it_said(store: Store, keys: Keys, team: str) -> None:
    allowances = Allowances(store, {})
    assert await allowances.draw(PREMIUM, team, "call_1-2", 80) is None
    spent = await allowances.draw(PREMIUM, team, "call_2-2", 21)
    assert spent == Exhausted(PREMIUM, Owner.TEAM, Window.HOUR, spent.anew_s if spent else 0)
    assert 0 < spent.anew_s <= 3600
    for write in writes.correct(PREMIUM, team, "call_1-2", 60):
        await store.make(write)
    assert await allowances.draw(PREMIUM, team, "call_2-2", 21) is None
    assert await allowances.of_team(team) == Drawn(Caps(100, 150), 81, 81)
    await keys.update_team(team, name=team, limits=TeamLimits(premium=Caps(None, 90)))
    refused = await allowances.draw(PREMIUM, team, "call_3-2", 10)
    assert refused is not None
    assert refused.window is Window.DAY


async def test_the_installations_cap_holds_for_all_teams_and_leaves_no_trace_on_one_of_them(
    store: Store, keys: Keys, team: str
) -> None:
    await keys.create_team("umbra", now=NOW)
    allowances = Allowances(store, {PREMIUM: Caps(hour_nanos=90)})
    assert await allowances.draw(PREMIUM, "umbra", "call_1-2", 50) is None
    spent = await allowances.draw(PREMIUM, team, "call_2-2", 41)
    assert spent is not None
    assert (spent.owner, spent.window) == ("installation", Window.HOUR)
    assert (await allowances.of_team(team)).hour_nanos == 0
    assert await allowances.of_installation(PREMIUM) == Drawn(Caps(hour_nanos=90), 50, 50)


async def test_races_have_an_allowance_of_their_own(store: Store) -> None:
    allowances = Allowances(store, {RACES: Caps(day_nanos=10), PREMIUM: Caps(hour_nanos=0)})
    assert await allowances.draw(RACES, None, "call_1-2", 10) is None
    spent = await allowances.draw(RACES, None, "call_2-2", 1)
    assert spent is not None
    assert (spent.purpose, spent.owner, spent.window) == (RACES, "installation", Window.DAY)


async def test_of_many_at_once_as_many_draw_as_the_cap_allows(store: Store, team: str) -> None:
    allowances = Allowances(store, {})
    answers = await asyncio.gather(*(allowances.draw(PREMIUM, team, f"call_{each}-2", 7) for each in range(100)))
    assert answers.count(None) == 14
    assert (await allowances.of_team(team)).hour_nanos == 98


async def test_what_was_drawn_goes_by_itself(store: Store, raw: Redis, team: str) -> None:
    await Allowances(store, {}).draw(PREMIUM, team, "call_1-2", 7)
    written = raw.keys("*:premium:*")
    assert len(written) == 6
    assert all(0 < raw.ttl(key) <= 2 * 86_400 for key in written)


NAMES = iter(f"{{t:{each}}}:premium:" for each in count())
STEPS = st.lists(st.tuples(st.sampled_from(["draw", "correct"]), st.integers(0, 5), st.integers(0, 60)), max_size=30)


@given(STEPS, st.none() | st.integers(0, 150), st.none() | st.integers(0, 150))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_keeps_an_allowance_as_it_is_meant(
    store: Store, raw: Redis, steps: list[tuple[str, int, int]], hour: int | None, day: int | None
) -> None:
    meant, stem = Allowance(Caps(hour, day)), next(NAMES)
    caps = ["" if cap is None else str(cap) for cap in (hour, day)]
    for what, name, nanos in steps:
        now = int(raw.time()[0])
        if what == "draw":
            spent = meant.draw(str(name), nanos, now)
            told = raw.fcall(full_name("draw"), 1, stem, str(name), str(nanos), *caps)
            assert told[:2] == (["drawn"] if spent is None else ["spent", spent[0].value])
        else:
            meant.correct(str(name), nanos)
            raw.fcall(full_name("correct"), 1, stem, str(name), str(nanos))
        drawn = [int(each) for each in raw.fcall(full_name("drawn"), 1, stem)]
        assert drawn == [meant.drawn(window, now) for window in Window]
