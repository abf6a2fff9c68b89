"""The orders that this process has drawn, by what they are looked for: their call, and the request that they are."""

from collections import defaultdict
from collections.abc import Collection

from gateway.core.call import Call
from gateway.relay.order import Order


class Orders:
    """Of those that nobody waits for any more, the answers of at most `most_left` at a time are kept.

    However many are the same request, it costs nothing to ask for those of them that were left.
    """

    def __init__(self, most_left: int) -> None:
        self._most_left = most_left
        self._by_call: dict[str, Order] = {}
        self._same: defaultdict[str, dict[Order, None]] = defaultdict(dict)  # by the request, the latest last
        self._alone: defaultdict[str | None, set[Order]] = defaultdict(set)  # by the request that they are
        self._count_alone = 0

    @property
    def left(self) -> int:
        """How many are being drawn with nobody waiting for them."""
        return sum(order.left and not order.ended for orders in self._alone.values() for order in orders)

    def add(self, order: Order) -> None:
        self._by_call[order.call.id] = order
        if (request := _request(order.call)) is not None:
            self._same[request][order] = None

    def remove(self, order: Order) -> None:
        del self._by_call[order.call.id]
        self._not_alone(order)
        if (request := _request(order.call)) is not None:
            del self._same[request][order]
            if not self._same[request]:
                del self._same[request]

    def has(self, call: Call) -> bool:
        """Whether any is the same request of the same key, where neither has an Idempotency-Key."""
        return _request(call) in self._same

    def of_call(self, call_id: str) -> Order | None:
        return self._by_call.get(call_id)

    def waited_for(self, call: Call) -> bool:
        """Whether somebody waits for the same request of the same key, where neither has an Idempotency-Key."""
        request = _request(call)
        return request is not None and len(self._same.get(request, ())) > len(self.alone(call))

    def last_had(self, call: Call) -> Order | None:
        """The latest of the same request that somebody has, while it is not known whether it is kept; None: none."""
        request = _request(call)
        had = (order for order in reversed(self._same.get(request or "", ())) if order.untold)
        return next(had, None)

    def alone(self, call: Call) -> Collection[Order]:
        """Those of the same request that were left."""
        request = _request(call)
        return () if request is None else tuple(self._alone.get(request, ()))

    def join(self, order: Order) -> None:
        """Somebody reads it again, who has claimed it."""
        self._not_alone(order)
        order.join()

    def leave(self, order: Order) -> None:
        """One who read it does not any more."""
        if not order.left or order.ended:
            self._not_alone(order)
            return
        alone = self._alone[_request(order.call)]
        self._count_alone += order not in alone
        alone.add(order)
        if self._count_alone > self._most_left:
            order.forget()

    def _not_alone(self, order: Order) -> None:
        request = _request(order.call)
        if order in self._alone.get(request, ()):
            self._alone[request].remove(order)
            self._count_alone -= 1
            if not self._alone[request]:
                del self._alone[request]

    def __repr__(self) -> str:
        return f"<Orders {len(self._by_call)}, {self._count_alone} of them left>"


def _request(call: Call) -> str | None:
    return None if call.claim is None or call.claim.once is not None else call.claim.asked
