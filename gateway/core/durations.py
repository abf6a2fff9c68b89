"""How long something lasts, as people write it: 90s, 30m, 24h, 7d."""

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_WRITTEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")


def seconds_of(text: str) -> float:
    """The seconds that a text means; raises `ValueError` that says how to write it."""
    if text == "0":
        return 0.0
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 30m, 24h or 7d")
    return float(match[1]) * _SECONDS[match[2]]
