"""A rehearsal: calls arrive, are planned, tried and raced by `core` alone, on a clock that jumps.

Events wait in a heap. Each call has the generator of `core.failover`, or a naive policy in its place,
and the world says what becomes of every attempt. Nothing is awaited and nothing is slept.
"""

import gc
import heapq
import random
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from gateway.core.allowance import Caps, Purpose
from gateway.core.board import HealthBoard, Tried
from gateway.core.call import Ask
from gateway.core.groups import Lane
from gateway.core.health import Patience
from gateway.core.keys import Key
from gateway.core.move import Standing
from gateway.core.outcome import Billed, Outcome, Verdict, outcome
from gateway.core.plan import LaneView, Plan, make_plan
from gateway.core.steps import Began, Denied, End, Ended, Late, Mark, News, Start, Step, Wait
from gateway.core.tally import Pair
from gateway.core.watch import READS_S, STOOD_STILL_S
from gateway.rehearse.played import Bill, Played, Shift, Told
from gateway.rehearse.purse import Drawn, Purse, price
from gateway.rehearse.replicas import Commons, Replica
from gateway.rehearse.world import World

_PICTURE = outcome(Verdict.PICTURE, status=200)
_REFUSED = outcome(Verdict.BUSY, status=503)
_NEVER = outcome(Verdict.SILENT)

_LEARNED = Patience()

# The total time of an attempt: what has not come by then never does.
_TOTAL_S = 420.0

# Replicas tell each other what they saw, each at its own moment of every second.
_TURN_S = 1.0


Policy = Callable[["Run", Told, float], Generator[Step, News, End]]


