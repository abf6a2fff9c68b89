"""What replicas say to each other through a real Redis and a real Valkey."""

from collections import Counter
from typing import Any

import pytest
from redis import Redis

from gateway.core.pool import FROM_NOW_ON, Answer, Push
from gateway.core.tally import Counts
from gateway.ledger import layout
from gateway.ledger.evidence import Evidence
from gateway.ledger.store import Store
from tests.waiting import eventually

PAIR = ("Default", "flash")
STEM = layout.pair(*PAIR)
TOOK = "took:1K:0:0:20"


@pytest.fixture
def evidence(store: Store) -> Evidence:
    return Evidence(store)


def push(counts: Counts | None = None, *, heard_to: int | None = FROM_NOW_ON, leases: int = 0) -> Push:
    return Push(PAIR, counts or {}, heard_to, leases)


def server_now(raw: Redis) -> int:
    seconds: Any = raw.time()
    return int(seconds[0])


async def over(raw: Redis, second: int) -> None:
    async def is_over() -> bool:
        return server_now(raw) > second

    await eventually(is_over)


async def heard_when_over(evidence: Evidence, raw: Redis, said: Answer) -> Answer:
    """What is heard once the second is over that something was said in."""
    await over(raw, int(said.at))
    return await evidence.exchange(push(heard_to=int(said.at) - 1))


async def test_what_several_say_is_added_up(evidence: Evidence, raw: Redis) -> None:
    answers = [await evidence.exchange(push({"good:1": 2, "due": 500})) for _ in range(3)]
    await over(raw, int(answers[-1].at))
    heard = await evidence.exchange(push(heard_to=int(answers[0].at) - 1))
    assert set(heard.seconds) == {int(each.at) for each in answers}, "they may lie on both sides of a second"
    assert sum((Counter(each) for each in heard.seconds.values()), Counter()) == {"good:1": 6, "due": 1500}


async def test_a_second_is_not_told_before_it_is_over(evidence: Evidence, raw: Redis) -> None:
    for _ in range(20):
        said = await evidence.exchange(push({"good:1": 1}))
        heard = await evidence.exchange(push(heard_to=int(said.at) - 1))
        assert heard.heard_to == int(heard.at) - 1 or int(said.at) == int(heard.at)
        assert all(second < int(heard.at) for second in heard.seconds)


async def test_whoever_has_heard_it_is_not_told_again(evidence: Evidence, raw: Redis) -> None:
    said = await evidence.exchange(push({"good:1": 1}))
    heard = await heard_when_over(evidence, raw, said)
    assert heard.seconds == {int(said.at): {"good:1": 1}}
    again = await evidence.exchange(push(heard_to=heard.heard_to))
    assert again.seconds == {}
    assert again.heard_to >= heard.heard_to


async def test_a_replica_that_listens_from_now_on_hears_nothing_of_this_second_either(
    evidence: Evidence, raw: Redis
) -> None:
    said = await evidence.exchange(push({"good:1": 1}))
    first = await evidence.exchange(push({"good:1": 1}))
    assert first.seconds == {}
    assert first.heard_to == int(first.at) >= int(said.at)
    await over(raw, first.heard_to)
    assert (await evidence.exchange(push(heard_to=first.heard_to))).seconds == {}


async def test_a_replica_that_has_just_begun_hears_twenty_minutes_five_at_a_time(
    evidence: Evidence, raw: Redis
) -> None:
    now = server_now(raw)
    spoken = [now - 5, now - 400, now - 1100]
    for second in [*spoken, now - 1300]:
        raw.hset(f"{STEM}:{second}", "bad:1", second)
    answer = await evidence.exchange(push(heard_to=None))
    heard = dict(answer.seconds)
    pages = 1
    while answer.more:
        answer = await evidence.exchange(push(heard_to=answer.heard_to))
        heard |= answer.seconds
        pages += 1
    assert heard == {second: {"bad:1": second} for second in spoken}
    assert pages == 4


async def test_what_was_learned_is_kept_by_the_day_and_told_to_who_begins(evidence: Evidence, raw: Redis) -> None:
    today = server_now(raw) // 86_400
    raw.hset(f"{STEM}:day:{today - 7}", TOOK, 5)
    raw.hset(f"{STEM}:day:{today - 8}", TOOK, 9)
    await evidence.exchange(push({TOOK: 3, "good:1": 3}))
    begun = await evidence.exchange(push(heard_to=None))
    days = begun.days if server_now(raw) // 86_400 == today else {today: {TOOK: 3}, today - 7: {TOOK: 5}}
    assert days == {today - 7: {TOOK: 5}, today: {TOOK: 3}}
    assert (await evidence.exchange(push(heard_to=begun.heard_to))).days == {}


async def test_one_lease_in_five_seconds_and_more_where_more_are_wanted(evidence: Evidence, raw: Redis) -> None:
    async def granted(leases: int) -> bool:
        return (await evidence.exchange(push(leases=leases))).leased

    assert not await granted(0)
    assert await granted(1)
    left: Any = raw.pttl(f"{STEM}:lease")
    assert 0 < left <= 5000
    raw.persist(f"{STEM}:lease")  # the five seconds do not pass while this test is busy
    assert not await granted(1)
    assert [await granted(3) for _ in range(5)] == [True, True, False, False, False]


async def test_everything_goes_by_itself(evidence: Evidence, raw: Redis) -> None:
    await evidence.exchange(push({TOOK: 1}, leases=1))
    names: Any = raw.keys("*")
    left = {name.removeprefix(STEM).rstrip("0123456789"): raw.ttl(name) for name in names}
    assert set(left) == {"", ":", ":day:", ":lease"}
    assert 0 < left[""] <= 3600
    assert 0 < left[":"] <= 3600
    assert 7 * 86_400 < left[":day:"] <= 8 * 86_400
    assert all(name.startswith(STEM) for name in names), "one slot"


async def test_whoever_says_nothing_leaves_no_trace(evidence: Evidence, raw: Redis) -> None:
    await evidence.exchange(push())
    await evidence.exchange(push(heard_to=None))
    assert raw.dbsize() == 0


async def test_of_idle_pairs_it_is_known_when_anybody_spoke_last(evidence: Evidence) -> None:
    said = await evidence.exchange(push({"good:1": 1}))
    assert await evidence.last([("Default", "pro"), PAIR]) == {PAIR: int(said.at)}


async def test_a_group_may_be_called_anything(evidence: Evidence, raw: Redis) -> None:
    odd = ("a}|b{", "x|y")
    said = await evidence.exchange(Push(odd, {"good:1": 1}, FROM_NOW_ON, 0))
    assert await evidence.last([odd]) == {odd: int(said.at)}
    names: Any = raw.keys("*")
    assert {name[: name.index("}")] for name in names} == {layout.pair(*odd)[:-1]}


async def test_a_store_whose_clock_went_back_is_heard_from_there(evidence: Evidence, raw: Redis) -> None:
    answer = await evidence.exchange(push(heard_to=server_now(raw) + 1000))
    assert answer.heard_to == int(answer.at)
