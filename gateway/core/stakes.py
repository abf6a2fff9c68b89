"""How much racing there may be: a second attempt may have to be paid twice, and is more load for a group.

Counts what was begun and raced lately. Knows no clock and no money: that a race is worth its price is
decided elsewhere, that all of them together stay within bounds is decided here.
"""

# Up to this share of the calls of the last minutes may be raced: where more of them are late, racing
# costs more than the dearer group, and health opens.
_SHARE = 0.45
_FEW = 10
_WITHIN_S = 300.0
_SLICES = 30


class Stakes:
    def __init__(self) -> None:
        self._calls = [0] * _SLICES
        self._races = [0] * _SLICES
        self._slice = 0

    def call(self, now: float) -> None:
        """A call begins."""
        self._turn(now)
        self._calls[self._slice % _SLICES] += 1

    def take(self, now: float) -> bool:
        """Whether one more race may begin; if so, it counts."""
        self._turn(now)
        if sum(self._races) >= max(_FEW, _SHARE * sum(self._calls)):
            return False
        self._races[self._slice % _SLICES] += 1
        return True

    def _turn(self, now: float) -> None:
        wanted = int(now / _WITHIN_S * _SLICES)
        for passed in range(self._slice + 1, min(wanted, self._slice + _SLICES) + 1):
            self._calls[passed % _SLICES] = self._races[passed % _SLICES] = 0
        self._slice = max(self._slice, wanted)
