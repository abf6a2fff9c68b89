"""A rehearsal: calls arrive, are planned, tried and raced by `core` alone, on a clock that jumps.

Events wait in a heap. Each call has the generator of `core.failover`, or one of the naive policies
beside it, and the world says what becomes of every attempt. Nothing is awaited and nothing is slept.
"""

import heapq
import random
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from gateway.core.board import HealthBoard, Tried
from gateway.core.call import Ask
from gateway.core.failover import Answers, Began, End, Ended, Late, Mark, News, Start, Step, Wait, Watch, failover
from gateway.core.groups import Lane
from gateway.core.health import Patience, Standing
from gateway.core.keys import Key
from gateway.core.outcome import Outcome, Verdict, outcome
from gateway.core.plan import LaneView, Plan, make_plan
from gateway.core.stakes import Stakes
from gateway.rehearse.world import World

_PICTURE = outcome(Verdict.PICTURE, status=200)
_REFUSED = outcome(Verdict.BUSY, status=503)
_NEVER = outcome(Verdict.SILENT)

# The total time of an attempt: what has not come by then never does.
_TOTAL_S = 420.0


@dataclass(slots=True)
class Told:
    """What became of one call."""

    arrived_at: float
    ask: Ask
    done_at: float | None = None  # when the caller had its picture
    won_by: str = ""
    billed: dict[str, int] = field(default_factory=dict)  # attempts that the seller bills, by group
    raced: bool = False


Policy = Callable[["Run", Told, float], Generator[Step, News, End]]


@dataclass(slots=True)
class _Running:
    told: Told
    steps: Generator[Step, News, End]
    lanes: list[Lane] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    waiting: int = 0  # which of its waits is the one that counts
    over: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """A group's health moved."""

    now: float
    group: str
    standing: Standing


class Run:
    """One policy in one world. `told` has every call, `shifts` every move of the first group's health."""

    def __init__(self, world: World, lanes: Sequence[Lane], key: Key, policy: Policy, *, patience_s: float) -> None:
        self.world = world
        self.lanes = list(lanes)
        self.key = key
        self.patience_s = patience_s
        self.board = HealthBoard(Patience())
        self.stakes = Stakes()
        self.told: list[Told] = []
        self.shifts: list[Shift] = []
        self.bills: list[tuple[float, str]] = []
        self.now = 0.0
        self.in_flight = {lane.group.name: 0 for lane in lanes}
        self._policy = policy
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._seen: dict[str, Standing] = {}

    def play(self, arrivals: Iterable[tuple[float, Ask]]) -> None:
        """Plays calls, in the order of their times, to the end of the last attempt."""
        coming = iter(arrivals)
        self._next_arrival(coming)
        while self._heap:
            self.now, _, happen = heapq.heappop(self._heap)
            happen()

    def at(self, now: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (now, next(self._order), happen))

    def plan(self, ask: Ask) -> Plan:
        views = [LaneView(lane, self.in_flight[lane.group.name], usable=True) for lane in self.lanes]
        return make_plan(ask, self.key, views, self.board, self.now)

    def _next_arrival(self, coming: Iterator[tuple[float, Ask]]) -> None:
        found = next(coming, None)
        if found is None:
            return
        at, ask = found

        def arrive() -> None:
            self._next_arrival(coming)
            told = Told(at, ask)
            self.told.append(told)
            self.stakes.call(self.now)
            running = _Running(told, self._policy(self, told, at + self.patience_s))
            self._go_on(running, None)
            self._look()

        self.at(at, arrive)

    def _go_on(self, running: _Running, news: News) -> None:
        while True:
            try:
                step = running.steps.send(news)
            except StopIteration as stop:
                self._end(running, stop.value)
                return
            match step:
                case Start(lane):
                    self._begin(running, lane)
                    news = Began(self.now)
                case Mark(number):
                    running.late.add(number)
                    self.board.late(running.tried[number], self.now)
                    self._look()
                    news = None
                case Wait(for_s):
                    self._wait(running, for_s)
                    return

    def _wait(self, running: _Running, for_s: float | None) -> None:
        running.waiting += 1
        turn = running.waiting
        if for_s is None:
            return

        def late() -> None:
            if not running.over and running.waiting == turn:
                self._go_on(running, Late(self.now))

        self.at(self.now + for_s, late)

    def _begin(self, running: _Running, lane: Lane) -> None:
        number, began_at, group = len(running.lanes), self.now, lane.group
        health = self.board.of(group, running.told.ask.model.id)
        running.lanes.append(lane)
        running.tried.append(Tried(group, running.told.ask, health.epoch))
        running.told.raced = running.told.raced or number > 0
        fate = self.world.fate(group, running.told.ask, self.now, self.in_flight[group.name])
        self.in_flight[group.name] += 1
        takes_s = _TOTAL_S if fate.takes_s is None else fate.takes_s
        came = fate.picture and takes_s < _TOTAL_S

        def ended() -> None:
            self.in_flight[group.name] -= 1
            if fate.billed:
                running.told.billed[group.name] = running.told.billed.get(group.name, 0) + 1
                self.bills.append((self.now, group.name))
            result = _PICTURE if came else _NEVER if fate.takes_s is None or fate.picture else _REFUSED
            self._note(running, number, result, self.now - began_at)
            if not running.over:
                self._go_on(running, Ended(number, result))

        self.at(self.now + takes_s, ended)

    def _note(self, running: _Running, number: int, result: Outcome, took_s: float) -> None:
        late = number in running.late
        self.board.ended(running.tried[number], result, took_s=took_s, was_late=late, now=self.now)
        self._look()

    def _end(self, running: _Running, end: End) -> None:
        running.over = True
        if end.winner is not None:
            running.told.done_at = self.now
            running.told.won_by = running.lanes[end.winner].group.name

    def _look(self) -> None:
        """Notes where the groups stand, when that has changed."""
        for (group, model), standing in self.board.standings(self.now).items():
            if self._seen.get(f"{group} {model}") is not standing:
                self._seen[f"{group} {model}"] = standing
                self.shifts.append(Shift(self.now, group, standing))


