"""A rehearsal as a picture: how the group stood, where the traffic went, how long callers waited, what it cost.

SVG, drawn by hand: four strips over one axis of time, so that a cause is above its effects.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise

from gateway.core.move import Standing
from gateway.rehearse.played import Played, Told
from gateway.rehearse.scenarios import Scenario

_WIDE, _LEFT, _RIGHT = 960, 70, 20
_STRIP, _GAP, _TOP = 110, 28, 64

_COLORS = {
    Standing.CLOSED: "#3fa66b",
    Standing.SUSPECT: "#e8c24a",
    Standing.OPEN: "#d1495b",
    Standing.HALF: "#e88c4a",
    Standing.RAMP: "#5b8fd1",
}
_INK, _PALE, _GRID = "#22313f", "#7d8a96", "#dfe5ea"

Series = list[tuple[float, float]]


def timeline(played: Played, scenario: Scenario, multipliers: Mapping[str, float], title: str) -> str:
    """The picture of one run, from five minutes before the trouble to the end."""
    begin, end = max(0.0, scenario.begins_s - 300.0), scenario.over_s
    step = max(10.0, (end - begin) / 120)
    usual = played.usual
    told = [each for each in played.told if begin <= each.arrived_at < end]

    def over(value: Callable[[Sequence[Told]], float | None]) -> Series:
        slots: dict[int, list[Told]] = {}
        for each in told:
            slots.setdefault(int((each.arrived_at - begin) / step), []).append(each)
        found = ((begin + (slot + 0.5) * step, value(calls)) for slot, calls in sorted(slots.items()))
        return [(at, each) for at, each in found if each is not None]

    axis = _Axis(begin, end)
    strips = [
        _strip("calls that went elsewhere first, %", 100.0, [(over(lambda of: _share(of, usual)), "#5b8fd1")], axis, 1),
        _strip(
            "seconds that callers waited: half, nine of ten",
            120.0,
            [(over(lambda of: _took(of, 0.5)), _INK), (over(lambda of: _took(of, 0.9)), _PALE)],
            axis,
            2,
        ),
        _strip(
            "billed for a picture, x the usual price",
            3.0,
            [(over(lambda of: _cost(of, multipliers)), "#d1495b")],
            axis,
            3,
        ),
    ]
    high = _TOP + 4 * (_STRIP + _GAP)
    body = "".join([_head(title, scenario), _standings(played, axis), *strips, _clock(axis, scenario, high)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {high}" font-family="sans-serif" '
        f'font-size="12" fill="{_INK}"><rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )


class _Axis:
    """Seconds as places on the paper."""

    def __init__(self, begin: float, end: float) -> None:
        self.begin, self.end = begin, end

    def x(self, at: float) -> float:
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return round(_LEFT + share * (_WIDE - _LEFT - _RIGHT), 1)


def _head(title: str, scenario: Scenario) -> str:
    return (
        f'<text x="{_LEFT}" y="26" font-size="17" font-weight="bold">{escape(title)}</text>'
        f'<text x="{_LEFT}" y="45" fill="{_PALE}">{escape(scenario.what)}</text>'
    )


def _standings(played: Played, axis: _Axis) -> str:
    group = played.usual
    moves = [(shift.now, shift.standing) for shift in played.shifts if shift.group == group and not shift.replica]
    moves = [(0.0, Standing.CLOSED), *moves, (axis.end, Standing.CLOSED)]
    bars = []
    for (at, standing), (until, _) in pairwise(moves):
        wide = round(axis.x(until) - axis.x(at), 1)
        if wide > 0:
            place = f'x="{axis.x(at)}" y="{_TOP + 22}" width="{wide}" height="{_STRIP - 50}"'
            bars.append(f'<rect {place} fill="{_COLORS[standing]}"/>')
    legend = "".join(
        f'<rect x="{_LEFT + 90 * at}" y="{_TOP + _STRIP - 18}" width="11" height="11" fill="{color}"/>'
        f'<text x="{_LEFT + 90 * at + 16}" y="{_TOP + _STRIP - 8}">{standing}</text>'
        for at, (standing, color) in enumerate(_COLORS.items())
    )
    whose = "the gateway" if played.gateways == 1 else f"the first of {played.gateways} gateways"
    words = f"what {whose} believes of {escape(played.usual)}"
    return f'<text x="{_LEFT}" y="{_TOP + 14}">{words}</text>{"".join(bars)}{legend}'


def _strip(title: str, most: float, lines: Iterable[tuple[Series, str]], axis: _Axis, place: int) -> str:
    top = _TOP + place * (_STRIP + _GAP) + 20
    high = _STRIP - 20

    def y(value: float) -> float:
        return round(top + high * (1 - min(value, most) / most), 1)

    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y(value)}" y2="{y(value)}" stroke="{_GRID}"/>'
        f'<text x="{_LEFT - 8}" y="{y(value) + 4}" text-anchor="end" fill="{_PALE}">{value:g}</text>'
        for value in (0.0, most / 2, most)
    )
    drawn = "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.6" points="'
        + " ".join(f"{axis.x(at)},{y(value)}" for at, value in series)
        + '"/>'
        for series, color in lines
    )
    return f'<text x="{_LEFT}" y="{top - 6}">{escape(title)}</text>{grid}{drawn}'


def _clock(axis: _Axis, scenario: Scenario, high: int) -> str:
    """When the trouble began and ended, and minutes from its beginning."""
    edges = "".join(
        f'<line x1="{axis.x(at)}" x2="{axis.x(at)}" y1="{_TOP}" y2="{high - 24}" stroke="{_INK}" '
        'stroke-dasharray="3 3"/>'
        for at in (scenario.begins_s, scenario.ends_s)
    )
    every = next(each for each in (60, 300, 900, 3600, 14_400) if (axis.end - axis.begin) / each <= 30)
    first = int((axis.begin - scenario.begins_s) // every)
    last = int((axis.end - scenario.begins_s) // every)
    marks = "".join(
        f'<text x="{axis.x(scenario.begins_s + at * every)}" y="{high - 8}" text-anchor="middle" fill="{_PALE}">'
        f"{at * every // 60} min</text>"
        for at in range(first + 1, last + 1, 2)
    )
    return edges + marks


def _share(of: Sequence[Told], usual: str) -> float:
    return 100.0 * sum(told.first != usual for told in of) / len(of)


def _took(of: Sequence[Told], share: float) -> float | None:
    took = sorted(told.done_at - told.arrived_at for told in of if told.done_at is not None)
    return took[min(len(took) - 1, int(share * len(took)))] if took else None


def _cost(of: Sequence[Told], multipliers: Mapping[str, float]) -> float | None:
    done = sum(told.done_at is not None for told in of)
    return sum(multipliers[group] for told in of for group in told.billed) / done if done else None
