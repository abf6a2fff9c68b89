"""Time zones by their names, as the machine's IANA database has them."""

from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)  # of its own the library remembers few, and every call asks
def zone_of(name: str) -> tzinfo:
    """The zone of this name; raises `ValueError`. UTC needs no database."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: "Europe" alone is a directory of them
        raise ValueError(f"{name!r} is not a time zone; write it like Asia/Shanghai, or UTC") from None
