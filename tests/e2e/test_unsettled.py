"""What nobody knows the price of, from the commands: listed, and settled by hand."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from gateway.core.keys import Limits, TeamLimits
from gateway.ledger import layout, writes
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.reaper import Reaper
from gateway.ledger.store import Store
from tests.e2e.test_commands import CONFIG, draw, gateway, serving
from tests.house import Simulator
from tests.ledger.accounts import PEPPER, USD, charge, operator, reserve
from tests.losable import LosableStore


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


def test_an_attempt_that_may_be_billed_is_listed_and_said_to_be_so_by_hand(here: Path) -> None:
    secret = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))["key"]
    with serving(here) as (url, _):
        for prompt in ("a boat [sim:reset@Default]", "a ship [sim:reset@Default]"):
            assert draw(url, secret, prompt).status_code == 200
    first, second = json.loads(gateway(here, "ledger", "unsettled", "--json"))["attempts"]
    assert (first["team"], first["group"], first["held_usd"]) == ("acme", "Default", "0.055")
    assert first["began_at"] <= first["unsettled_at"]
    listed = gateway(here, "ledger", "unsettled")
    assert first["attempt"] in listed
    assert "0.11" in listed

    settled = gateway(here, "ledger", "resolve", first["attempt"], "--billed", "--usd", "0.0255", "--json")
    assert json.loads(settled)["usd"] == "0.0255"
    assert "unbilled" in gateway(here, "ledger", "resolve", second["attempt"], "--unbilled")
    again = json.loads(gateway(here, "ledger", "resolve", first["attempt"], "--unbilled", "--json"))
    assert (again["resolved"], again["usd"]) == ("billed", "0.0255"), "it is said once"
    assert json.loads(gateway(here, "ledger", "unsettled", "--json"))["attempts"] == []
    proven = json.loads(gateway(here, "ledger", "verify", "--json"))
    assert [each["faults"] for each in proven] == [[], []]
    assert proven[1]["spent_usd"] == "0.0255"


async def test_calls_that_nobody_ended_are_listed_and_what_an_earlier_release_has_noted_is_summed_up(
    here: Path,
) -> None:
    (here / "store").mkdir()
    with LosableStore.started(here / "store") as redis, Redis.from_url(redis.url) as raw:
        async with Store.open(redis.url, here) as store:
            books, keys = Books(store, time.time), Keys(store, PEPPER)
            await keys.create_team("acme", limits=TeamLimits(), now=time.time())
            key, _ = await keys.create_key("acme", name="ci", limits=Limits(), now=time.time())
            await reserve(books, "call_lost", key, USD, lease_s=0.001)
            await asyncio.sleep(0.002)
            await Reaper(store, lambda event: None).look("acme")
            for attempt in ("att_new", "att_old"):
                feared = replace(charge(2 * USD), attempt_id=attempt)
                await operator(books, feared, call_id="call_1", team="acme", why=writes.UNSETTLED)
        raw.zrem(layout.UNSETTLED, "att_old")
        told = json.loads(gateway(here, "ledger", "unsettled", "--json", GATEWAY__STORE=redis.url))
        listed = gateway(here, "ledger", "unsettled", GATEWAY__STORE=redis.url)
    assert [each["attempt"] for each in told["attempts"]] == ["att_new"]
    assert [(each["call"], each["held_usd"]) for each in told["calls"]] == [("call_lost", "1")]
    assert told["earlier_usd"] == "2"
    assert "72 h 00 min" in listed
    assert "Besides, 2 $ are held for attempts that an earlier release has noted" in listed


WRONG = [
    (("att_1",), "say --billed or --unbilled"),
    (("att_1", "--unbilled", "--usd", "1"), "what was not billed has no amount"),
    (("att_1", "--billed", "--usd", "a lot"), "write it like 0.055"),
    (("att_1", "--billed"), "there is no unsettled attempt att_1; `gateway ledger unsettled` lists those there are"),
]


def test_what_makes_no_sense_is_refused_in_one_line(here: Path) -> None:
    for words, says in WRONG:
        said = gateway(here, "ledger", "resolve", *words, code=2)
        assert says in said
        assert said.count("\n") == 1
