"""The measurement of reserves asks as gateways do, and everything it asks for is set aside."""

from pathlib import Path

from tests.bench.reserves import played


def test_every_way_sets_money_aside(tmp_path: Path) -> None:
    rates = played(tmp_path, "redis", seconds=0.2, rounds=1, calls=16)
    assert all(rate.a_second > 0 for rate in rates)
    one_by_one, together, _ = (rate.store_us for rate in rates)
    assert together < one_by_one, "what is asked for together costs less"
