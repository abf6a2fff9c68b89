"""What becomes of calls while the store that keeps the books is away: whose key may go on, and for how much.

What is spent meanwhile is written down and is in the books when the store is back, to the nano-dollar. What
cannot be known meanwhile is what other gateways spend: so a key with a budget has a slice of what was
left of it when the store was last heard. Pure: moments come in as numbers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.core.books import Hold

# A team may spend no more than this without the store, on each gateway: its workers have equal parts.
SLICE_NANOS = 500_000_000

# Nor more than this part of what was left: twenty gateways together cannot exceed a budget.
_PART = 20

# For so long it is believed what was left.
_BELIEVED_S = 300.0

# Of what is heard within so many seconds the least counts: answers come in any order.
_LEAST_S = 10.0

_MOST_KEYS = 10_000


class Outage(StrEnum):
    """Whose calls go on while the store is away: of keys that the gateway knows, since others cannot be told apart."""

    CLOSED = "closed"  # nobody's
    SLICE = "slice"  # of keys without a budget, and of others within a slice of it
    OPEN = "open"  # everybody's, whatever their budgets


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the store last said of a key: that its team has caps, and what is left, since when."""

    at: float
    capped: bool
    left_nanos: int | None
    left_at: float


class Slices:
    """What was last heard of budgets, and what calls have taken without the store that are not at an end."""

    def __init__(self, policy: Outage, workers: int = 1) -> None:
        self.policy = policy
        self._workers = workers
        self._heard: dict[str, _Heard] = {}  # by key
        self._taken: defaultdict[str, dict[str, int]] = defaultdict(dict)  # by team and call

    def heard(self, hold: Hold, now: float) -> None:
        """The store has set money aside, and told what is left of the budgets of the key and its team."""
        self._hear(hold.key_id, hold.left_nanos, now, capped=hold.capped)

    def refused(self, key_id: str, now: float) -> None:
        """The store has told that the budgets of the key and its team do not leave enough."""
        last = self._heard.get(key_id)
        self._hear(key_id, 0, now, capped=last is None or last.capped)

    def unbacked(self, wanted: Sequence[Hold], now: float) -> list[Hold] | None:
        """These holds of one key for calls that go on with nothing set aside, which count; None: they must not."""
        last = self._heard.get(wanted[0].key_id)
        if self.policy is Outage.CLOSED or (self.policy is Outage.SLICE and not self._take(last, wanted, now)):
            return None
        return [replace(each, capped=last is None or last.capped) for each in wanted]

    def over(self, hold: Hold) -> None:
        """What the call cost is in the books."""
        taken = self._taken.get(hold.team, {})
        taken.pop(hold.call_id, None)
        if not taken:
            self._taken.pop(hold.team, None)

    def _hear(self, key_id: str, left_nanos: int | None, now: float, *, capped: bool) -> None:
        last, left_at = self._heard.pop(key_id, None), now
        least = None if last is None or now - last.left_at >= _LEAST_S else last.left_nanos
        if last is not None and least is not None and (left_nanos is None or left_nanos > least):
            left_nanos, left_at = least, last.left_at
        if len(self._heard) >= _MOST_KEYS:
            del self._heard[next(iter(self._heard))]
        self._heard[key_id] = _Heard(now, capped, left_nanos, left_at)

    def _take(self, last: _Heard | None, wanted: Sequence[Hold], now: float) -> bool:
        if last is None or now - last.at > _BELIEVED_S:
            return False
        if last.left_nanos is None:
            return True
        taken = sum(self._taken.get(wanted[0].team, {}).values()) + sum(each.nanos for each in wanted)
        if taken > min(SLICE_NANOS, last.left_nanos // _PART) // self._workers:
            return False
        self._taken[wanted[0].team].update({each.call_id: each.nanos for each in wanted})
        return True

    def __repr__(self) -> str:
        return f"<Slices {self.policy}, {len(self._heard)} keys>"