@dataclass(slots=True)
class _Running:
    told: Told
    board: HealthBoard
    steps: Generator[Step, News, End]
    lanes: list[Lane] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    begun: dict[int, float] = field(default_factory=dict)  # when those began that are not over
    late: set[int] = field(default_factory=set)
    drawn: Drawn = field(default_factory=Drawn)
    waiting: int = 0  # which of its waits is the one that counts
    over: bool = False
    winner: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gateways go by: for how long a caller waits, how long a group stays behind, what failover may cost."""

    patience_s: float
    patience: Patience = _LEARNED
    caps: Mapping[Purpose, Caps] = field(default_factory=dict)


class Run(Played):
    """One policy in one world. Calls come to any of the replicas that are in it."""

    def __init__(
        self,
        world: World,
        lanes: Sequence[Lane],
        key: Key,
        policy: Policy,
        rules: Rules,
    ) -> None:
        super().__init__(lanes[0].group.name, world.replicas)
        self.world = world
        self.lanes = list(lanes)
        self._views = [LaneView(lane, usable=True) for lane in lanes]
        self.key = key
        self.purse = Purse(rules.caps, lanes)
        self.replicas = [Replica(number, rules.patience, []) for number in range(world.replicas)]
        self.commons = Commons()
        self.now = 0.0
        self.in_flight = {lane.group.name: 0 for lane in lanes}
        self._policy = policy
        self._patience_s = rules.patience_s
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._seen: dict[tuple[int, Pair], Standing] = {}
        self._doors = random.Random(f"doors of {world.replicas}")  # noqa: S311  to be repeated, not to be secret
        self._turns = 0  # how many of what waits in the heap are turns

    def play(self, arrivals: Iterable[tuple[float, Ask]]) -> None:
        """Plays calls, in the order of their times, to the end of the last attempt."""
        coming = iter(arrivals)
        self._next_arrival(coming)
        for replica in self.replicas:
            self._next_turn(replica, (replica.number + 1) / len(self.replicas) * _TURN_S)
        heap, pop = self._heap, heapq.heappop
        with _uncollected():
            while heap:
                self.now, _, happen = pop(heap)
                happen()

    def at(self, now: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (now, next(self._order), happen))

    def plan(self, told: Told) -> Plan:
        return make_plan(told.ask, self.key, self._views, self.replicas[told.replica].board, self.now)

    def _next_turn(self, replica: Replica, at: float) -> None:
        self._turns += 1

        def turn() -> None:
            self._turns -= 1
            commons = None if self.world.store_away(self.now) else self.commons
            replica.turn(commons, self.now, stood_still=self.now - at > STOOD_STILL_S)
            self._look(replica)
            if len(self._heap) > self._turns:  # or nothing but turns is left
                self._next_turn(replica, self.now + _TURN_S)

        self.at(self.world.awake_at(replica.number, at), turn)

    def _noticed(self, replica: int, happen: Callable[[], None]) -> None:
        """Now, or when this gateway does not stand still any more."""
        awake_at = self.world.awake_at(replica, self.now)
        if awake_at == self.now:
            happen()
        else:
            self.at(awake_at, happen)

    def _alarm(self, replica: int, at: float, ring: Callable[[], None]) -> None:
        """Rings at a moment, unless this gateway stands still then: it reads first what came meanwhile."""
        awake_at = self.world.awake_at(replica, at)
        self.at(awake_at + READS_S if awake_at - at > STOOD_STILL_S else awake_at, ring)

    def _next_arrival(self, coming: Iterator[tuple[float, Ask]]) -> None:
        found = next(coming, None)
        if found is None:
            return
        at, ask = found

        def arrive() -> None:
            self._next_arrival(coming)
            replica = self._doors.choice(self.replicas)
            told = Told(at, ask, replica.number)
            self.told.append(told)
            self._noticed(replica.number, lambda: self._take(told, replica))

        self.at(at, arrive)

    def _take(self, told: Told, replica: Replica) -> None:
        replica.stakes.call(self.now)
        running = _Running(told, replica.board, self._policy(self, told, told.arrived_at + self._patience_s))
        self._go_on(running, None)

    def _go_on(self, running: _Running, news: News) -> None:
        while True:
            try:
                step = running.steps.send(news)
            except StopIteration as stop:
                self._end(running, stop.value)
                return
            match step:
                case Start(lane, _, beside):
                    news = self._start(running, lane, beside)
                case Mark(number):
                    running.late.add(number)
                    running.board.late(running.tried[number], self.now)
                    self._look_at(running, number)
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

        self._alarm(running.told.replica, self.now + for_s, late)

    def _start(self, running: _Running, lane: Lane, beside: Sequence[Lane]) -> Began | Denied:
        number, ask = len(running.lanes), running.told.ask
        if spent := self.purse.draw(running.drawn, number, ask, self.now, lane=lane, beside=beside):
            running.told.denied = True
            return Denied(spent)
        self._begin(running, lane)
        return Began(self.now)

    def _begin(self, running: _Running, lane: Lane) -> None:
        number, began_at, group = len(running.lanes), self.now, lane.group
        health = running.board.of(group, running.told.ask.model.id)
        running.lanes.append(lane)
        running.begun[number] = began_at
        running.tried.append(Tried(group, running.told.ask, health.epoch, began_at))
        running.board.began((id(running), number), running.tried[-1], self.now)
        running.told.first = running.told.first or group.name
        running.told.attempts += 1
        fate = self.world.fate(
            group, running.told.ask, self.now, in_flight=self.in_flight[group.name], replica=running.told.replica
        )
        self.in_flight[group.name] += 1
        takes_s = _TOTAL_S if fate.takes_s is None else fate.takes_s
        came = fate.picture and takes_s < _TOTAL_S

        def ended() -> None:
            self.in_flight[group.name] -= 1
            if fate.billed:
                running.told.billed += (group.name,)
                dearer_by = self.purse.dearer_by(running.told.ask, lane)
                self.bills.append(Bill(self.now, group.name, began_at, dearer_by))
            result = _PICTURE if came else _NEVER if fate.takes_s is None or fate.picture else _REFUSED
            self._noticed(running.told.replica, lambda: self._ended(running, number, result))

        self.at(self.now + takes_s, ended)

    def _ended(self, running: _Running, number: int, result: Outcome) -> None:
        self._note(running, number, result, self.now - running.begun.pop(number))
        if not running.over:
            self._go_on(running, Ended(number, result))
        self._close(running, number, result)

    def _close(self, running: _Running, number: int, result: Outcome) -> None:
        """Puts right what was drawn, now that this attempt is over."""
        ask, lane, drawn = running.told.ask, running.lanes[number], running.drawn
        self.purse.close(drawn, number, ask, lane, result)
        if drawn.races:
            if number != running.winner and result.billed is not Billed.NO:
                drawn.lost_nanos += price(ask, lane)
            if running.over and not running.begun:
                self.purse.close_races(drawn)

    def _note(self, running: _Running, number: int, result: Outcome, took_s: float) -> None:
        late = number in running.late
        running.board.ended(
            (id(running), number), running.tried[number], result, took_s=took_s, was_late=late, now=self.now
        )
        self._look_at(running, number)

    def _end(self, running: _Running, end: End) -> None:
        running.over = True
        running.told.ended_at = self.now
        for number in running.begun:
            if number not in running.late:
                self._mark_later(running, number)
        running.winner = end.winner
        if end.winner is not None:
            running.told.done_at = self.now
            running.told.won_by = running.lanes[end.winner].group.name

    def _mark_later(self, running: _Running, number: int) -> None:
        """What lost goes on, and is evidence when it passes the line."""
        tried, began_at = running.tried[number], running.begun[number]

        def pass_line() -> None:
            if number in running.begun:
                running.late.add(number)
                running.board.late(tried, self.now)
                self._look_at(running, number)

        line_at = began_at + running.board.suspect_s(tried.group, tried.ask, began_at)
        self._alarm(running.told.replica, max(self.now, line_at), pass_line)

    def _look(self, replica: Replica) -> None:
        """Notes where the groups stand for a replica, as far as that has changed."""
        for pair, standing in replica.board.standings(self.now).items():
            self._see(replica.number, pair, standing)

    def _look_at(self, running: _Running, number: int) -> None:
        """The same of the one group whose attempt there is news of."""
        pair = running.tried[number].pair
        self._see(running.told.replica, pair, running.board.health(pair).standing(self.now))

    def _see(self, replica: int, pair: Pair, standing: Standing) -> None:
        if self._seen.get((replica, pair)) is not standing:
            self._seen[replica, pair] = standing
            self.shifts.append(Shift(self.now, pair[0], standing, replica))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage in circles: a rehearsal leaves none, and looking took a fifth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
