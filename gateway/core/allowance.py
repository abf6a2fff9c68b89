"""What failover may cost, by the hour and by the day: in groups dearer than the cheapest, and for answers that lost.

What an attempt may cost at most is drawn before it is sent, and put right when its price is known, so
that no hour and no day (UTC) ever holds more than its cap. It counts where it was sent. The store
keeps allowances in the same way (`draw`, `correct`); here is what one means, for rehearsals
and for tests, and the words for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.core.groups import Group
from gateway.core.money import ceil_nanos


class Window(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def lasts_s(self) -> int:
        return 3600 if self is Window.HOUR else 86_400


class Purpose(StrEnum):
    """What is paid for: that a dear group serves a call, or that two attempts at one are both billed."""

    PREMIUM = "premium"
    RACES = "races"


class Owner(StrEnum):
    """Whose an allowance is."""

    TEAM = "team"
    INSTALLATION = "installation"  # of all calls together
    UNKNOWN = "unknown"  # the store that would say is away


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be drawn in an hour and in a day, in nano-dollars; None: no limit."""

    hour_nanos: int | None = None
    day_nanos: int | None = None

    def of(self, window: Window) -> int | None:
        return self.hour_nanos if window is Window.HOUR else self.day_nanos


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an allowance has given in the present hour and day, in nano-dollars, and its caps."""

    caps: Caps
    hour_nanos: int = 0
    day_nanos: int = 0


@dataclass(frozen=True, slots=True)
class Exhausted:
    """An allowance that has too little left: whose it is, and in how many seconds its window begins anew."""

    purpose: Purpose
    owner: Owner
    window: Window
    anew_s: int


def extra_nanos(nanos: int, group: Group, cheapest: Fraction) -> int:
    """The part of a price that is due to its group's being dearer than the cheapest multiplier."""
    if group.multiplier <= cheapest:
        return 0
    return ceil_nanos(nanos * (1 - cheapest / group.multiplier))


def wanted(nanos: int, group: Group, rivals: Sequence[int], cheapest: Fraction) -> list[tuple[Purpose, int]]:
    """What is to be drawn, and in which order, before an attempt of this quote is sent beside others of theirs.

    Where two may be billed, the dearer is drawn: nobody knows yet which will lose.
    """
    extra = extra_nanos(nanos, group, cheapest)
    draws = [(Purpose.PREMIUM, extra)] if extra else []
    return [*draws, (Purpose.RACES, max([*rivals, nanos]))] if rivals else draws


def parted(lost_nanos: int, drawn: Sequence[int]) -> list[int]:
    """What all that lost in the races of a call cost, laid on what each race drew: none holds more than it drew.

    The last holds what is left over, which is nothing as long as no price is above its quote.
    """
    parts = []
    for nanos in drawn[:-1]:
        parts.append(min(nanos, lost_nanos))
        lost_nanos -= parts[-1]
    return [*parts, lost_nanos] if drawn else []


class Allowance:
    """One allowance in memory, exactly as the store keeps it."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self._drawn: dict[tuple[Window, int], int] = {}
        self._by_name: dict[str, tuple[int, int]] = {}  # nanos, and the second they were drawn in

    def draw(self, name: str, nanos: int, now: int) -> tuple[Window, int] | None:
        """Draws unless a window would go over its cap: that one, and the seconds until it begins anew.

        What was drawn under a name is not drawn again.
        """
        if name in self._by_name:
            return None
        for window in Window:
            cap = self.caps.of(window)
            if cap is not None and self.drawn(window, now) + nanos > cap:
                return window, window.lasts_s - now % window.lasts_s
        self._by_name[name] = (nanos, now)
        self._add(nanos, now)
        return None

    def correct(self, name: str, nanos: int) -> None:
        """Puts right what was drawn under a name, in the windows it was drawn in; the last word counts."""
        before, then = self._by_name.get(name, (None, 0))
        if before is not None:
            self._by_name[name] = (nanos, then)
            self._add(nanos - before, then)

    def drawn(self, window: Window, now: int) -> int:
        return self._drawn.get((window, now // window.lasts_s), 0)

    def _add(self, nanos: int, now: int) -> None:
        for window in Window:
            place = (window, now // window.lasts_s)
            self._drawn[place] = self._drawn.get(place, 0) + nanos
