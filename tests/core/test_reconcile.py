"""The seller's log beside the books: what a line says, which differences are told, and midnight."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from gateway.core.catalog import Catalog, Named
from gateway.core.reconcile import Line, Paid, Reconciliation, Tolerance, named, total
from gateway.core.sellerlog import Entry
from tests import facts

USD = 1_000_000_000
PRICE = 90_000_000


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def entry(when: str, nanos: int = PRICE, group: str = "Default", unit: int = 1) -> Entry:
    return Entry(at(when), "pro", group, nanos, unit)


def paid(when: str, nanos: int = PRICE, group: str = "Default") -> Paid:
    return Paid("att_1", at(when), "pro", group, nanos, exact=True)


def lines(entries: list[Entry], charges: list[Paid], **about: object) -> list[Line]:
    both = Reconciliation(**{"zone": UTC, **about})  # type: ignore[arg-type]
    for each in entries:
        both.theirs(each)
    for charge in charges:
        both.ours(charge)
    return both.lines()


def test_what_both_have_is_a_line_for_each_day_model_and_group() -> None:
    made = lines(
        [entry("2026-11-27 10:00"), entry("2026-11-27 11:00"), entry("2026-11-28 10:00", 126, "Dear")],
        [paid("2026-11-27 10:00"), paid("2026-11-27 11:01", PRICE + 1), paid("2026-11-28 10:00", 126, "Dear")],
    )
    assert made == [
        Line("2026-11-27", "pro", "Default", 2, 2, 2 * PRICE + 1, 2 * PRICE),
        Line("2026-11-28", "pro", "Dear", 1, 1, 126, 126),
    ]
    assert [line.difference for line in made] == [-1, 0]
    assert total(made) == Line("total", "", "", 3, 3, 2 * PRICE + 127, 2 * PRICE + 126)


def test_a_log_without_groups_is_compared_by_model() -> None:
    made = lines(
        [entry("2026-11-27 10:00", 216, "")], [paid("2026-11-27 10:00", 90), paid("2026-11-27 10:00", 126, "Dear")]
    )
    assert made == [Line("2026-11-27", "pro", "", 2, 1, 216, 216)]


def test_days_are_those_of_the_zone() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    made = lines([entry("2026-11-27 17:00")], [paid("2026-11-27 17:00")], zone=zone)
    assert [line.day for line in made] == ["2026-11-28"]


def test_days_that_the_log_is_not_about_are_left_out() -> None:
    charges = [paid(f"2026-11-{day} 10:00") for day in (25, 26, 27, 28)]
    entries = [entry("2026-11-26 10:00"), entry("2026-11-27 10:00")]
    assert [line.day for line in lines(entries, charges)] == ["2026-11-26", "2026-11-27"]
    assert [line.day for line in lines(entries, charges, since="2026-11-27")] == ["2026-11-27"]
    asked = lines(entries, charges, since="2026-11-25", until="2026-11-26")
    assert [(line.day, line.theirs_calls) for line in asked] == [("2026-11-25", 0), ("2026-11-26", 1)]


def test_groups_can_be_chosen() -> None:
    entries = [entry("2026-11-27 10:00"), entry("2026-11-27 10:00", 5, "of another seller")]
    made = lines(
        entries, [paid("2026-11-27 10:00"), paid("2026-11-27 10:00", 5, "Google")], groups=frozenset({"Default"})
    )
    assert [(line.group, line.difference) for line in made] == [("Default", 0)]


def test_what_is_unsettled_stands_apart() -> None:
    both = Reconciliation(UTC)
    both.theirs(entry("2026-11-27 10:00"))
    both.unsettled(at("2026-11-27 10:00"), "pro", "Default", PRICE)
    (line,) = both.lines()
    assert (line.difference, line.unsettled_nanos) == (PRICE, PRICE)


def test_a_refund_is_taken_off_and_is_no_call() -> None:
    (line,) = lines([entry("2026-11-27 10:00"), entry("2026-11-27 11:00", -PRICE)], [])
    assert (line.theirs_calls, line.theirs_nanos) == (1, 0)


# Ours, theirs and what the log's rounding may come to, in millidollars; whether it is told.
DIFFERENCES = [
    (100_000, 100_000, 0, False),
    (100_000, 100_500, 0, False),
    (100_000, 100_504, 0, True),
    (100_504, 100_000, 0, True),
    (1_000_000, 1_001_001, 0, True),
    (1_000_000, 1_001_000, 0, False),
    (1000, 1005, 0, False),
    (1000, 1006, 0, True),
    (1000, 1006, 6, False),
    (1000, 1010, 4, True),
    (0, 1, 0, True),
    (1, 0, 0, True),
    (0, 0, 0, False),
]


@pytest.mark.parametrize(("ours", "theirs", "rounding", "told"), DIFFERENCES)
def test_a_difference_is_told_above_half_a_per_cent_or_a_dollar(
    ours: int, theirs: int, rounding: int, told: bool
) -> None:
    milli = USD // 1000
    line = Line("2026-11-27", "pro", "", 1, 1, ours * milli, theirs * milli, rounding_nanos=rounding * milli)
    assert line.differs(Tolerance()) == told
    assert line.differs(Tolerance(Fraction(0), 0)) == (abs(ours - theirs) > rounding)


def test_a_log_that_rounds_may_be_off_by_less_than_a_unit_for_each_call() -> None:
    theirs = [entry("2026-11-27 10:00", 25_500_000, unit=100_000), entry("2026-11-27 11:00", 25_500_000, unit=1000_000)]
    charges = [paid("2026-11-27 10:00", 25_536_000), paid("2026-11-27 11:00", 25_599_999)]
    exact = Tolerance(Fraction(0), 0)
    (line,) = lines(theirs, charges)
    assert line.rounding_nanos == 2 * 99_999
    assert not line.differs(exact)
    assert (line.hides(exact), line.hides(Tolerance())) == (True, False)
    assert replace(line, rounding_nanos=51_000_000 // 199).hides(Tolerance()), "half a per cent of what was spent"
    (line,) = lines(theirs, [charges[0], paid("2026-11-27 11:00", 25_664_000)])
    assert line.differs(exact)


LATE, EARLY = "2026-11-27 23:59:58", "2026-11-28 00:00:03"


def test_what_we_wrote_down_after_midnight_counts_with_the_sellers_day() -> None:
    noon = "2026-11-28 12:00"
    made = lines([entry(LATE), entry(noon)], [paid(EARLY), paid(noon)])
    assert [(line.day, line.difference, line.ours_calls, line.moved_nanos) for line in made] == [
        ("2026-11-27", 0, 1, PRICE),
        ("2026-11-28", 0, 1, -PRICE),
    ]


def test_no_more_is_moved_over_midnight_than_evens_out() -> None:
    made = lines([entry(LATE), entry(EARLY)], [paid(LATE), paid(EARLY)])
    assert [line.moved_nanos for line in made] == [0, 0]
    made = lines([entry(LATE), entry("2026-11-28 09:00")], [paid("2026-11-28 08:00"), paid("2026-11-28 09:00")])
    assert [line.difference for line in made] == [PRICE, -PRICE], "what comes later in the day is of the day"


def test_the_first_day_of_a_log_takes_what_was_written_after_its_last_midnight() -> None:
    for about in ({}, {"until": "2026-11-27"}):
        made = lines([entry(LATE)], [paid(EARLY)], **about)
        assert [(line.day, line.difference) for line in made] == [("2026-11-27", 0)]


def test_models_and_groups_are_called_as_they_are_here() -> None:
    model = facts.model()
    catalog = Catalog((model,), {"pro-preview": Named("pro-preview", model, None)})
    made = named(Entry(0.0, "pro-preview", "DEFAULT", 1, 1), catalog, {"default": "Default"})
    assert (made.model, made.group) == (model.id, "Default")
    other = Entry(0.0, "gpt-image", "vip", 1, 1)
    assert named(other, catalog, {"default": "Default"}) is other


def test_tokens_are_told_beside_what_they_cost() -> None:
    both = Reconciliation(UTC)
    both.theirs(Entry(at("2026-11-27 10:00"), "pro", "", PRICE, 1, tokens=1302))
    both.ours(Paid("att_1", at("2026-11-27 10:00"), "pro", "Default", PRICE, exact=True, tokens=1300))
    (line,) = both.lines()
    assert (line.ours_tokens, line.theirs_tokens, total([line]).theirs_tokens) == (1300, 1302, 1302)
