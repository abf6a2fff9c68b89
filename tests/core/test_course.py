"""What a call went through is told in a few bytes, and read as it was."""

from dataclasses import replace

import pytest

from gateway.core.course import Charged, Finished, Sent, Step, steps_of, words_of
from gateway.core.outcome import Billed, Verdict

WON = Finished("Default", "Default", Verdict.PICTURE, 200, 12_345, 55_000_000, Billed.YES, won=True)
BUSY = Finished("Default", "Default", Verdict.BUSY, 429, 312, 0, Billed.NO)
LOST = Finished("NanoBananaEnterprise", "spare", Verdict.LOST, None, 40_000, 77_000_000, Billed.MAYBE)
CUT = Finished("Default", "Default", Verdict.CUT, 200, 9, 55_000_000, Billed.YES)
ODD = Finished("a,b;c 50 %", "ü|:1", Verdict.FAILED, 500, 0, 0, Billed.NO)

# What was tried, whether the row charges it, the words, and what is read from them.
CASES: list[tuple[list[Finished | Sent], bool, str, list[Step]]] = [
    ([], False, "", []),
    ([WON], True, "12345", [Charged(12_345)]),
    ([BUSY, WON], True, "Default,,busy:429,312,;12345", [BUSY, Charged(12_345)]),
    ([Sent("Default", "Default"), WON], True, "Default,;12345", [Sent("Default", "Default"), Charged(12_345)]),
    ([BUSY, LOST], False, "Default,,busy:429,312,;NanoBananaEnterprise,spare,lost,40000,77000000?", [BUSY, LOST]),
    ([replace(CUT, won=True)], False, "Default,,cut,9,55000000", [replace(CUT, status=None)]),
    ([ODD], False, "a%2Cb%3Bc 50 %25,%C3%BC%7C:1,failed:500,0,", [ODD]),
    ([Sent("Default", "b")], False, "Default,b", [Sent("Default", "b")]),
]


@pytest.mark.parametrize(("tried", "charged", "words", "read"), CASES)
def test_a_trail_is_read_as_it_was_written(
    tried: list[Finished | Sent], charged: bool, words: str, read: list[Step]
) -> None:
    assert words_of(tried, charged=charged) == words
    assert list(steps_of(words)) == read


def test_what_a_later_release_adds_to_an_attempt_is_passed_over() -> None:
    assert list(steps_of("Default,,busy:429,312,,more,words")) == [BUSY]
