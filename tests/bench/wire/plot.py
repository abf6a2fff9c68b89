"""A picture of a run: how many times the floor each case costs, as bars on a scale where ten times is one step."""

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

_ROW, _LEFT, _WIDE, _TOP = 26, 190, 560, 52
_STEPS = 3  # of ten: up to a thousand times


def plot(ratios: Mapping[str, float]) -> str:
    """An SVG; `ratios` are by the names of the cases, each at least a tenth of the floor."""
    height = _TOP + _ROW * len(ratios) + 12
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDE + 70}" height="{height}" '
            'font-family="sans-serif" font-size="13">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="16">CPU, as many times nginx</text>',
    ]
    for step in range(_STEPS + 1):
        at = _LEFT + _WIDE * step / _STEPS
        lines += [
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 8}" y2="{height - 8}" stroke="#ccc"/>',
            f'<text x="{at:.1f}" y="{_TOP - 10}" text-anchor="middle" fill="#666">{10**step}</text>',
        ]
    for row, (name, ratio) in enumerate(ratios.items()):
        y = _TOP + _ROW * row
        wide = _WIDE * max(0.0, min(math.log10(ratio), _STEPS)) / _STEPS
        lines += [
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 3}" width="{wide:.1f}" height="{_ROW - 8}" fill="#4c78a8"/>',
            f'<text x="{_LEFT + wide + 6:.1f}" y="{y + 15}">{ratio:.2f}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
