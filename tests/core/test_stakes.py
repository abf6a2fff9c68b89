"""How much is raced at once."""

from gateway.core.stakes import Stakes


def taken(stakes: Stakes, now: float) -> int:
    races = 0
    while stakes.take(now):
        races += 1
    return races


def test_a_few_may_always_be_raced() -> None:
    assert taken(Stakes(), 0.0) == 10


def test_of_many_a_share_may_be() -> None:
    stakes = Stakes()
    for second in range(200):
        stakes.call(float(second))
    assert taken(stakes, 200.0) == 90


def test_what_was_raced_five_minutes_ago_does_not_count() -> None:
    stakes = Stakes()
    assert taken(stakes, 0.0) == 10
    assert taken(stakes, 290.0) == 0
    assert taken(stakes, 301.0) == 10


def test_a_long_silence_clears_all_of_it() -> None:
    stakes = Stakes()
    for _ in range(1000):
        stakes.call(1.0)
    assert taken(stakes, 100_000.0) == 10
