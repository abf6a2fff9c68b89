"""What is the same in every explanation of a log: compared with all of them, one after the other."""

from collections.abc import Iterator

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.explaining import Explanation, Who

ENTRIES = 5

WANTS = st.lists(st.lists(st.integers(0, ENTRIES - 1), unique=True), max_size=4)


def everyone(charges: list[list[int]], attempts: list[list[int]]) -> dict[Who, list[int]]:
    return {
        Who(number, kind): places for kind in (False, True) for number, places in enumerate((charges, attempts)[kind])
    }


def explanations(wants: dict[Who, list[int]], entries: frozenset[int]) -> Iterator[dict[Who, int]]:
    """All of them: each charge has an entry, each entry is somebody's, and attempts may have none."""
    if not wants:
        if not entries:
            yield {}
        return
    who, *_ = wants
    rest = {each: places for each, places in wants.items() if each != who}
    for entry in entries.intersection(wants[who]):
        for more in explanations(rest, entries - {entry}):
            yield {who: entry, **more}
    if who.attempt:
        yield from explanations(rest, entries)


def made(wants: dict[Who, list[int]], entries: frozenset[int]) -> Explanation | None:
    """One of them, from charges that have some of their entries; None: there is none."""
    charges = {who: places for who, places in wants.items() if not who.attempt}
    first = next((each for some in subsets(entries) for each in explanations(charges, some)), None)
    assume(first is not None)
    assert first is not None
    explanation = Explanation(wants, dict(first))
    given = [explanation.give(entry) for entry in sorted(entries - set(first.values()))]
    return explanation if all(given) else None


def subsets(entries: frozenset[int]) -> Iterator[frozenset[int]]:
    for bits in range(2 ** len(entries)):
        yield frozenset(entry for at, entry in enumerate(sorted(entries)) if bits >> at & 1)


@given(charges=WANTS, attempts=WANTS, count=st.integers(0, ENTRIES))
def test_what_is_sure_is_so_in_every_explanation_and_what_is_not_differs(
    charges: list[list[int]], attempts: list[list[int]], count: int
) -> None:
    entries = frozenset(range(count))
    wants = {who: [each for each in places if each < count] for who, places in everyone(charges, attempts).items()}
    every = list(explanations(wants, entries))
    explanation = made(wants, entries)
    assert (explanation is not None) == bool(every)
    if explanation is None:
        return
    assert explanation.has in every
    unsure = explanation.unsure()
    for who in (who for who in wants if who.attempt):
        had = {each.get(who) for each in every}
        assert (who.number in unsure) == (None in had and len(had) > 1)
        if who in explanation.has and who.number not in unsure:
            assert explanation.others(who) == had - {explanation.has[who]}
