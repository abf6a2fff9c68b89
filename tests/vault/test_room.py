"""Who goes for whom: tables of what is kept, what comes, and what has to go."""

from collections.abc import Iterable

import pytest

from gateway.vault.records import MIB, Rank, Result, ResultCaps
from gateway.vault.room import LEAST_BYTES, SAFE_S, Entry, NoRoom, Room

NOW = 1_800_000_000.0
GIVEN, WANTED, KEYED = Rank.GIVEN, Rank.WANTED, Rank.KEYED
CAPS = ResultCaps(all_bytes=10 * MIB, team_bytes=6 * MIB)
YOUNG, OLD = SAFE_S - 1, SAFE_S


def entry(name: str, rank: Rank, age_s: float, mib: int = 2, *, lasts_s: float = 900.0) -> Entry:
    """Its team is the first letter of its name."""
    made_at = NOW - age_s
    return Entry(
        name, team=name[0], replies=1, size=mib * MIB, rank=rank, made_at=made_at, expires_at=made_at + lasts_s
    )


def room(entries: Iterable[Entry], caps: ResultCaps = CAPS) -> Room:
    made = Room(caps)
    for each in entries:
        with made.make(each, NOW) as going:
            assert going == []
    return made


FULL_OF_TEAM = [("a1", GIVEN, 30.0), ("a2", WANTED, OLD), ("a3", KEYED, OLD + 1)]
OTHERS = [("b1", GIVEN, 99.0), ("b2", GIVEN, 98.0)]
FULL = [("a1", WANTED, YOUNG), ("b1", KEYED, OLD), ("b2", GIVEN, 1.0), ("c1", GIVEN, 2.0), ("c2", WANTED, OLD + 1)]

CASES = [
    ("nothing goes while there is room", [("b1", WANTED, 0.0)], ("a1", WANTED, 2), []),
    ("what was given goes first, however young", FULL_OF_TEAM, ("a4", WANTED, 2), ["a1"]),
    ("then the oldest of the others", FULL_OF_TEAM, ("a4", WANTED, 4), ["a1", "a3"]),
    ("and the rest", FULL_OF_TEAM, ("a4", KEYED, 6), ["a1", "a3", "a2"]),
    ("for what was given only what was given goes", FULL_OF_TEAM, ("a4", GIVEN, 2), ["a1"]),
    ("and nothing else", FULL_OF_TEAM, ("a4", GIVEN, 4), None),
    ("larger than what a team may have", [], ("a1", WANTED, 7), None),
    ("the team's own go for its cap", [("b1", GIVEN, 99.0), *FULL_OF_TEAM], ("a4", WANTED, 2), ["a1"]),
    ("others' go for the cap of all", FULL, ("d1", WANTED, 2), ["c1"]),
    ("as many as it takes", FULL, ("d1", WANTED, 5), ["c1", "b2", "c2"]),
    ("what is young and not given never goes", [("a1", WANTED, YOUNG), ("a2", KEYED, YOUNG)], ("a3", WANTED, 4), None),
    ("what is not kept pushes nothing out", [("a1", GIVEN, 0.0), ("a2", KEYED, YOUNG)], ("a3", WANTED, 5), None),
    ("the team's own count for both caps", [*FULL_OF_TEAM, *OTHERS], ("a4", WANTED, 3), ["a1", "a3"]),
]


@pytest.mark.parametrize(("kept", "comes", "goes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_who_goes(kept: list[tuple[str, Rank, float]], comes: tuple[str, Rank, int], goes: list[str] | None) -> None:
    made = room(entry(*each) for each in kept)
    before = made.used_bytes
    name, rank, mib = comes
    if goes is None:
        with pytest.raises(NoRoom), made.make(entry(name, rank, 0.0, mib), NOW):
            pass
        assert made.here.keys() == {each[0] for each in kept}
        assert made.used_bytes == before
        return
    with made.make(entry(name, rank, 0.0, mib), NOW) as going:
        assert [each.name for each in going] == goes
        assert name not in made.here, "it is not there yet"
    assert made.here.keys() == {name, *(each[0] for each in kept)} - set(goes)
    assert made.used_bytes == before + mib * MIB - 2 * MIB * len(goes)


def test_what_is_expired_goes_before_anything_else() -> None:
    made = room([entry("a1", GIVEN, 50.0), entry("a2", KEYED, 20.0, lasts_s=20.0), entry("a3", GIVEN, 60.0)])
    with made.make(entry("a4", GIVEN, 0.0), NOW) as going:
        assert [each.name for each in going] == ["a2"]


def test_what_is_about_to_be_kept_has_its_room_and_does_not_go() -> None:
    made = room([])
    with made.make(entry("a1", GIVEN, 9.0, 4), NOW), pytest.raises(NoRoom), made.make(entry("a2", WANTED, 0.0, 4), NOW):
        pass
    with made.make(entry("a2", WANTED, 0.0, 4), NOW) as going:
        assert [each.name for each in going] == ["a1"]


def test_what_could_not_be_kept_gives_its_room_back() -> None:
    made = room([entry("a1", GIVEN, 0.0, 4)])
    with pytest.raises(OSError, match="full"), made.make(entry("a2", WANTED, 0.0, 4), NOW):
        raise OSError("full")
    assert made.used_bytes == 0, "and what went for it is gone"


def test_a_result_that_is_kept_again_is_counted_once() -> None:
    made = room([entry("a1", WANTED, 0.0, 6)])
    with made.make(entry("a1", WANTED, 0.0, 5), NOW) as going:
        assert going == []
    with pytest.raises(NoRoom), made.make(entry("a1", WANTED, 0.0, 7), NOW):
        pass
    assert made.here == {"a1": entry("a1", WANTED, 0.0, 5)}
    assert made.used_bytes == 5 * MIB


def test_the_smallest_results_are_counted_with_what_they_cost() -> None:
    small = Result("acme", "call", "key", GIVEN, {}, (1, 2), NOW, NOW + 1)
    assert Entry.of("name", small).size == LEAST_BYTES
    large = Result("acme", "call", "key", GIVEN, {}, (LEAST_BYTES, 2), NOW, NOW + 1)
    assert Entry.of("name", large).size == LEAST_BYTES + 2


def test_what_others_did_to_the_store_is_put_right() -> None:
    made = room([entry("a1", WANTED, 0.0), entry("a2", WANTED, 0.0)])
    before = made.here
    made.correct(before, {"a1": entry("a1", GIVEN, 0.0, 1), "b1": entry("b1", KEYED, 0.0, 3)})
    assert made.here == {"a1": entry("a1", GIVEN, 0.0, 1), "b1": entry("b1", KEYED, 0.0, 3)}
    assert made.used_bytes == 4 * MIB


def test_what_we_did_meanwhile_stays() -> None:
    made = room([entry("a1", WANTED, 0.0, 1), entry("a2", WANTED, 0.0, 1)])
    before = made.here
    made.remove("a1")
    made.change(entry("a2", GIVEN, 0.0, 1))
    with made.make(entry("a3", WANTED, 0.0, 1), NOW):
        made.correct(before, before)
    made.correct(before, {})
    assert made.here == {"a2": entry("a2", GIVEN, 0.0, 1), "a3": entry("a3", WANTED, 0.0, 1)}
    made.change(entry("a1", GIVEN, 0.0, 1))
    assert made.used_bytes == 2 * MIB
