"""Which unsettled attempts have an entry of the log in every explanation of it, and which in none.

An explanation gives every charge of the books one entry that may be of it, and every entry that is left to an attempt
that it may be of. There may be many; here is one of them, and what is the same in all. Pure: charges, attempts and
entries are numbers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Who(NamedTuple):
    """A charge or an attempt, by its number among them."""

    number: int
    attempt: bool


@dataclass(slots=True)
class Explanation:
    """`wants` are the entries that may be of each charge and attempt, `has` is the one that each charge has."""

    wants: Mapping[Who, Sequence[int]]
    has: dict[Who, int]
    _holder: dict[int, Who] = field(default_factory=dict)
    _wanted_by: defaultdict[int, list[Who]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._holder = {entry: who for who, entry in self.has.items()}
        for who, entries in self.wants.items():
            for entry in entries:
                self._wanted_by[entry].append(who)

    def give(self, entry: int) -> bool:
        """Gives an entry that is left to an attempt that has none, for which others may change theirs; if it can be."""
        takes: dict[int, tuple[Who, int]] = {}  # of an entry that gets free: who leaves it, and for which
        queue = [entry]
        for free in queue:
            for who in self._wanted_by[free]:
                if (held := self.has.get(who)) is None:
                    if who.attempt:
                        self._pass_on(who, free, takes)
                        return True
                elif held not in takes:
                    takes[held] = (who, free)
                    queue.append(held)
        return False

    def unsure(self) -> frozenset[int]:
        """The attempts that have an entry in one explanation and none in another."""
        idle = [who for who in self.wants if who.attempt and who not in self.has]
        lost = self._from(entry for who in idle for entry in self.wants[who])
        changing = {holder for entry in lost if (holder := self._holder[entry]).attempt}
        ends = self._to(entry for who, entry in self.has.items() if who.attempt)
        changing.update(who for who in idle if not ends.isdisjoint(self.wants[who]))
        return frozenset(who.number for who in changing)

    def others(self, who: Who) -> frozenset[int]:
        """The entries that who has one may have instead of it, in another explanation."""
        held = self.has[who]
        return frozenset(self._to([held]).intersection(self.wants[who])) - {held}

    def _pass_on(self, who: Who, free: int, takes: Mapping[int, tuple[Who, int]]) -> None:
        while True:
            self.has[who], self._holder[free] = free, who
            if free not in takes:
                return
            who, free = takes[free]

    def _from(self, entries: Iterator[int]) -> set[int]:
        """These entries, and those that whoever loses one of them may take instead, and so on."""
        found = {entry for entry in entries if entry in self._holder}
        queue = list(found)
        for entry in queue:
            for other in self.wants[self._holder[entry]]:
                if other not in found and other in self._holder:
                    found.add(other)
                    queue.append(other)
        return found

    def _to(self, entries: Iterator[int] | Sequence[int]) -> set[int]:
        """These entries, and those from which one comes to them that way."""
        found = set(entries)
        queue = list(found)
        for entry in queue:
            for who in self._wanted_by[entry]:
                held = self.has.get(who)
                if held is not None and held not in found:
                    found.add(held)
                    queue.append(held)
        return found
