"""What a call went through, attempt by attempt, as a few bytes in the row of the ledger that ends it. Pure.

Attempts are in the order in which they were sent, with ";" between them. Each is its group, its lane where that is
called otherwise, what came of it with the upstream's status where that was none of 200, how long it took in ms, and
what it cost in nano-dollars, with a "?" where nobody knows whether it is billed: "Default,,busy:429,312,". Of the
attempt that the row charges the row tells all but the time: "5123". One that was still on its way is its group and lane
alone: what came of it is on the operator's account.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.core.outcome import Billed, Verdict
from gateway.core.quoting import quoted

_SENT = 200


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that has ended; `nanos` is what it costs, or may cost. `won`: the caller got its answer."""

    group: str
    lane: str
    verdict: Verdict
    status: int | None
    took_ms: int
    nanos: int
    billed: Billed
    won: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt that was still on its way when the call ended."""

    group: str
    lane: str


@dataclass(frozen=True, slots=True)
class Charged:
    """The attempt that the row charges; None: it was not noted how long it took."""

    took_ms: int | None


Step = Finished | Sent | Charged


@dataclass(frozen=True, slots=True)
class Course:
    """A call at its end. `left`: its caller had gone by then."""

    route: str
    model: str
    size: str
    tried: tuple[Finished | Sent, ...]
    left: bool = False


def words_of(tried: Sequence[Finished | Sent], *, charged: bool) -> str:
    """`charged`: the row charges the attempt that won, and has its figures."""
    return ";".join(_word(each, charged=charged) for each in tried)


def steps_of(words: str) -> Iterator[Step]:
    """What `words_of` has written. What a later release writes behind it is passed over."""
    for word in words.split(";") if words else ():
        parts = word.split(",")
        match parts:
            case [took]:
                yield Charged(int(took))
            case [group, lane]:
                yield Sent(*_names(group, lane))
            case [group, lane, came_to, took, cost, *_]:
                verdict, _, status = came_to.partition(":")
                yield Finished(
                    *_names(group, lane),
                    Verdict(verdict),
                    int(status) if status else None,
                    int(took),
                    int(cost.removesuffix("?") or 0),
                    _billed(cost),
                )


def _word(each: Finished | Sent, *, charged: bool) -> str:
    if isinstance(each, Finished) and each.won and charged:
        return str(each.took_ms)
    lane = "" if each.lane == each.group else quoted(each.lane)
    where = f"{quoted(each.group)},{lane}"
    if isinstance(each, Sent):
        return where
    status = "" if each.status in (None, _SENT) else f":{each.status}"
    cost = {Billed.NO: "", Billed.YES: str(each.nanos), Billed.MAYBE: f"{each.nanos}?"}[each.billed]
    return f"{where},{each.verdict}{status},{each.took_ms},{cost}"


def _names(group: str, lane: str) -> tuple[str, str]:
    return unquote(group), unquote(lane or group)


def _billed(cost: str) -> Billed:
    if not cost:
        return Billed.NO
    return Billed.MAYBE if cost.endswith("?") else Billed.YES
