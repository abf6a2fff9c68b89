"""What becomes of calls while the store that keeps the books is away: whose key may go on, and for how much.

What is spent meanwhile is written down and is in the books when the store is back, to the nano-dollar. What
cannot be known meanwhile is what other gateways spend: so a key with a budget has a slice of what was
left of it when the store was last heard. Pure: moments come in as numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.core.books import Hold

# A team may spend no more than this without the store, on each gateway.
SLICE_NANOS = 500_000_000

# Nor more than this part of what was left: twenty gateways together cannot exceed a budget.
_PART = 20

# For so long it is believed what was left.
_BELIEVED_S = 300.0

_MOST_KEYS = 10_000


class Outage(StrEnum):
    """Whose calls go on while the store is away: of keys that the gateway knows, since others cannot be told apart."""

    CLOSED = "closed"  # nobody's
    SLICE = "slice"  # of keys without a budget, and of others within a slice of it
    OPEN = "open"  # everybody's, whatever their budgets


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the store last said of a key."""

    hold: Hold
    at: float


class Slices:
    """What was last heard of budgets, and what was taken since without the store."""

    def __init__(self, policy: Outage) -> None:
        self.policy = policy
        self._heard: dict[str, _Heard] = {}  # by key
        self._taken: dict[str, int] = {}  # by team

    def heard(self, hold: Hold, now: float) -> None:
        """The store has set money aside, and told what is left of the budgets of the key and its team."""
        self._heard.pop(hold.key_id, None)
        if len(self._heard) >= _MOST_KEYS:
            del self._heard[next(iter(self._heard))]
        self._heard[hold.key_id] = _Heard(hold, now)
        self._taken.pop(hold.team, None)

    def unbacked(self, wanted: Sequence[Hold], now: float) -> list[Hold] | None:
        """These holds of one key for calls that go on with nothing set aside, which count; None: they must not."""
        last = self._heard.get(wanted[0].key_id)
        if self.policy is Outage.CLOSED or (self.policy is Outage.SLICE and not self._take(last, wanted, now)):
            return None
        return [replace(each, capped=last is None or last.hold.capped) for each in wanted]

    def _take(self, last: _Heard | None, wanted: Sequence[Hold], now: float) -> bool:
        if last is None or now - last.at > _BELIEVED_S:
            return False
        left = last.hold.left_nanos
        if left is None:
            return True
        taken = self._taken.get(last.hold.team, 0) + sum(each.nanos for each in wanted)
        if taken > min(SLICE_NANOS, left // _PART):
            return False
        self._taken[last.hold.team] = taken
        return True

    def __repr__(self) -> str:
        return f"<Slices {self.policy}, {len(self._heard)} keys>"
