"""How callers fared, added up by all gateways of a store: the last minutes, the last hour, the last day."""

from redis import Redis

from gateway.ledger.served import ServedCounts
from gateway.ledger.store import Store

NOON = 1_790_000_000.0 // 86_400 * 86_400 + 43_200.0


async def test_what_gateways_counted_is_added_up_and_told_by_how_long_ago_it_was(store: Store, raw: Redis) -> None:
    here, there = ServedCounts(store), ServedCounts(store)
    await here.add({"flash|1K|good": 2}, NOON - 1)
    await there.add({"flash|1K|good": 3, "flash|1K|bad": 1}, NOON - 2)
    await here.add({"flash|1K|good": 10}, NOON - 1800)
    await here.add({"flash|1K|good": 100}, NOON - 20 * 3600)
    lately = await here.lately(NOON)
    sums = [sum(each.get("flash|1K|good", 0) for each in window) for window in (lately.now, lately.hour, lately.day)]
    assert sums == [5, 15, 115]
    assert sum(each.get("flash|1K|bad", 0) for each in lately.now) == 1
    assert all(0 < raw.ttl(name) <= 26 * 3600 for name in raw.keys("served:*"))


async def test_of_a_quiet_day_nothing_is_told(store: Store) -> None:
    lately = await ServedCounts(store).lately(NOON)
    assert not any(each for window in (lately.now, lately.hour, lately.day) for each in window)
