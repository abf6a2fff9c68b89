"""What is sealed comes back with its key and its name alone, whole or in part, and never changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.seals import (
    CHUNK_BYTES,
    HEAD_BYTES,
    UNIT_BYTES,
    Opening,
    Sealing,
    WrongSeal,
    opened,
    part,
    sealed,
)
from tests.vault.tapes import NOISE

KEY, NAME = b"a key", "acme/name.0"
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_comes_back(size: int) -> None:
    text = sealed(KEY, NAME, NOISE[:size])
    assert opened(KEY, NAME, text) == NOISE[:size]


@given(st.lists(st.sampled_from([0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000]), max_size=6))
def test_it_is_one_thing_in_whatever_pieces_it_comes(sizes: list[int]) -> None:
    pieces = [NOISE[number : number + size] for number, size in enumerate(sizes)]
    sealing = Sealing(KEY, NAME)
    text = sealing.head + b"".join(map(sealing.feed, pieces)) + sealing.end()
    assert opened(KEY, NAME, text) == b"".join(pieces)


@given(st.sampled_from(SIZES[1:]), st.data())
def test_a_part_is_opened_without_the_rest(size: int, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(begin + 1, size))
    text = sealed(KEY, NAME, NOISE[:size])
    where = part(begin, end)
    units = text[where.begin : where.end]
    full = (len(units) - 1) // UNIT_BYTES * UNIT_BYTES
    opening = Opening(KEY, NAME, text[:HEAD_BYTES], where.first)
    found = opening.units(units[:full]) + opening.either(units[full:])
    assert found[where.before : where.before + end - begin] == NOISE[begin:end]


def changed(text: bytes, at: int) -> bytes:
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


TEXT = sealed(KEY, NAME, NOISE[: 3 * CHUNK_BYTES])
UNITS = [TEXT[at : at + UNIT_BYTES] for at in range(HEAD_BYTES, len(TEXT), UNIT_BYTES)]


PLACES = (0, 1, HEAD_BYTES, HEAD_BYTES + UNIT_BYTES, len(TEXT) - 1)

WRONG = {
    "another key": (b"another", NAME, TEXT),
    "another reply": (KEY, "acme/name.1", TEXT),
    "another team": (KEY, "other/name.0", TEXT),
    "nothing": (KEY, NAME, b""),
    "not sealed": (KEY, NAME, NOISE[:100]),
    "the head alone": (KEY, NAME, TEXT[:HEAD_BYTES]),
    "one byte less": (KEY, NAME, TEXT[:-1]),
    "one unit less": (KEY, NAME, TEXT[:-UNIT_BYTES]),
    "one unit more": (KEY, NAME, TEXT + UNITS[2]),
    "another order": (KEY, NAME, TEXT[:HEAD_BYTES] + UNITS[1] + UNITS[0] + UNITS[2]),
    "a unit left out": (KEY, NAME, TEXT[:HEAD_BYTES] + UNITS[0] + UNITS[2]),
    "another's head": (KEY, NAME, sealed(KEY, NAME, b"")[:HEAD_BYTES] + b"".join(UNITS)),
    **{f"byte {at} changed": (KEY, NAME, changed(TEXT, at)) for at in PLACES},
}


@pytest.mark.parametrize("how", WRONG)
def test_what_was_not_sealed_so_is_not_opened(how: str) -> None:
    with pytest.raises(WrongSeal):
        opened(*WRONG[how])


def test_the_same_is_never_sealed_the_same() -> None:
    assert sealed(KEY, NAME, b"text")[HEAD_BYTES:] != sealed(KEY, NAME, b"text")[HEAD_BYTES:]
