"""Which results have to go when there is no room for another. It knows nothing of where they are.

First what is expired, then what was delivered, the oldest first. For a result that was delivered itself
nothing else goes. For any other one the oldest of the rest goes too, but nothing that is so young that its
caller is likely to be on the way back: then the new one is not kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.vault.records import Rank, Result, ResultCaps

# A result is not forced out for so long after it was made, unless it was delivered.
SAFE_S = 5 * 60.0

# What one counts at the least, however small it is: two gigabytes are 32 768 results at the most, all known by heart.
LEAST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known by heart of a result; `name` is the store's."""

    name: str
    team: str
    replies: int
    size: int
    rank: Rank
    made_at: float
    expires_at: float

    @classmethod
    def of(cls, name: str, result: Result) -> "Entry":
        size = max(LEAST_BYTES, sum(result.sizes))
        return cls(name, result.team, len(result.sizes), size, result.rank, result.made_at, result.expires_at)

    def live(self, now: float) -> bool:
        return now < self.expires_at

    def makes_way(self, other: "Entry", now: float) -> bool:
        if self.rank is Rank.GIVEN or not self.live(now):
            return True
        return other.rank is not Rank.GIVEN and now - self.made_at >= SAFE_S

    def turn(self, now: float) -> tuple[bool, bool, float]:
        """Whose turn it is to go: the least one's."""
        return self.live(now), self.rank is not Rank.GIVEN, self.made_at


class NoRoom(Exception):
    """What is kept already is worth more."""


class Room:
    """All results that this process knows of, and those that are about to be kept."""

    def __init__(self, caps: ResultCaps) -> None:
        self._caps = caps
        self._entries: dict[str, Entry] = {}
        self._coming: set[str] = set()
        self._of_team: Counter[str] = Counter()
        self.used_bytes = 0

    @contextmanager
    def make(self, entry: Entry, now: float) -> Iterator[list[Entry]]:
        """Counts an entry in, for good if the block ends well; gives what has to go for it. Raises `NoRoom`."""
        before = self._out(entry.name)
        going = self._going(entry, now)
        if going is None:
            if before is not None:
                self._in(before)
            raise NoRoom
        for each in going:
            self._out(each.name)
        self._in(entry)
        self._coming.add(entry.name)
        try:
            yield going
        except BaseException:
            self._out(entry.name)
            raise
        finally:
            self._coming.discard(entry.name)

    def change(self, entry: Entry) -> None:
        if self._out(entry.name) is not None:
            self._in(entry)

    def remove(self, name: str) -> None:
        self._out(name)

    @property
    def here(self) -> Mapping[str, Entry]:
        """What is in the store, by name, as far as is known."""
        return {name: entry for name, entry in self._entries.items() if name not in self._coming}

    def correct(self, before: Mapping[str, Entry], found: Mapping[str, Entry]) -> None:
        """`found` is in the store, after `before` was here: only what nothing was done about since then changes."""
        for name in before.keys() | found.keys():
            if self._entries.get(name) == before.get(name):
                self._out(name)
                if name in found:
                    self._in(found[name])

    def _going(self, entry: Entry, now: float) -> list[Entry] | None:
        of_team = self._of_team[entry.team] + entry.size - self._caps.team_bytes
        of_all = self.used_bytes + entry.size - self._caps.all_bytes
        if of_team <= 0 and of_all <= 0:
            return []
        ways = [each for each in self.here.values() if each.makes_way(entry, now)]
        ways.sort(key=lambda each: each.turn(now))
        of_its_team = _enough((each for each in ways if each.team == entry.team), of_team)
        if of_its_team is None:
            return None
        others = (each for each in ways if each not in of_its_team)
        of_others = _enough(others, of_all - sum(each.size for each in of_its_team))
        return None if of_others is None else of_its_team + of_others

    def _in(self, entry: Entry) -> None:
        self._entries[entry.name] = entry
        self._of_team[entry.team] += entry.size
        self.used_bytes += entry.size

    def _out(self, name: str) -> Entry | None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self._of_team[entry.team] -= entry.size
            if not self._of_team[entry.team]:
                del self._of_team[entry.team]
            self.used_bytes -= entry.size
        return entry


def _enough(ways: Iterable[Entry], needed_bytes: int) -> list[Entry] | None:
    """The first of them that are so much together; None: all of them are less."""
    taken: list[Entry] = []
    for each in ways:
        if needed_bytes <= 0:
            break
        taken.append(each)
        needed_bytes -= each.size
    return taken if needed_bytes <= 0 else None
