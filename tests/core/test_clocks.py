"""Whether a log and the books tell the same time, and what is said where they do not."""

from collections.abc import Sequence
from datetime import UTC, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.clocks import Agreement, Clocks
from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry

T = 1_790_000_000.0
H = 3600.0
PRICE, DEARER = 90_000_000, 126_000_000

Call = tuple[float, int]

# Some calls of a quiet day.
DAY: tuple[Call, ...] = ((0.0, PRICE), (700.0, PRICE), (2 * H, DEARER), (5.3 * H, PRICE), (9 * H, PRICE))


def look(
    theirs: Sequence[Call], ours: Sequence[Call], *, zone: tzinfo = UTC, group: str = "Default", unit: int = 1
) -> Agreement:
    clocks = Clocks(zone)
    for after, nanos in theirs:
        clocks.theirs(Entry(T + after, "pro", group, nanos, unit))
    for after, nanos in ours:
        clocks.ours(Paid("att_1", T + after, "pro", "Default", nanos, exact=True))
    return clocks.agreement()


def moved(calls: Sequence[Call], by_s: float) -> list[Call]:
    return [(after + by_s, nanos) for after, nanos in calls]


# What it is, the log, the books; how many charges are checked and found, and by how much the log is ahead.
CASES = [
    ("the same", DAY, DAY, (5, 5, 0.0)),
    ("written a little later", DAY, moved(DAY, 3.0), (5, 5, 0.0)),
    ("a log with more in it", (*DAY, (7 * H, PRICE)), DAY, (5, 5, 0.0)),
    ("a log that lacks one", DAY, (*DAY, (7 * H, PRICE)), (6, 5, 0.0)),
    ("charges of another day", DAY, (*DAY, *moved(DAY, 30 * H)), (5, 5, 0.0)),
    ("eight hours ahead", moved(DAY, 8 * H), DAY, (1, 0, 8 * H)),
    ("behind, in a zone of half hours", moved(DAY, -5.5 * H), DAY, (3, 0, -5.5 * H)),
    ("a day that is over before it begins", moved(DAY, 12 * H), DAY, (0, 0, 12 * H)),
    ("another price", [(after, nanos + 1) for after, nanos in DAY], DAY, (5, 5, 0.0)),
    ("nothing of ours", DAY, (), (0, 0, 0.0)),
    ("an empty log", (), DAY, (0, 0, 0.0)),
]


@pytest.mark.parametrize(("what", "theirs", "ours", "found"), CASES, ids=[row[0] for row in CASES])
def test_what_is_looked_for_and_what_is_found(
    what: str, theirs: Sequence[Call], ours: Sequence[Call], found: tuple[int, int, float]
) -> None:
    made = look(theirs, ours)
    assert (made.checked, made.found, made.ahead_s) == found


# What it is, which charges of the day the log has and to which hour it is said to go; between which there are gaps.
INF = float("inf")
GAPS = [
    ("all of them", (0, 1, 2, 3, 4), 9, []),
    ("not one in the middle", (0, 1, 3, 4), 9, [(700.0, 5.3 * H)]),
    ("not the first ones", (2, 3, 4), 9, [(-INF, 2 * H)]),
    ("not the last ones", (0, 1, 2), 12, [(2 * H, INF)]),
    ("a log that ends before them", (0, 1, 2), 2, []),
    ("every other", (0, 2, 4), 9, [(0.0, 2 * H), (2 * H, 9 * H)]),
]


@pytest.mark.parametrize(("what", "has", "hours", "gaps"), GAPS, ids=[row[0] for row in GAPS])
def test_where_a_log_lacks_charges_it_has_gaps(
    what: str, has: Sequence[int], hours: int, gaps: list[tuple[float, float]]
) -> None:
    clocks = Clocks(UTC)
    for number in has:
        clocks.theirs(Entry(T + DAY[number][0], "pro", "", PRICE, 1))
    clocks.covers(T - H if 0 not in has else T, T + hours * H)
    for after, nanos in DAY:
        clocks.ours(Paid("att_1", T + after, "pro", "Default", nanos, exact=True))
    assert [(begins - T, ends - T) for begins, ends in clocks.agreement().gaps] == gaps


