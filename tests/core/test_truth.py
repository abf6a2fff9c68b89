import pytest

from gateway.core.truth import Shortfall, shortfall
from tests.facts import FLASH, ask

ROWS = [
    ("1K", "1:1", (1024, 1024), None),
    ("1K", "16:9", (1024, 576), None),
    ("1K", "16:9", (1000, 570), None),
    ("4K", "1:1", (1024, 1024), Shortfall.SMALLER),
    ("2K", "16:9", (1024, 576), Shortfall.SMALLER),
    ("1K", "16:9", (1024, 1024), Shortfall.OTHER_SHAPE),
    ("1K", "9:16", (1024, 576), Shortfall.OTHER_SHAPE),
    ("1K", None, (1024, 1024), None),
    ("1K", None, (1376, 768), None),
    ("2K", None, (1024, 1024), Shortfall.SMALLER),
    ("1K", "1:1", None, None),
    ("1K", "1:1", (0, 10), None),
]


@pytest.mark.parametrize(("size", "ratio", "pixels", "expected"), ROWS)
def test_a_picture_is_held_against_what_was_asked(
    size: str, ratio: str | None, pixels: tuple[int, int] | None, expected: Shortfall | None
) -> None:
    asked = ask(FLASH, size=size)
    object.__setattr__(asked, "ratio", ratio)
    assert shortfall(asked, pixels) is expected
