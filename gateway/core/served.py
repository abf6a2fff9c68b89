"""How callers fared: counted by model and size as their calls end, and told as rates and quantiles.

Counts can be added up by whoever knows nothing of their meaning. What is wrong with a request or with
a key is nobody's failure here, and neither is a caller who left.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from gateway.core.latency import Histogram, place_of
from gateway.core.quoting import quoted

Counts = Mapping[str, int]

# Told to callers, these say that the service failed them; so does every code of an upstream's failure.
_FAILED = frozenset({"internal_error", "gateway_overloaded", "premium_cap", "admission_unavailable", "deferred"})
_FAILED_PREFIX = "upstream_"

_GOOD, _BAD, _TOOK = "good", "bad", "took"


def succeeded(code: str) -> bool | None:
    """Whether a call that ended with this code was served; None where that says nothing of the service."""
    if code == "ok":
        return True
    return False if code in _FAILED or code.startswith(_FAILED_PREFIX) else None


class Served:
    """Counts for a while."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, model: str, size: str, code: str, total_s: float) -> None:
        """A call is over."""
        good = succeeded(code)
        if good is None:
            return
        whose = f"{quoted(model)}|{size}"
        self._counts[f"{whose}|{_GOOD if good else _BAD}"] += 1
        if good:
            self._counts[f"{whose}|{_TOOK}:{place_of(total_s)}"] += 1

    def take(self) -> Counter[str]:
        """What was counted since it was last taken."""
        taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, counts: Counter[str]) -> None:
        """What was taken and could not be told."""
        self._counts += counts


@dataclass(slots=True)
class Fared:
    """How the calls of one model and size fared. Quantiles in seconds, to ten per cent; None without any call."""

    good: int = 0
    bad: int = 0
    _took: Histogram = field(default_factory=Histogram)

    @property
    def calls(self) -> int:
        return self.good + self.bad

    @property
    def success(self) -> float | None:
        return self.good / self.calls if self.calls else None

    def quantile_s(self, share: float) -> float | None:
        return self._took.quantile(share) if self.good else None

    def add(self, what: str, count: int) -> None:
        if what == _GOOD:
            self.good += count
        elif what == _BAD:
            self.bad += count
        elif what.startswith(_TOOK):
            self._took.put(int(what.partition(":")[2]), count, 0.0)


def fared(several: Iterable[Counts]) -> dict[tuple[str, str], Fared]:
    """By model and size. Names that this release does not know are passed over."""
    found: dict[tuple[str, str], Fared] = {}
    for counts in several:
        for name, count in counts.items():
            model, size, what = name.rsplit("|", 2)
            found.setdefault((unquote(model), size), Fared()).add(what, count)
    return found
