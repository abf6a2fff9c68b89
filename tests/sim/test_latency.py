"""How long the simulator takes when it is told a law."""

from statistics import median

import pytest

from gateway.sim import tables
from gateway.sim.ask import Ask, Turn, Wishes, make
from gateway.sim.latency import Lognormal, read_lognormal
from gateway.sim.reply import dice

LAW = "512=6,1K=7,2K=12,4K=20,thinking=14,sigma=0.33"


def asked(size: str, level: str | None = None, model: str = "gemini-3.1-flash-image") -> Ask:
    named = tables.find(model)
    assert named is not None
    return make(named, [Turn("user", ("A heron",), ())], Wishes(size=size, level=level))


def middle(law: Lognormal, ask: Ask) -> float:
    return median(law.seconds(ask, dice(0, nth)) for nth in range(2000))


@pytest.mark.parametrize(
    ("ask", "seconds"),
    [
        (asked("1K"), 7.0),
        (asked("4K"), 20.0),
        (asked("1K", "high"), 21.0),
        (asked("2K", model="gemini-3-pro-image"), 18.0),
    ],
)
def test_half_of_the_answers_take_longer_than_the_median_that_was_told(ask: Ask, seconds: float) -> None:
    assert middle(read_lognormal(LAW), ask) == pytest.approx(seconds, rel=0.05)


def test_sigma_is_how_far_they_spread() -> None:
    law = read_lognormal(LAW)
    taken = sorted(law.seconds(asked("1K"), dice(0, nth)) for nth in range(2000))
    assert taken[1680] / taken[1000] == pytest.approx(1.39, rel=0.05)  # one sigma: e ** 0.33


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1K=7", "512, 2K, 4K, sigma must be told too"),
        ("512=6,1K=7,2K=12,4K=20,8K=40,sigma=0", "'8K' is none of 512"),
        ("512=six,1K=7,2K=12,4K=20,sigma=0", "512 is a number that is not negative; not 'six'"),
        ("512=6,1K=7,2K=12,4K=20,sigma=-1", "sigma is a number that is not negative; not '-1'"),
    ],
)
def test_a_law_that_cannot_be_read_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_lognormal(text)
