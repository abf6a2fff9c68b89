"""The workers of one gateway: which is to be started and when, whether all have come up, and how it ends.

A start is a start of all: until each has come up once, one that ends ends the others, as one process that cannot
start would. From then on one that ends is replaced, the later the more often it ended young. It knows nothing of
processes or of the clock: times come in as seconds, ends as exit codes, which are negative for signals.
"""

from dataclasses import dataclass

# How long the next one of a number is waited for, after so many that ended young.
_AGAIN_S = (0.1, 0.5, 2.0, 5.0, 15.0, 30.0)
_YOUNG_S = 60.0

_TERMINATED = -15


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker came to its end: an exit code, negative for a signal."""

    pid: int
    code: int

    @property
    def failed(self) -> int:
        """As the exit code of a command; who is told to end before it can listen to that has not failed."""
        return int(self.code != _TERMINATED) if self.code < 0 else self.code

    def __str__(self) -> str:
        return f"was killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of a gateway, the one of this number `of` so many, from 1. `after` is the one that had its number
    before; None: it is the first."""

    number: int = 1
    of: int = 1
    after: Ended | None = None

    def share(self, whole: int) -> int:
        """Its part of what all may have together; the parts come to the whole."""
        return whole // self.of + (self.number <= whole % self.of)


@dataclass(slots=True)
class _Place:
    """What there is of a number. `due_at` is when one is to be started, None: there is one, or none is wanted."""

    due_at: float | None = None
    began_at: float = 0.0
    alive: bool = False
    up: bool = False
    ended_young: int = 0
    after: Ended | None = None


class Crew:
    """Is told what happens to the workers, and says what is to be done. `code` is what the gateway ends with."""

    def __init__(self, of: int, now: float) -> None:
        self._places = {number: _Place() for number in range(1, of + 1)}
        self._places[1].due_at = now  # the others when it is up: what keeps one from starting is said once
        self.whole = False
        self.stopping = False
        self.code = 0

    @property
    def over(self) -> bool:
        return self.stopping and not any(place.alive for place in self._places.values())

    def due(self, now: float) -> list[Worker]:
        """Those to be started now."""
        of = len(self._places)
        places = self._places.items()
        return [Worker(number, of, each.after) for number, each in places if _passed(each.due_at, now)]

    def rest_s(self, now: float) -> float | None:
        """How long until one is due; None: nobody will be."""
        times = [each.due_at for each in self._places.values() if each.due_at is not None]
        return max(min(times) - now, 0.0) if times else None

    def began(self, number: int, now: float) -> None:
        place = self._places[number]
        place.due_at, place.began_at, place.alive = None, now, True

    def came_up(self, number: int, now: float) -> None:
        self._places[number].up = True
        if self.whole or self.stopping:
            return
        for place in self._places.values():
            if not place.alive:
                place.due_at = now
        self.whole = all(place.up for place in self._places.values())

    def ended(self, number: int, how: Ended, now: float) -> float | None:
        """One is gone: how long until the next of its number is started, None: there will be none."""
        place = self._places[number]
        place.alive, place.after = False, how
        if not self.whole and not self.stopping:
            self.code = how.failed or 1
            self.stop()
        if self.stopping:
            self.code = self.code or how.failed
            return None
        place.ended_young = place.ended_young + 1 if now - place.began_at < _YOUNG_S else 1
        again_s = _AGAIN_S[min(place.ended_young, len(_AGAIN_S)) - 1]
        place.due_at = now + again_s
        return again_s

    def stop(self) -> None:
        """No more are started."""
        self.stopping = True
        for place in self._places.values():
            place.due_at = None

    def __repr__(self) -> str:
        alive = sum(place.alive for place in self._places.values())
        return f"<Crew {alive} of {len(self._places)} alive{', stopping' if self.stopping else ''}>"


def _passed(due_at: float | None, now: float) -> bool:
    return due_at is not None and due_at <= now
