"""How callers of all gateways fared: counts of five minutes for some hours, counts of an hour for a day and a bit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.core.served import Counts
from gateway.ledger import layout
from gateway.ledger.store import Store

_MINUTES, _HOUR, _DAY = 300, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Lately:
    """Counts of at least the last five minutes, the last hour and the last day, each up to now."""

    now: tuple[Counts, ...]
    hour: tuple[Counts, ...]
    day: tuple[Counts, ...]


class ServedCounts:
    """Everything here raises `BooksAway`. Moments are dates, as all gateways of a store have them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, counts: Mapping[str, int], today: float) -> None:
        keep_s = {_MINUTES: 2 * _HOUR, _HOUR: _DAY + 2 * _HOUR}
        await self._store.count(counts, {layout.served(each, int(today // each)): keep_s[each] for each in keep_s})

    async def lately(self, today: float) -> Lately:
        minutes, hours = int(today // _MINUTES), int(today // _HOUR)
        fine = range(minutes - _HOUR // _MINUTES, minutes + 1)
        coarse = range(hours - _DAY // _HOUR, hours + 1)
        found = await self._store.records(_names(_MINUTES, fine) + _names(_HOUR, coarse))
        counts = [{name: int(count) for name, count in each.items()} for each in found]
        in_minutes, in_hours = counts[: len(fine)], counts[len(fine) :]
        return Lately(tuple(in_minutes[-2:]), tuple(in_minutes), tuple(in_hours))


def _names(slice_s: int, numbers: Iterable[int]) -> list[str]:
    return [layout.served(slice_s, number) for number in numbers]
