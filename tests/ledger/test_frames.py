"""What stands in a journal, and what of it can be believed after a crash."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.frames import Entry, Left, Write, framed, left_of, unframed

A, B, C = (Write("void", (f"key of {name}",), (name, "ü \x00")) for name in "abc")

ENTRIES = [
    Entry(1000.25, in_case=((1, A), (2, B))),
    Entry(1001.0, owed=((3, C),), over=(1,)),
    Entry(1002.0, over=(3,)),
]
FILE = b"".join(framed(entry) for entry in ENTRIES)
ENDS = [len(b"".join(framed(entry) for entry in ENTRIES[:count])) for count in range(len(ENTRIES) + 1)]


def test_what_was_written_is_read() -> None:
    found = unframed(FILE)
    assert (found.entries, found.ends, found.damaged) == (ENTRIES, len(FILE), 0)
    assert unframed(b"").entries == []


@pytest.mark.parametrize("length", range(len(FILE)))
def test_of_a_torn_file_all_whole_entries_are_read(length: int) -> None:
    whole = sum(end <= length for end in ENDS[1:])
    for tail in (b"", bytes(40), b"\xff" * 40):
        found = unframed(FILE[:length] + tail if length != ENDS[whole] or not tail else FILE[:length])
        assert found.entries[:whole] == ENTRIES[:whole]
        assert len(found.entries) == whole
        assert found.damaged == 0


TORN = [
    ("nothing after it", b"", 3, 0),
    ("zeros, as a file system leaves them", bytes(4096), 3, 0),
    ("a length that cannot be", b"\xff\xff\xff\xff" + bytes(100), 3, 0),
    ("half a head", FILE[:3], 3, 0),
    ("an entry whose last byte is not there", FILE[: ENDS[1] - 1], 3, 0),
    ("an entry that is not what was summed up", FILE[: ENDS[1] - 1] + b"!", 3, 0),
]


@pytest.mark.parametrize(("tail", "entries", "damaged"), [row[1:] for row in TORN], ids=[row[0] for row in TORN])
def test_a_tail_that_is_torn_was_promised_to_nobody(tail: bytes, entries: int, damaged: int) -> None:
    found = unframed(FILE + tail)
    assert (len(found.entries), found.ends, found.damaged) == (entries, len(FILE), damaged)


def test_a_damaged_entry_between_whole_ones_is_passed_over_and_counted() -> None:
    for place in range(ENDS[1] + 8, ENDS[2]):
        found = unframed(FILE[:place] + bytes([FILE[place] ^ 0x20]) + FILE[place + 1 :])
        assert (found.entries, found.ends, found.damaged) == ([ENTRIES[0], ENTRIES[2]], len(FILE), 1)


LEFT = [
    (1, Left(owed={}, in_case={1: A, 2: B})),
    (2, Left(owed={3: C}, in_case={2: B})),
    (3, Left(owed={}, in_case={2: B})),
]


@pytest.mark.parametrize(("read", "left"), LEFT)
def test_what_is_left_is_what_was_promised_and_is_not_over(read: int, left: Left) -> None:
    assert left_of(ENTRIES[:read]) == left


@given(seed=st.integers(0, 2**32), cut=st.floats(0, 1))
def test_wherever_it_is_cut_nothing_that_is_over_comes_back_and_nothing_promised_is_lost(seed: int, cut: float) -> None:
    dice, promised, over = random.Random(seed), 0, set[int]()
    entries: list[Entry] = []
    for _ in range(dice.randrange(1, 30)):
        owed = tuple((promised := promised + 1, A) for _ in range(dice.randrange(3)))
        ended = tuple(number for number in range(1, promised + 1) if dice.random() < 0.3)
        entries.append(Entry(0.0, owed=owed, over=ended))
    whole = round(cut * len(entries))
    data = b"".join(framed(entry) for entry in entries[:whole])
    torn = framed(entries[whole])[:-1] if whole < len(entries) else b""
    left = left_of(unframed(data + torn).entries)
    made = {number for entry in entries[:whole] for number, _ in entry.owed}
    over = {number for entry in entries[:whole] for number in entry.over}
    assert set(left.owed) == made - over
