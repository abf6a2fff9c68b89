"""Refused administrators in so few lines that nobody who guesses keys can fill the log.

The first refusal is told at once. Those of the second after it are counted, and told together when that is over.
"""

import math
from collections import Counter, defaultdict
from typing import Any

from gateway.core.events import AdminRefused
from gateway.core.trail import Lack

_EVERY_S = 1.0

# Who comes from more than so many addresses at once is not found by them.
_ADDRESSES = 5


class Refusals:
    """`due` gives what is to be told now of what was noted."""

    def __init__(self) -> None:
        self._counts: Counter[Lack] = Counter()
        self._addresses: defaultdict[Lack, list[str]] = defaultdict(list)
        self._told_at = -math.inf

    def note(self, event: AdminRefused) -> None:
        self._counts[event.lack] += 1
        known = self._addresses[event.lack]
        if event.address and event.address not in known and len(known) < _ADDRESSES:
            known.append(event.address)

    def due(self, now: float) -> list[dict[str, Any]]:
        """A row for each reason; none within a second of the last ones, by a clock that may be set back."""
        if not self._counts or 0 <= now - self._told_at < _EVERY_S:
            return []
        rows = [
            {"event": "admin_refused", "why": lack, "count": count, "addresses": self._addresses[lack]}
            for lack, count in self._counts.items()
        ]
        self._counts.clear()
        self._addresses.clear()
        self._told_at = now
        return rows
