"""What was used, added up by whatever somebody asks for. Pure.

The books count lines: what one key used on one model, size and group, by one route, in one day or one hour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.errors import BadRequest


class By(StrEnum):
    """What may be told apart."""

    DAY = "day"
    TEAM = "team"
    KEY = "key"
    MODEL = "model"
    SIZE = "size"
    GROUP = "group"
    ROUTE = "route"
    HOUR = "hour"


USUAL = (By.DAY, By.TEAM, By.KEY, By.MODEL, By.SIZE, By.GROUP)


@dataclass(frozen=True, slots=True)
class Figures:
    """`saved_nanos` and `list_nanos` as in `Charge`; `below_list_nanos` is how much less was paid than the list asks,
    of the calls of which that is known.

    Of the calls `left` are those whose caller had gone, and `bare` those whose answer had no picture; what these cost
    is in `nanos` too.
    """

    calls: int = 0
    pictures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    nanos: int = 0
    saved_nanos: int = 0
    list_nanos: int = 0
    below_list_nanos: int = 0
    left: int = 0
    left_nanos: int = 0
    bare: int = 0
    bare_nanos: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class UsageLine:
    """Figures of what `By` tells apart. Times are UTC: `day` as 2026-11-27, `hour` as 2026-11-27T09:00Z.

    `hour` is empty where whole days are counted, `route` where an earlier release has counted.
    """

    day: str
    team: str
    key: str
    model: str
    size: str
    group: str
    route: str
    hour: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was used by all lines that are alike in `names`, which are of what was asked for, in that order."""

    names: tuple[str, ...]
    figures: Figures


def by_words(text: str | None) -> tuple[By, ...]:
    """What is to be told apart, in words: "team,model". None: the usual. Raises `BadRequest`."""
    if text is None:
        return USUAL
    words = [word.strip() for word in text.split(",")]
    unknown = [word for word in words if word not in set(By)]
    if unknown:
        raise BadRequest(f"{unknown[0]!r} is none of {', '.join(By)}", param="by")
    if len(set(words)) < len(words):
        raise BadRequest("the same word is there twice", param="by")
    return tuple(map(By, words))


def added_up(lines: Iterable[UsageLine], by: Sequence[By]) -> list[UsageRow]:
    """A row for each that differs in `by`, in the order of their names."""
    sums: dict[tuple[str, ...], Figures] = {}
    for line in lines:
        names = tuple(getattr(line, each) for each in by)
        sums[names] = sums.get(names, Figures()) + line.figures
    return [UsageRow(names, sums[names]) for names in sorted(sums)]
