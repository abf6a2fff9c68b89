"""The files that rows are put away in: what is in them, and how one is known from another."""

import gzip
import io
import json

import pytest

from gateway.ledger.volumes import NOTHING, Cut, Draft, NoVolume, Row, Title, digest, follows, order, rows

LEDGER = "{t:acme}:ledger"
ROWS: list[Row] = [
    ("1790000000000-0", {"do": "reserve", "call": "call_1", "held": "5"}),
    ("1790000000000-1", {"do": "void", "why": "no „answer“\n", "held": "-5"}),
    ("1790000000007-0", {"do": "reserve", "call": "call_2", "held": "0"}),
]
AFTER = Cut("1789999999999-3", "ab" * 32)


def written(some: list[Row] = ROWS, after: Cut = AFTER, ledger: str = LEDGER) -> tuple[Title, bytes]:
    out = io.BytesIO()
    draft = Draft(out, ledger, after)
    for row in some:
        draft.add([row])
    return draft.close(), out.getvalue()


@pytest.mark.parametrize("count", range(len(ROWS) + 1))
def test_what_was_put_in_is_in_it(count: int) -> None:
    _, volume = written(ROWS[:count])
    assert list(rows(volume)) == ROWS[:count]
    assert follows(volume, LEDGER) == AFTER


def test_anybody_can_read_it() -> None:
    _, volume = written(ROWS[:1], NOTHING)
    head, row = map(json.loads, gzip.decompress(volume).splitlines())
    assert head == {"ledger": LEDGER, "after": "0-0", "digest": ""}
    assert row == {
        "ledger": LEDGER,
        "name": "1790000000000-0",
        "row": {"do": "reserve", "call": "call_1", "held": "5"},
    }


def test_it_is_named_for_its_rows_and_its_bytes() -> None:
    title, volume = written()
    assert title == Title("1790000000000-0", "1790000000007-0", digest(volume))
    assert str(title) == f"1790000000000-0_1790000000007-0_{digest(volume)[:16]}.jsonl.gz"
    assert Title.of(str(title)) == title._replace(digest=title.digest[:16])


def test_the_same_rows_are_the_same_bytes_however_they_came() -> None:
    out = io.BytesIO()
    draft = Draft(out, LEDGER, AFTER)
    draft.add(ROWS)
    assert (draft.close(), out.getvalue()) == written()
    assert written(after=NOTHING)[0].digest != written()[0].digest


@pytest.mark.parametrize(
    "name",
    [
        "1790000000000-0_1790000000007-0_0123456789abcdef.draft",
        "1790000000000_1790000000007-0_0123456789abcdef.jsonl.gz",
        "1790000000000-0_1790000000007-0_0123456789ABCDEF.jsonl.gz",
        "1790000000000-0_1790000000007-0_0123456789abcdef.jsonl.gz.part",
        "notes.jsonl.gz",
    ],
)
def test_other_files_are_none(name: str) -> None:
    assert Title.of(name) is None


def test_a_volume_that_is_torn_anywhere_is_none() -> None:
    _, volume = written()
    for length in range(len(volume)):
        with pytest.raises(NoVolume):
            list(rows(volume[:length]))


def test_a_volume_of_another_ledger_and_what_is_no_volume_are_none() -> None:
    for other in (written(ledger="{t:beta}:ledger")[1], gzip.compress(b"{}\n"), gzip.compress(b"rows\n"), b"", b"rows"):
        with pytest.raises(NoVolume):
            follows(other, LEDGER)


@pytest.mark.parametrize(
    ("one", "other"), [("0-0", "5-0"), ("5-9", "5-10"), ("999-0", "1000-0"), ("5-18446744073709551615", "6-0")]
)
def test_rows_are_in_the_order_of_their_names(one: str, other: str) -> None:
    assert order(one) < order(other)
