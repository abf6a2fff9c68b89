"""What a replica tells the others of a group and model, and what it hears of them: counts, and how they are spelled.

Of attempts it is told what became of them and about when they began, since what began before a group
opened says nothing of how it is now; of good answers too how long they took. Counts can be added up by
whoever knows nothing of their meaning. Moments are spelled on the clock that all replicas share. What
follows from a count is not decided here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.core.latency import Kind

Pair = tuple[str, str]  # a group's name and a model's id
Counts = Mapping[str, int]

# Moments of beginning are told to so many seconds: fewer counts, and a group stays open for longer than that.
_BEGAN_S = 5

# What is due is a fraction, and told in thousandths.
_DUE = 1000


class What(StrEnum):
    """What speaks for a group, and what against it."""

    GOOD = "good"
    BAD = "bad"


# What else is told, as in `Heard`.
LATE, FINISHED, PROBED, DUE, CAME, WAY, _TOOK = "late", "finished", "probed", "due", "came", "way", "took"

_AGAINST = frozenset({LATE, DUE})


class Tally:
    """Counts for a while, in this replica's own time."""

    def __init__(self) -> None:
        self._attempts: list[tuple[What, float]] = []
        self._counts: defaultdict[str, int] = defaultdict(int)

    def __bool__(self) -> bool:
        return bool(self._attempts or self._counts)

    def attempt(self, what: What, began_at: float) -> None:
        self._attempts.append((what, began_at))

    def count(self, name: str, times: int = 1) -> None:
        if times:
            self._counts[name] += times

    def took(self, kind: Kind, place: int) -> None:
        """A good answer, in this bucket of its kind's histogram."""
        self._counts[f"{_TOOK}:{kind.size}:{kind.thinks:d}:{kind.crowd}:{place}"] += 1

    def stalled(self, due: float, came: int, under_way: int) -> None:
        """How many answers were due and how many came, and how many attempts are under way."""
        self.count(DUE, round(due * _DUE))
        self.count(CAME, came)
        self.count(WAY, under_way)

    def forgive(self) -> None:
        """Forgets whatever speaks against the group."""
        self._attempts = [each for each in self._attempts if each[0] is not What.BAD]
        for name in _AGAINST:
            self._counts.pop(name, None)

    def spelled(self, ahead_s: float) -> Counter[str]:
        """As the others read it. The shared clock is `ahead_s` ahead of this replica's."""
        counts = Counter(f"{what}:{int((began_at + ahead_s) // _BEGAN_S)}" for what, began_at in self._attempts)
        counts.update(self._counts)
        return counts

    def __repr__(self) -> str:
        return f"<Tally {len(self._attempts)} attempts, {dict(self._counts)}>"


@dataclass(frozen=True, slots=True)
class Heard:
    """What others saw of a pair in one second, which was over `at` this replica's time.

    Of `attempts` the moment before which none of them began, and how many there were. `late` passed the
    line, and `finished` are those of them that brought their picture; `probed` were begun to ask; `took`
    is how many good answers fell into which bucket of which kind.
    """

    at: float
    attempts: tuple[tuple[What, float, int], ...] = ()
    late: int = 0
    finished: int = 0
    probed: int = 0
    due: float = 0.0
    came: int = 0
    under_way: int = 0
    took: tuple[tuple[Kind, int, int], ...] = ()

    def since(self, moment: float) -> Iterator[What]:
        """What the attempts that began after a moment say, the good and the bad ones evenly mixed.

        In which order they came nobody knows: all the bad ones in a row would be news that there were not.
        """
        times: Counter[What] = Counter()
        for what, began_at, count in self.attempts:
            if began_at > moment:
                times[what] += count
        places = ((((at + 0.5) / count), what) for what, count in times.items() for at in range(count))
        return (what for _, what in sorted(places))

    def unlearned(self) -> "Heard":
        """The same, of which the pace is known already."""
        return replace(self, took=())

    @property
    def good(self) -> bool:
        return any(what is What.GOOD for what, _, _ in self.attempts)


def read(pair: Pair, counts: Counts, at: float, ahead_s: float) -> Heard:
    """What the counts of a second say; names that this release does not know are passed over."""
    attempts: list[tuple[What, float, int]] = []
    took: list[tuple[Kind, int, int]] = []
    for name, count in counts.items():
        what, *rest = name.split(":")
        if what in (What.GOOD, What.BAD) and len(rest) == 1:
            attempts.append((What(what), int(rest[0]) * _BEGAN_S - ahead_s, count))
        elif what == _TOOK and len(rest) == 4:
            size, thinks, crowd, place = rest
            took.append((Kind(*pair, size, thinks == "1", int(crowd)), int(place), count))
    return Heard(
        at,
        tuple(attempts),
        late=counts.get(LATE, 0),
        finished=counts.get(FINISHED, 0),
        probed=counts.get(PROBED, 0),
        due=counts.get(DUE, 0) / _DUE,
        came=counts.get(CAME, 0),
        under_way=counts.get(WAY, 0),
        took=tuple(took),
    )
