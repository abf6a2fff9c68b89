"""When an attempt counts as stuck, and when it is raced: by its age, its group's health, and the caller's time."""

from dataclasses import dataclass, field

from gateway.core.board import HealthBoard
from gateway.core.call import Ask
from gateway.core.groups import Lane
from gateway.core.health import Health
from gateway.core.latency import Pace
from gateway.core.move import Standing
from gateway.core.stakes import Stakes

# What is late in a group that is only slow is raced at so many times the line.
_SLOW_LINES = 3.0

# Whoever wakes so much too late stood still: what came meanwhile is read for so long before anything is late by it.
STOOD_STILL_S = 1.0
READS_S = 2.0

# What a second attempt needs beside the time that nine of ten answers take: to be sent, and to be read.
_READ_S = 2.0


@dataclass(slots=True)
class Running:
    """An attempt under way, with what is known of it, and what is believed of its group and learned of its kind."""

    number: int
    lane: Lane
    health: Health
    pace: Pace
    epoch: int  # of that health when it began
    began_at: float
    probes: bool
    late: bool = False
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """When an attempt is to be raced. The caller waits until `deadline_at`; `rewritable` as in `Parsed.plain`.

    `stays`: the call does not leave its group, and nothing is tried again that may have been billed.
    """

    board: HealthBoard
    stakes: Stakes
    ask: Ask
    deadline_at: float
    rewritable: bool = False
    stays: bool = False
    _paces: dict[str, Pace] = field(default_factory=dict, init=False)

    def began(self, number: int, lane: Lane, now: float, *, probes: bool) -> Running:
        health = self.board.of(lane.group, self.ask.model.id)
        return Running(number, lane, health, self._pace(lane, now), health.epoch, now, probes)

    def line_s(self, attempt: Running) -> float:
        return self.board.patience.line_s(attempt.pace)

    def ripe_s(self, attempt: Running) -> float:
        """The age from which it would be raced if its group were found to be ill."""
        return attempt.pace.quantile(0.9)

    def race_at_s(self, attempt: Running, spare: Lane, now: float) -> float:
        """The age from which it may be raced on the spare lane."""
        if self.board.patience.suspect_s is not None:
            return self.board.patience.suspect_s
        health, pace = attempt.health, attempt.pace
        standing, early_s = health.standing(now), pace.quantile(0.75)
        if attempt.probes:
            age_s = early_s
        elif health.slow:
            age_s = _SLOW_LINES * pace.suspect_s
        elif health.epoch != attempt.epoch or standing is Standing.OPEN:
            age_s = self.ripe_s(attempt)
        elif standing is Standing.CLOSED:
            age_s = 2 * pace.suspect_s
        else:
            age_s = pace.suspect_s
        needed_s = self._pace(spare, now).quantile(0.9) + _READ_S
        in_time_s = self.deadline_at - attempt.began_at - needed_s
        return max(min(age_s, in_time_s), min(age_s, early_s))

    def _pace(self, lane: Lane, now: float) -> Pace:
        pace = self._paces.get(lane.group.name)
        if pace is None:
            pace = self._paces[lane.group.name] = self.board.pace(lane.group, self.ask, now)
        return pace
