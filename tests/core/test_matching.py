"""Which unsettled attempts the seller's log resolves, and of which it says nothing certain."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.clocks import Agreement
from gateway.core.findings import KEPT_S, MARGIN_S, REACH_S, Finding
from gateway.core.matching import Log, Nearby, findings
from gateway.core.reconcile import Paid
from gateway.core.sellerlog import Entry
from gateway.core.unsettled import Resolved, Unsettled

T = 1_790_000_000.0  # when the first attempt was sent
PRICE = 90_000_000
BILLED, UNBILLED = Resolved.BILLED, Resolved.UNBILLED


def attempt(number: int = 1, began: float | None = T, nanos: int = PRICE, exact: bool = True) -> Unsettled:
    at = (began or T) + 400
    return Unsettled(
        f"att_{number}", f"call_{number}", "acme", "pro", "1K", "Default", "default", nanos, exact, at, began
    )


def entry(after: float, nanos: int = PRICE, *, group: str = "Default", model: str = "pro", name: str = "") -> Entry:
    return Entry(T + after, model, group, nanos, 1, request_id=name)


def paid(after: float, nanos: int = PRICE, *, exact: bool = True, group: str = "Default", name: str = "att_0") -> Paid:
    return Paid(name, T + after, "pro", group, nanos, exact)


def log(first: float = -9000, last: float = 9000, *, unit: int = 1, groups: bool = True) -> Log:
    pools = {("pro", "Default" if groups else "")}
    return Log(T + first, T + last, unit, groups, frozenset(pools))


def look(
    attempts: list[Unsettled], entries: list[Entry], charges: list[Paid], about: Log, *, doubts: bool = False
) -> list[Finding]:
    near = Nearby(attempts, doubts=[(T - 3600, T + 60)] if doubts else [])
    for each in entries:
        near.theirs(each)
    for charge in charges:
        near.ours(charge)
    return findings(near, about)


ONE, TWO = [attempt()], [attempt(1), attempt(2, T + 5)]

# What it is, the attempts, the log's entries, our charges; then what is found of each: resolved and with how much.
CERTAIN = [
    ("nothing in the log", ONE, [], [], [(UNBILLED, 0)]),
    ("an entry for it", ONE, [entry(30)], [], [(BILLED, PRICE)]),
    ("an entry long after we gave up", ONE, [entry(REACH_S - 1)], [], [(BILLED, PRICE)]),
    ("an entry a charge explains", ONE, [entry(30)], [paid(31)], [(UNBILLED, 0)]),
    ("one for it and one for a charge", ONE, [entry(30), entry(33)], [paid(31)], [(BILLED, PRICE)]),
    ("a charge at another price", ONE, [entry(30), entry(31, 126)], [paid(31, 126)], [(BILLED, PRICE)]),
    ("an entry of another group", ONE, [entry(30, group="Dear")], [], [(UNBILLED, 0)]),
    ("an entry of another model", ONE, [entry(30, model="flash")], [], [(UNBILLED, 0)]),
    ("an entry before it", ONE, [entry(-40)], [], [(UNBILLED, 0)]),
    ("an entry after its time", ONE, [entry(REACH_S + 60)], [], [(UNBILLED, 0)]),
    ("two attempts, two entries", TWO, [entry(30), entry(40)], [], [(BILLED, PRICE), (BILLED, PRICE)]),
    ("two attempts, none", TWO, [], [], [(UNBILLED, 0), (UNBILLED, 0)]),
    (
        "two attempts that share no time",
        [attempt(1), attempt(2, T + 5000)],
        [entry(30)],
        [],
        [(BILLED, PRICE), (UNBILLED, 0)],
    ),
    (
        "one billed before the other was sent",
        [attempt(1), attempt(2, T + 600)],
        [entry(30)],
        [],
        [(BILLED, PRICE), (UNBILLED, 0)],
    ),
    (
        "an amount that only one of them costs",
        [attempt(1), attempt(2, T + 5, 126)],
        [entry(30, 126)],
        [],
        [(UNBILLED, 0), (BILLED, 126)],
    ),
    (
        "an entry that would be a charge's, which has another",
        [attempt(1), attempt(2, T + 40)],
        [entry(20), entry(28)],
        [paid(25)],
        [(BILLED, PRICE), (UNBILLED, 0)],
    ),
    (
        "an estimate: the log knows the amount",
        [attempt(exact=False)],
        [entry(30, 25_536_000)],
        [],
        [(BILLED, 25_536_000)],
    ),
    ("one of its id", ONE, [entry(30, 5, name="att_1"), entry(30), entry(31)], [], [(BILLED, 5)]),
    ("another of a charge's id", ONE, [entry(30, 7, name="att_0")], [paid(31)], [(UNBILLED, 0)]),
    ("an estimated charge beside it", ONE, [entry(30, 7)], [paid(31, 9, exact=False)], [(UNBILLED, 0)]),
]


@pytest.mark.parametrize(("what", "attempts", "entries", "charges", "found"), CERTAIN, ids=[row[0] for row in CERTAIN])
def test_what_is_certain_is_resolved(
    what: str,
    attempts: list[Unsettled],
    entries: list[Entry],
    charges: list[Paid],
    found: list[tuple[Resolved, int]],
) -> None:
    made = look(attempts, entries, charges, log())
    assert [(each.resolved, each.nanos) for each in made] == found
    assert [each.attempt for each in made] == attempts


# What it is, the attempts, entries, charges, the log, and what is said of each.
CROWD = [-1500.0 + 8 * number for number in range(600)]
UNCERTAIN = [
    ("one entry for two", TWO, [entry(30)], [], log(), "of 2 attempts around then 1 were billed"),
    ("three for one", ONE, [entry(30), entry(31), entry(32)], [], log(), "there are more entries"),
    ("another amount", ONE, [entry(30, 91_000_000)], [], log(), "another amount than it would have cost"),
    (
        "which amount is whose",
        [attempt(1, exact=False), attempt(2, exact=False)],
        [entry(30, 5), entry(31, 6)],
        [],
        log(),
        "which is whose",
    ),
    ("an estimate beside it", ONE, [entry(30), entry(31)], [paid(31, 9, exact=False)], log(), "are estimates"),
    ("a charge the log lacks", ONE, [entry(30)], [paid(30 + MARGIN_S)], log(), "the log lacks"),
    ("a charge the log lacks, and nothing", ONE, [], [paid(500)], log(), "the log lacks"),
    ("too early for the log", ONE, [entry(30)], [], log(first=20), "the log begins after it was sent"),
    ("too late for the log", ONE, [], [], log(last=REACH_S - 1), "export it later"),
    ("not one entry of its kind", [attempt()], [], [], replace(log(), pools=frozenset()), "no entry of its model"),
    ("a log of another zone", ONE, [entry(30)], [], replace(log(), doubt="8 h ahead"), "8 h ahead"),
    ("a gap", ONE, [], [], replace(log(), gaps=((T - 900, T - 800), (T + REACH_S - 1, T + 9000))), "next to it"),
    ("a long gap", ONE, [entry(30)], [], replace(log(), gaps=((T - 9000, T + 1),)), "lacks the charges of ours next"),
    ("sent nobody knows when", [attempt(began=None)], [entry(30)], [], log(), "not known"),
    (
        "calls without a gap",
        ONE,
        [*map(entry, CROWD), entry(33)],
        [*map(paid, CROWD)],
        log(),
        "cannot be told apart",
    ),
]


@pytest.mark.parametrize(
    ("what", "attempts", "entries", "charges", "about", "says"), UNCERTAIN, ids=[row[0] for row in UNCERTAIN]
)
def test_what_is_not_certain_is_left_and_said_why(
    what: str, attempts: list[Unsettled], entries: list[Entry], charges: list[Paid], about: Log, says: str
) -> None:
    for made in look(attempts, entries, charges, about):
        assert made.resolved is None
        assert says in made.words


def test_of_several_attempts_those_are_resolved_that_are_certain() -> None:
    attempts = [attempt(1), attempt(2, T + 600), attempt(3, T + 605), attempt(4, T + 700)]
    first, *both, last = look(attempts, [entry(30), entry(640)], [], log())
    assert (first.resolved, last.resolved) == (BILLED, UNBILLED)
    for made in both:
        assert made.resolved is None
        assert "of 2 attempts around then 1 were billed: which is not certain" in made.words


def test_what_is_billed_for_attempts_that_cannot_be_told_apart_explains_an_entry_each() -> None:
    made = look(TWO, [entry(30), entry(300)], [], log())
    assert [(each.resolved, each.billed_at) for each in made] in (
        [(BILLED, T + 30), (BILLED, T + 300)],
        [(BILLED, T + 300), (BILLED, T + 30)],
    )


def test_amounts_that_are_each_others_within_the_rounding_are_not_certain() -> None:
    entries = [entry(30, 90_000_000), entry(31, 90_009_000)]
    (made,) = look([attempt(exact=False)], entries, [paid(31, 90_005_000)], log(unit=10_000))
    assert made.resolved is None
    assert "which is whose" in made.words


def test_an_entry_that_may_be_of_a_call_nothing_was_heard_of_is_nobodys() -> None:
    (made,) = look(ONE, [entry(30)], [], log(), doubts=True)
    assert made.resolved is None
    assert "of a call that has not ended, or of another attempt" in made.words
    (made,) = look(ONE, [], [], log(), doubts=True)
    assert made.resolved is UNBILLED


OTHERS = [
    ("sent nobody knows when", attempt(2, None)),
    ("sent before the log begins", attempt(2, T - 1000)),
]


@pytest.mark.parametrize(("what", "other"), OTHERS, ids=[row[0] for row in OTHERS])
def test_an_entry_that_may_be_of_an_attempt_of_which_nothing_can_be_said_is_nobodys(
    what: str, other: Unsettled
) -> None:
    made, _ = look([*ONE, other], [entry(30)], [], log(first=-900))
    assert made.resolved is None
    assert "or of another attempt" in made.words
    made, _ = look([*ONE, other], [], [], log(first=-900))
    assert made.resolved is UNBILLED
    made, _ = look([attempt(1, T + 9000), other], [entry(9030)], [], log(first=-900, last=19_000))
    assert made.resolved is BILLED, "far away from it"


def test_a_log_without_groups_is_matched_by_model() -> None:
    charges = [paid(31, 126_000_000, group="Dear")]
    entries = [entry(31, 126_000_000, group=""), entry(40, group="")]
    (made,) = look(ONE, entries, charges, log(groups=False))
    assert (made.resolved, made.nanos) == (BILLED, PRICE)


def test_a_log_that_rounds_is_matched_within_its_rounding() -> None:
    rounded = [entry(30, 90_000_000), entry(31, 25_540_000)]
    (made,) = look(ONE, rounded, [paid(31, 25_536_001)], log(unit=10_000))
    assert (made.resolved, made.nanos) == (BILLED, 90_000_000)


def test_what_was_resolved_before_explains_its_entry_still() -> None:
    before = Paid("att_9", T - 100, "pro", "Default", PRICE, exact=True, reach_s=REACH_S)
    (made,) = look(ONE, [entry(30)], [before], log())
    assert made.resolved is UNBILLED
    (made,) = look(ONE, [entry(30), entry(35)], [before], log())
    assert (made.resolved, made.nanos) == (BILLED, PRICE)


def test_the_order_in_which_charges_are_told_decides_nothing() -> None:
    entries = [entry(after) for after in (30, 38, 46, 54)]
    charges = [paid(after) for after in (39, 47, 55)]
    for order in (charges, charges[::-1]):
        (made,) = look(ONE, entries, order, log())
        assert (made.resolved, made.nanos) == (BILLED, PRICE)


def test_calls_that_follow_each_other_for_long_are_told_apart_where_there_is_a_gap_at_last() -> None:
    crowd = [after for after in CROWD if -1000 < after < 2300]
    (made,) = look(ONE, [*map(entry, crowd), entry(33)], [*map(paid, crowd)], log())
    assert (made.resolved, made.nanos) == (BILLED, PRICE)
    (made,) = look(ONE, [*map(entry, crowd)], [*map(paid, crowd)], log())
    assert made.resolved is UNBILLED


# Of how many calls within ten seconds, the last of them when, an attempt can be told apart, and why not.
CROWDS = [
    (500, 40.0, None),
    (1100, 40.0, "cannot be told apart"),
    (1100, -MARGIN_S, "cannot be told apart"),
    (1100, -MARGIN_S - 60, None),
    (1100, -KEPT_S + 5, None),
]


@pytest.mark.parametrize(("calls", "ends", "says"), CROWDS)
def test_a_crowd_is_not_told_apart_and_spoils_nothing_that_is_far_from_it(
    calls: int, ends: float, says: str | None
) -> None:
    crowd = [ends - 10.0 * number / calls for number in range(calls)]
    (made,) = look(ONE, [*map(entry, crowd), entry(300)], [*map(paid, crowd)], log())
    assert (made.resolved, made.nanos) == ((None, 0) if says else (BILLED, PRICE))
    assert says is None or says in made.words


def test_nothing_is_kept_that_is_of_another_time() -> None:
    near = Nearby(ONE)
    near.theirs(entry(-9000))
    near.theirs(entry(9000))
    near.theirs(entry(10, model="flash"))
    near.ours(paid(9000))
    assert (near.entries, near.paid) == ([], [])
    pools = frozenset({("pro", "Default"), ("flash", "Default")})
    agreement = Agreement(4, 1, 0.0, timedelta(), gaps=((T, T + 60),))
    doubt = "the log lacks 3 of 4 charges of its time"
    assert near.log(agreement) == Log(T - 9000, T + 9000, 1, True, pools, doubt, agreement.gaps)


TIMES = st.floats(-600, REACH_S + 600)
PRICES = st.sampled_from((PRICE, 126_000_000))
CALLS = st.lists(st.tuples(TIMES, PRICES, st.floats(-9, 9)), max_size=12)
# When an attempt is sent, what it costs, and when the seller bills it: None: never.
ATTEMPTS = st.lists(st.tuples(TIMES, PRICES, st.none() | st.floats(0, REACH_S)), min_size=1, max_size=4)


@given(calls=CALLS, sent=ATTEMPTS)
def test_whatever_is_resolved_is_so(
    calls: list[tuple[float, int, float]], sent: list[tuple[float, int, float | None]]
) -> None:
    """The seller and the books write down the same calls, and some of the attempts are billed."""
    charges = [paid(at, price, name=f"paid_{number}") for number, (at, price, _) in enumerate(calls)]
    entries = [entry(at + apart, price) for at, price, apart in calls]
    entries += [entry(at + lasts, price) for at, price, lasts in sent if lasts is not None]
    attempts = [attempt(number, T + at, price) for number, (at, price, _) in enumerate(sent)]
    for made, (_, price, lasts) in zip(look(attempts, entries, charges, log()), sent, strict=True):
        if made.resolved is not None:
            assert made.resolved is (UNBILLED if lasts is None else BILLED)
            assert made.nanos == (0 if lasts is None else price)
