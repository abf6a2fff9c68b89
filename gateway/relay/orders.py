"""The orders that this process has drawn, by what they are looked for: their call, and the request that they are."""

from collections import defaultdict
from collections.abc import Collection

from gateway.core.call import Call
from gateway.relay.order import Order


class Orders:
    """Of those that nobody waits for any more, the answers of at most `most_left` at a time are kept."""

    def __init__(self, most_left: int) -> None:
        self._most_left = most_left
        self._by_call: dict[str, Order] = {}
        self._by_request: defaultdict[str, set[Order]] = defaultdict(set)
        self._alone: set[Order] = set()

    @property
    def left(self) -> int:
        """How many are being drawn with nobody waiting for them."""
        return sum(order.left and not order.ended for order in self._alone)

    def add(self, order: Order) -> None:
        self._by_call[order.call.id] = order
        if (request := _request(order.call)) is not None:
            self._by_request[request].add(order)

    def remove(self, order: Order) -> None:
        del self._by_call[order.call.id]
        self._alone.discard(order)
        if (request := _request(order.call)) is not None:
            self._by_request[request].discard(order)
            if not self._by_request[request]:
                del self._by_request[request]

    def of_call(self, call_id: str) -> Order | None:
        return self._by_call.get(call_id)

    def same(self, call: Call) -> Collection[Order]:
        """Those of the same request of the same key, where neither has an Idempotency-Key."""
        request = _request(call)
        return () if request is None else tuple(self._by_request.get(request, ()))

    def leave(self, order: Order) -> None:
        """One who read it does not any more."""
        if not order.left or order.ended:
            self._alone.discard(order)
            return
        self._alone.add(order)
        if len(self._alone) > self._most_left:
            order.forget()

    def __repr__(self) -> str:
        return f"<Orders {len(self._by_call)}, {len(self._alone)} of them left>"


def _request(call: Call) -> str | None:
    return None if call.claim is None or call.claim.once is not None else call.claim.asked
