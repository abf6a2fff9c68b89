"""How long something lasts, as people write it."""

import pytest

from gateway.core.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("1.5h", 5400), ("7d", 604_800)],
)
def test_a_duration_is_a_number_and_what_it_counts(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "24 h", "1e3s", "1w", "24H", "٣h", "9999999999s"])
def test_anything_else_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it like 90s, 30m, 24h or 7d"):
        seconds_of(text)
