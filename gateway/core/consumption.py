"""How many tokens an answer takes: as the catalogue has it, and more and more as the upstream reports it.

Decides nothing; of two lanes that are billed otherwise it tells which will be the cheaper. Sellers
change what they count, so what was seen lately weighs more than what was measured once.
"""

from typing import NamedTuple

from gateway.core.call import Ask

# Told to think longer, the model used so many times the tokens (as the reseller measured).
_THINKING = 1.54

# What the catalogue says counts like so many answers; no answer counts less than one of so many.
_PRIOR = 4
_MOST = 50


class _Kind(NamedTuple):
    model: str
    size: str
    thinks: bool


class Consumption:
    """The mean of each kind of call, learned from complete answers."""

    def __init__(self) -> None:
        self._means: dict[_Kind, tuple[float, int]] = {}

    def output_tokens(self, ask: Ask) -> int:
        """What one answer will probably be billed for."""
        return round(self._mean(ask)[0])

    def used(self, ask: Ask, output_tokens: int) -> None:
        """An answer with a picture was reported to have taken so many."""
        mean, seen = self._mean(ask)
        seen = min(seen + 1, _MOST)
        self._means[_kind(ask)] = (mean + (output_tokens - mean) / seen, seen)

    def _mean(self, ask: Ask) -> tuple[float, int]:
        usual = ask.size_facts.usual_tokens * (_THINKING if ask.thinks_hard else 1.0)
        return self._means.get(_kind(ask), (usual, _PRIOR))


def _kind(ask: Ask) -> _Kind:
    return _Kind(ask.model.id, ask.size, ask.thinks_hard)