def ours(run: Run, told: Told, deadline_at: float) -> Generator[Step, News, End]:
    """The production policy, unchanged."""
    watch = Watch(run.board, run.stakes, told.ask, deadline_at)
    return failover(run.plan(told.ask), watch)


def wait(run: Run, _: Told, __: float) -> Generator[Step, News, End]:
    """No failover at all: wait for the first group."""
    yield Start(run.lanes[0])
    return (yield from _until_over())


def retry_after(timeout_s: float, cooldown_s: float = 60.0, in_a_row: int = 3) -> Policy:
    """Abandons after a timeout and asks the next group; after so many in a row that one goes first for a while."""
    state = {"failures": 0, "until": 0.0}

    def policy(run: Run, _: Told, __: float) -> Generator[Step, News, End]:
        order = list(run.lanes) if run.now >= state["until"] else list(reversed(run.lanes))
        for number, lane in enumerate(order):
            yield Start(lane)
            news = yield from _for(number, timeout_s)
            if isinstance(news, Ended) and news.outcome.verdict is Verdict.PICTURE:
                if lane is run.lanes[0]:
                    state["failures"] = 0
                return End(number)
            if lane is run.lanes[0]:
                state["failures"] += 1
                if state["failures"] >= in_a_row:
                    state["failures"], state["until"] = 0, run.now + cooldown_s
        return End(None)

    return policy


def _for(number: int, timeout_s: float) -> Generator[Step, News, News]:
    """Waits for this attempt alone; what those before it bring, nobody is there for any more."""
    news = yield Wait(timeout_s)
    while isinstance(news, Ended) and news.number != number:
        news = yield Wait(timeout_s)
    return news


def _until_over() -> Generator[Step, News, End]:
    while True:
        news = yield Wait(None)
        if isinstance(news, Ended):
            return End(news.number if news.outcome.verdict is Verdict.PICTURE else None, news.outcome)
        assert not isinstance(news, Answers)


def poisson(
    rate: float, until_s: float, asks: Sequence[tuple[Ask, float]], dice: random.Random
) -> Iterator[tuple[float, Ask]]:
    """Arrivals at a rate a second, of asks with their weights."""
    kinds, weights = [ask for ask, _ in asks], [weight for _, weight in asks]
    at = dice.expovariate(rate)
    while at < until_s:
        yield at, dice.choices(kinds, weights)[0]
        at += dice.expovariate(rate)