# What is known; what is said of it.
SAID = [
    (Agreement(5, 5, 0.0, timedelta()), None),
    (Agreement(6, 3, 0.0, timedelta()), None),
    (Agreement(6, 2, 0.0, timedelta()), "lacks 4 of 6 charges"),
    (Agreement(0, 0, 0.0, timedelta()), "nothing shows that its clock is ours"),
    (Agreement(4, 0, 8 * H, timedelta()), "8 h ahead of ours; they fit with --time-zone Etc/GMT-8, which is UTC+8"),
    (Agreement(4, 3, -5.5 * H, timedelta()), "5.5 h behind ours; they fit with --time-zone ZONE"),
]


@pytest.mark.parametrize(("made", "says"), SAID, ids=[str(row[1]) for row in SAID])
def test_what_is_said_of_it(made: Agreement, says: str | None) -> None:
    assert made.doubt is None if says is None else says in (made.doubt or "")


# The zone that times were taken to be of, by how much they are ahead then; the one they are of.
ZONES = [
    ("Asia/Shanghai", -8 * H, "UTC"),
    ("America/New_York", 12 * H, "Etc/GMT-8, which is UTC+8"),
    ("UTC", -7 * H, "Etc/GMT+7, which is UTC-7"),
]


@pytest.mark.parametrize(("zone", "by_s", "name"), ZONES)
def test_the_zone_that_a_log_is_of_is_named(zone: str, by_s: float, name: str) -> None:
    assert (look(moved(DAY, by_s), DAY, zone=ZoneInfo(zone)).doubt or "").endswith(f"--time-zone {name}")


def test_a_log_that_rounds_and_has_no_groups_agrees_too() -> None:
    rounded = [(after, round(nanos, -7)) for after, nanos in DAY]
    assert look(rounded, DAY, group="", unit=10_000_000).doubt is None


def test_estimates_and_what_was_found_out_later_are_not_looked_for() -> None:
    clocks = Clocks(UTC)
    clocks.theirs(Entry(T, "pro", "Default", PRICE, 1))
    clocks.ours(Paid("att_1", T, "pro", "Default", PRICE, exact=False))
    clocks.ours(Paid("att_2", T, "pro", "Default", PRICE, exact=True, reach_s=900.0))
    clocks.ours(Paid("att_3", T, "flash", "Default", PRICE, exact=True))
    assert clocks.agreement().checked == 0


def test_of_many_calls_few_are_kept_and_the_zone_is_told_all_the_same() -> None:
    many = [(7.0 * number, PRICE + number) for number in range(100_000)]
    for by_s in (0.0, 8 * H):
        clocks = Clocks(UTC)
        for after, nanos in reversed(many):
            clocks.theirs(Entry(T + after + by_s, "pro", "", nanos, 1))
        for after, nanos in many:
            clocks.ours(Paid("att_1", T + after, "pro", "Default", nanos, exact=True))
        assert clocks._count <= 20_000
        assert len(clocks._paid) <= 20_000
        made = clocks.agreement()
        assert made.ahead_s == by_s
        assert made.found == made.checked > 0


@given(
    calls=st.lists(st.tuples(st.floats(0, 40 * H), st.integers(1, 3)), min_size=3, max_size=60),
    quarters=st.integers(-56, 56),
)
def test_a_log_of_our_own_zone_is_never_doubted(calls: list[Call], quarters: int) -> None:
    assert look(calls, calls).doubt is None
    other = look(moved(calls, quarters * 900.0), calls)
    assert other.doubt is not None or other.found * 2 >= other.checked > 0, "by chance it may look right"
