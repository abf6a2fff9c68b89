"""Which attempts the seller billed of which nobody knew: those that an entry of its log needs to be explained.

Every charge of the books explains one entry: of its model and group, of its time, of its amount. What is left over
was billed for something else, and what is left over where an attempt may have been billed, for that attempt. It is
said only where it is certain: where it can be explained in one way, and where the log and the books agree on all
else. An entry that has the attempt's own id needs none of that. Pure.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.core.clocks import Agreement
from gateway.core.findings import APART_S, KEPT_S, REACH_S, Finding, Span
from gateway.core.pairing import Pool
from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry
from gateway.core.unsettled import Resolved, Unsettled

# An attempt is noted as unsettled so long after it was sent, at most: its gateway may have died, and stood for a day.
_NOTED_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Log:
    """What the log covers, and how finely: from its first to its last entry, to `unit_nanos`.

    `pools` are the models and groups that it has entries of; groups are empty where `tells_groups` is not so. `doubt`
    is why its times say nothing, and in `gaps` it lacks charges of ours.
    """

    first_at: float
    last_at: float
    unit_nanos: int
    tells_groups: bool
    pools: frozenset[tuple[str, str]]
    doubt: str | None = None
    gaps: Sequence[Span] = ()


@dataclass(slots=True)
class Nearby:
    """Entries and charges at times when an attempt may have been billed: of all others nothing is kept.

    `doubts` are times, from and to, at which attempts were sent that are in no row: what is billed may be theirs.
    """

    attempts: Sequence[Unsettled]
    doubts: list[Span] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    first_at: float = float("inf")
    last_at: float = float("-inf")
    unit_nanos: int = 0
    _pools: set[tuple[str, str]] = field(default_factory=set)
    _spans: dict[str, list[Span]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        by_model: defaultdict[str, list[Span]] = defaultdict(list)
        for each in self.attempts:
            if each.began is not None:
                by_model[each.model].append((each.began - KEPT_S, each.began + REACH_S + KEPT_S))
        self._spans = {model: _joined(spans) for model, spans in by_model.items()}

    def theirs(self, entry: Entry) -> None:
        self._pools.add((entry.model, entry.group))
        self.first_at, self.last_at = min(self.first_at, entry.at), max(self.last_at, entry.at)
        self.unit_nanos = min(self.unit_nanos or entry.unit_nanos, entry.unit_nanos)
        if entry.nanos > 0 and self._span(entry.model, entry.at, entry.at):
            self.entries.append(entry)

    def ours(self, paid: Paid) -> None:
        if paid.nanos > 0 and self._span(paid.model, *_time_of(paid)):
            self.paid.append(paid)

    def covers(self, first_at: float, last_at: float) -> None:
        """The log has all that there was between these times, whether or not there was anything."""
        self.first_at, self.last_at = min(self.first_at, first_at), max(self.last_at, last_at)

    def log(self, agreement: Agreement) -> "Log":
        """What the log covers, when all of its entries were told, and what its times say."""
        groups = any(group for _, group in self._pools)
        pools = frozenset(self._pools if groups else ((model, "") for model, _ in self._pools))
        return Log(self.first_at, self.last_at, self.unit_nanos, groups, pools, agreement.doubt, agreement.gaps)

    def whole(self, paid: Paid, log: "Log") -> bool:
        """Whether every entry that may be of this charge was kept."""
        begins, ends = _time_of(paid)
        span = self._span(paid.model, begins, ends)
        return span is not None and max(span[0], log.first_at) <= begins and ends <= min(span[1], log.last_at)

    def _span(self, model: str, begins: float, ends: float) -> Span | None:
        spans = self._spans.get(model, [])
        place = bisect_right(spans, (ends, float("inf"))) - 1
        return spans[place] if place >= 0 and begins <= spans[place][1] else None


def findings(near: Nearby, log: Log) -> list[Finding]:
    """What the log says of each attempt, in their order."""
    found: dict[str, Finding] = {}
    pools: defaultdict[tuple[str, str], Pool] = defaultdict(Pool)
    ids = {each.attempt_id: each for each in near.attempts}
    for entry in near.entries:
        if named := ids.get(entry.request_id):
            words = "the log has an entry with its id"
            found[named.attempt_id] = Finding(named, Resolved.BILLED, entry.nanos, words, entry.at)
        else:
            pools[entry.model, entry.group if log.tells_groups else ""].entries.append(entry)
    for paid in near.paid:
        pool_of_it = pools[paid.model, paid.group if log.tells_groups else ""]
        (pool_of_it.paid if near.whole(paid, log) else pool_of_it.edges).append(paid)
    for each in (each for each in near.attempts if each.attempt_id not in found):
        whose = (each.model, each.group if log.tells_groups else "")
        if why := _not_covered(each, log, whose):
            found[each.attempt_id] = Finding(each, None, 0, why)
            pools[whose].doubts.append(_sent(each))
        else:
            pools[whose].attempts.append(each)
    for pool in pools.values():
        pool.doubts += near.doubts
        found |= {finding.attempt.attempt_id: finding for finding in pool.findings(log.unit_nanos)}
    return [found[each.attempt_id] for each in near.attempts]


def _sent(attempt: Unsettled) -> Span:
    """From when to when it may have been sent."""
    return (attempt.at - _NOTED_S, attempt.at) if attempt.began is None else (attempt.began, attempt.began)


def _not_covered(attempt: Unsettled, log: Log, pool: tuple[str, str]) -> str | None:
    if log.doubt:
        return log.doubt
    if attempt.began is None:
        return "when it was sent is not known"
    if pool not in log.pools:
        return "the log has no entry of its model" + (" and group" if log.tells_groups else "")
    if log.first_at > attempt.began - APART_S:
        return "the log begins after it was sent"
    if log.last_at < attempt.began + REACH_S:
        return "the log ends before it is certain that it was not billed; export it later"
    if any(begins < attempt.began + REACH_S and attempt.began < ends for begins, ends in log.gaps):
        return "the log lacks the charges of ours next to it"
    return None


def _time_of(paid: Paid) -> Span:
    """When the seller may have written down what we did."""
    return paid.at - APART_S, paid.at + paid.reach_s + APART_S


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same times, in their order, without one in two of them."""
    joined: list[Span] = []
    for begins, ends in sorted(spans):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    return joined
