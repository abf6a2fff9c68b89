"""What replicas share of what they see, and when: each tells the others its counts, once a second and pair.

All of them hear the same and decide alike, each by its own Health. Where the counts are added up is not
known here: a `Push` goes there, an `Answer` comes back, or the push is lost. Counts are evidence and not
money: of a push that may or may not have arrived nothing is said again. Pure: moments come in as
numbers, of this replica's clock, and of the one that all share.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.board import HealthBoard
from gateway.core.tally import Counts, Heard, Pair, Tally, read

# A pair of which nothing has happened here for so long is only looked at, with all others like it.
_BUSY_S = 30.0
_LOOK_S = 5.0

# What could not be told is worth telling for so long; and for so long others' good answers speak for a group, or for so
# many times as long as it usually is from one to the next, where few come.
_FRESH_S = 10.0
_GAPS = 3.0
_GAP_WEIGHT = 0.2

_DAY_S = 86_400

# Heard to the end of time: whoever says so hears what comes from now on.
FROM_NOW_ON = 2**40


@dataclass(frozen=True, slots=True)
class Push:
    """What one replica says of a pair. `heard_to` is the last second that it has heard of; None: it has just begun.

    It asks for one of `leases` that may be out at a time; 0: for none.
    """

    pair: Pair
    counts: Counts
    heard_to: int | None
    leases: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`at` is when it was given, on the shared clock; the push is counted to that second.

    `seconds` are those with counts in them, up to `heard_to`, all of them over; `days` what was learned on
    each, for a replica that has just begun.
    """

    at: float
    leased: bool
    heard_to: int
    seconds: Mapping[int, Counts] = field(default_factory=dict)
    days: Mapping[int, Counts] = field(default_factory=dict)

    @property
    def more(self) -> bool:
        """Whether there are seconds left that are over too."""
        return self.heard_to < int(self.at) - 1


@dataclass(slots=True)
class _Share:
    """How far this replica is with one pair."""

    waiting: list[tuple[float, Tally]] = field(default_factory=list)
    said: dict[int, Counter[str]] = field(default_factory=dict)  # by the second that it was counted to
    heard_to: int | None = None
    learned_to: int = 0
    others_good_at: float | None = None
    gap_s: float = 0.0  # how long it is, about, from one good answer of others to the next
    busy_at: float | None = None
    news: bool = True


class Pool:
    """One replica's part. `turn` comes once a second, `pushes` after it; each is `answered`, or all are `lost`."""

    def __init__(self, board: HealthBoard, sold: Iterable[Pair]) -> None:
        self._board = board
        self._sold = list(sold)
        self._shares: defaultdict[Pair, _Share] = defaultdict(_Share)
        self._ahead_s: float | None = None  # of the shared clock before this replica's
        self._looked_at: float | None = None
        self.away = False

    def turn(self, now: float, *, stood_still: bool) -> None:
        """Takes up what was seen since the last turn. A process that stood still cannot speak against anybody."""
        for pair in self._board.pairs:
            share = self._shares[pair]
            tally = self._board.tally(pair, now)
            if tally or now - self._board.health(pair).asking.wanted_at < _BUSY_S:
                share.busy_at = now
            if stood_still or self._cut_off(pair, now):
                tally.forgive()
            share.waiting = [each for each in share.waiting if now - each[0] < _FRESH_S]
            if tally:
                share.waiting.append((now, tally))

    def looks(self, now: float) -> Sequence[Pair]:
        """The pairs to be looked at together, to see whether others speak of them; none while that was just done."""
        if not self.away and self._looked_at is not None and now - self._looked_at < _LOOK_S:
            return ()
        idle = [pair for pair in self._sold if not self._busy(pair, now)]
        return idle or (self._sold if self.away else ())

    def looked(self, last: Mapping[Pair, int], now: float) -> None:
        """In which second others last spoke of them, where they ever did."""
        self.away, self._looked_at = False, now
        for pair, second in last.items():
            heard_to = self._shares[pair].heard_to
            self._shares[pair].news = heard_to is None or second > heard_to

    def pushes(self, now: float) -> Iterator[Push]:
        """What is to be said and heard now, one after the other."""
        for pair, share in list(self._shares.items()):
            if self.away:
                return
            if self._busy(pair, now) or share.news or share.waiting:
                yield self._push(pair, share, now)

    def answered(self, push: Push, answer: Answer, now: float) -> Push | None:
        """Hears what others said, and gives what is to be asked at once: whoever has just begun has much to hear."""
        share, second = self._shares[push.pair], int(answer.at)
        self._ahead_s = ahead_s = answer.at - now
        if push.counts:
            share.said.setdefault(second, Counter()).update(push.counts)
        if push.heard_to is None:
            share.learned_to = second
            days = [_day(push.pair, day, counts, answer.at, ahead_s) for day, counts in answer.days.items()]
            self._board.recall(days, now)
        for over, counts in sorted(answer.seconds.items()):
            own: Counts = share.said.get(over) or {}
            others = {name: count - own.get(name, 0) for name, count in counts.items() if count > own.get(name, 0)}
            self._hear(push.pair, over, others)
        share.said = {each: counts for each, counts in share.said.items() if each > answer.heard_to}
        share.heard_to = answer.heard_to
        share.news = answer.more
        self._board.health(push.pair).asking.lease(now, given=answer.leased)
        return Push(push.pair, {}, share.heard_to, 0) if share.news else None

    def lost(self, push: Push | None = None) -> None:
        """The others are out of reach, and each decides alone.

        What was said last might come back as if others had said it, so nothing is heard up to the next answer.
        """
        self.away = True
        if push is not None and push.counts:
            self._shares[push.pair].heard_to = FROM_NOW_ON
        for pair in self._board.pairs:
            self._board.health(pair).asking.alone()

    def _push(self, pair: Pair, share: _Share, now: float) -> Push:
        counts: Counter[str] = Counter()
        if self._ahead_s is not None:  # without an answer nobody knows what time it is
            for _, tally in share.waiting:
                counts.update(tally.spelled(self._ahead_s))
            share.waiting = []
        return Push(pair, counts, share.heard_to, self._board.health(pair).leases(now))

    def _hear(self, pair: Pair, second: int, counts: Counts) -> None:
        if not counts or self._ahead_s is None:
            return
        share = self._shares[pair]
        heard = read(pair, counts, second + 1 - self._ahead_s, self._ahead_s)
        if heard.good:
            if share.others_good_at is not None:
                share.gap_s += _GAP_WEIGHT * (heard.at - share.others_good_at - share.gap_s)
            share.others_good_at = heard.at
        self._board.heard(pair, heard if second > share.learned_to else heard.unlearned())

    def _cut_off(self, pair: Pair, now: float) -> bool:
        """Whether it is this replica that nobody answers, while others are answered."""
        share = self._shares[pair]
        if share.others_good_at is None or now - share.others_good_at > max(_FRESH_S, _GAPS * share.gap_s):
            return False
        return now - self._board.answered_at > self._board.line_s(pair)

    def _busy(self, pair: Pair, now: float) -> bool:
        share = self._shares.get(pair)
        return share is not None and share.busy_at is not None and now - share.busy_at < _BUSY_S

    def __repr__(self) -> str:
        return f"<Pool of {len(self._shares)} pairs{', away' if self.away else ''}>"


def _day(pair: Pair, day: int, counts: Counts, at: float, ahead_s: float) -> Heard:
    """A day's counts, as old as the middle of what has passed of it."""
    middle = (day * _DAY_S + min((day + 1) * _DAY_S, at)) / 2
    return read(pair, counts, middle - ahead_s, ahead_s)
