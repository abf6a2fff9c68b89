"""Whoever turns the pages sees every call once, the newest first, however many ledgers they come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.core.paging import Place, Read, cursor_of, page_of, place_of

# A row of a ledger: when, and whether it begins a call that is wanted.
ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2), st.booleans()), max_size=12, unique_by=lambda row: row[:2]
)
LEDGERS = st.dictionaries(st.sampled_from(["acme", "beta", "a b", "ü"]), ROWS, max_size=4)


def read(ledger: dict[Place, bool], after: Place | None, limit: int, most: int) -> Read:
    """As the ledger is read: from a place on back, so many calls or so many rows at most."""
    places: list[Place] = []
    rows = [place for place in sorted(ledger, reverse=True) if after is None or behind(place, after)]
    for count, place in enumerate(rows, start=1):
        if ledger[place]:
            places.append(place)
        if len(places) == limit or count == most:
            return Read(places, place)
    return Read(places, None)


def behind(place: Place, after: Place) -> bool:
    """What a store gives that is asked for rows before what `Place.before` says."""
    before = after.before(place.team)
    bound = Place.of(before.removeprefix("("), "")[:2]
    return place[:2] < bound if before.startswith("(") else place[:2] <= bound


@given(LEDGERS, st.integers(1, 4), st.integers(1, 5))
def test_every_call_is_on_one_page_in_its_order(
    ledgers: dict[str, list[tuple[int, int, bool]]], limit: int, most: int
) -> None:
    books = {team: {Place(ms, number, team): wanted for ms, number, wanted in rows} for team, rows in ledgers.items()}
    wanted = sorted((place for ledger in books.values() for place in ledger if ledger[place]), reverse=True)
    seen: list[Place] = []
    after: Place | None = None
    for _ in range(100):
        page, after = page_of([read(ledger, after, limit, most) for ledger in books.values()], limit)
        assert len(page) <= limit
        seen += page
        if after is None:
            break
        assert place_of(cursor_of(after)) == after
    assert after is None
    assert seen == wanted


@pytest.mark.parametrize("cursor", ["", "x", "-", "☃", "MTIz", "eCB5IHo", "A" * 1000])
def test_a_cursor_that_was_not_handed_out_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest) as refused:
        place_of(cursor)
    assert refused.value.param == "cursor"
