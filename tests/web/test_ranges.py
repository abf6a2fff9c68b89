"""Which part is wanted: RFC 9110 as a table, and beside what slices are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.ranges import Span, Unsatisfiable, unchanged, wanted

ETAG = '"call_1.1"'

ASKED: list[tuple[str, Span | None]] = [
    ("bytes=0-0", Span(0, 1)),
    ("bytes=0-99", Span(0, 100)),
    ("bytes=0-100", Span(0, 100)),
    ("bytes=99-", Span(99, 100)),
    ("bytes=10-19", Span(10, 20)),
    ("bytes=10-999999999999999999", Span(10, 100)),
    ("bytes=-1", Span(99, 100)),
    ("bytes=-100", Span(0, 100)),
    ("bytes=-101", Span(0, 100)),
    ("Bytes=5-6", Span(5, 7)),
    ("bytes= 5-6 ", Span(5, 7)),
    # What is not understood is not there.
    ("", None),
    ("bytes", None),
    ("bytes=", None),
    ("bytes=-", None),
    ("bytes=6-5", None),
    ("bytes=a-b", None),
    ("bytes=+1-2", None),
    ("bytes=1-2,4-5", None),
    ("bytes=\u0661-\u0662", None),
    ("bytes=0-9999999999999999999", None),
    ("pages=1-2", None),
]


@pytest.mark.parametrize(("asked", "part"), ASKED)
def test_a_part_of_a_hundred_bytes(asked: str, part: Span | None) -> None:
    assert wanted({"range": asked}, size=100, etag=ETAG) == part


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=999999-", "bytes=-0"])
def test_what_is_not_there_cannot_be_had(asked: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted({"range": asked}, size=100, etag=ETAG)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_of_nothing_nothing_can_be_had(asked: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted({"range": asked}, size=0, etag=ETAG)


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        (ETAG, Span(5, 7)),
        (f" {ETAG}", Span(5, 7)),
        (f"W/{ETAG}", None),
        ('"another"', None),
        ("Fri, 27 Nov 2026 10:00:00 GMT", None),
        ("", None),
    ],
)
def test_a_part_only_of_what_somebody_has_the_rest_of(condition: str, part: Span | None) -> None:
    assert wanted({"range": "bytes=5-6", "if-range": condition}, size=100, etag=ETAG) == part
    assert wanted({"if-range": condition}, size=100, etag=ETAG) is None


@pytest.mark.parametrize(
    ("condition", "known"),
    [
        (ETAG, True),
        (f"W/{ETAG}", True),
        (f'"other", {ETAG}', True),
        ("*", True),
        ('"other"', False),
        ("", False),
        (ETAG.strip('"'), False),
    ],
)
def test_whoever_has_it_is_not_sent_it(condition: str, known: bool) -> None:
    assert unchanged({"if-none-match": condition}, ETAG) is known


@given(size=st.integers(1, 50), first=st.integers(0, 60), more=st.integers(0, 60))
def test_a_part_is_a_slice(size: int, first: int, more: int) -> None:
    content = bytes(range(size))
    asked = {f"bytes={first}-{first + more}": content[first : first + more + 1], f"bytes={first}-": content[first:]}
    for header, expected in (*asked.items(), (f"bytes=-{more}", content[-more:] if more else b"")):
        try:
            part = wanted({"range": header}, size=size, etag=ETAG)
        except Unsatisfiable:
            assert expected == b""
        else:
            assert part is not None
            assert content[part.begin : part.end] == expected != b""
