"""What replicas tell each other of how the groups are: one small function call a second for a pair that is in use.

Adds up and hands out; what it means is decided in `core`. Nothing here is money, and nothing is said twice.
"""

from collections import defaultdict
from collections.abc import Sequence

from gateway.core.pool import Answer, Push
from gateway.core.tally import Pair
from gateway.ledger import layout
from gateway.ledger.store import Store


class Evidence:
    """Everything here raises `BooksAway`; what was being said may then have been counted or not."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def exchange(self, push: Push) -> Answer:
        """Says what one replica has to say of a pair, and hears what all have said since it last did."""
        heard_to = "" if push.heard_to is None else str(push.heard_to)
        said = [word for name, count in push.counts.items() for word in (name, str(count))]
        args = [heard_to, str(push.leases), *said]
        at_ms, leased, to, *rest = await self._store.call("pool", [layout.pair(*push.pair)], args)
        seconds: defaultdict[int, dict[str, int]] = defaultdict(dict)
        for word, name, count in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            seconds[int(word)][name] = int(count)
        return Answer(
            at=int(at_ms) / 1000,
            leased=leased == "1",
            heard_to=int(to),
            seconds={second: counts for second, counts in seconds.items() if second > 0},
            days={-second: counts for second, counts in seconds.items() if second < 0},
        )

    async def last(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """In which second anybody last said something of them, for those of which anybody did within the hour."""
        found = await self._store.records([layout.pair(*pair) for pair in pairs])
        return {pair: int(record["last"]) for pair, record in zip(pairs, found, strict=True) if record}
