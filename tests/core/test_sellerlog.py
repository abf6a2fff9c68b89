"""What an entry of a seller's log says, by whatever names its columns have; and what is said of one that is wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.core.sellerlog import BadEntry, Entry, Reader, columns_of, quota_amount, time_of, usd_amount

NOON = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC).timestamp()
USD = 1_000_000_000

# What a record may look like that says: at noon, pro, 0.09 $.
RECORDS: list[dict[str, Any]] = [
    {"created_at": int(NOON), "model_name": "pro", "quota": 45_000, "type": 2, "content": "模型倍率 1"},
    {"created_at": int(NOON) * 1000, "model_name": "pro", "quota": "45000", "type": "2"},
    {"时间": "2026-11-27 12:00:00", "模型": "pro", "用时": "7", "提示": "12", "补全": "1290", "花费": "45000"},
    {"时间": "2026/11/27 12:00:00", "模型": "pro", "类型": "消费", "花费": "$0.090000"},
    {"Time": "2026-11-27T12:00:00Z", "Model Name": "pro", "Cost ($)": "0.09", "Type": "Consume"},
    {"Date": "2026-11-27T20:00:00+08:00", "model": "pro", "Amount（USD）": "0.09", "amount_usd": Decimal("0.09")},
    {"时间": "2026-11-27 12:00", "模型名称": "pro", "额度": "45,000"},
]


@pytest.mark.parametrize("record", RECORDS, ids=[" ".join(record) for record in RECORDS])
def test_columns_are_known_by_their_usual_names(record: dict[str, Any]) -> None:
    made = Reader(UTC).entry(record)
    assert made is not None
    assert (made.at, made.model, made.nanos) == (NOON, "pro", 90_000_000)


def test_all_that_an_entry_says_is_read() -> None:
    record = {
        "created_at": NOON,
        "model_name": "pro",
        "group": "default",
        "quota": 45_001,
        "type": 2,
        "prompt_tokens": 12,
        "completion_tokens": 1290,
        "request_id": "2026112712",
    }
    made = Reader(UTC).entry(record)
    assert made == Entry(NOON, "pro", "default", 90_002_000, 2000, 1302, "2026112712")


# The type and the quota of an entry, and what it comes to in nano-dollars; None: it is none.
KINDS = [
    (2, 500, 1_000_000),
    (0, 500, 1_000_000),
    (6, 500, -1_000_000),
    ("退款", 500, -1_000_000),
    (1, 500_000, None),
    (5, 0, None),
    ("错误", 500, None),
    ("消费", 0, None),
    ("消费", "", None),
]


@pytest.mark.parametrize(("kind", "quota", "nanos"), KINDS)
def test_charges_and_refunds_count_and_nothing_else(kind: object, quota: object, nanos: int | None) -> None:
    made = Reader(UTC).entry({"created_at": NOON, "model_name": "pro", "quota": quota, "type": kind})
    assert (made and made.nanos) == nanos


DOLLARS = [
    ("0.09", 90_000_000, 10_000_000),
    ("$0.0255360", 25_536_000, 100),
    ("0.025536001", 25_536_001, 1),
    ("0.0255360014", 25_536_001, 1),
    ("＄1,234.5", 1234 * USD + USD // 2, USD // 10),
    ("3", 3 * USD, USD),
    ("1E-5", 10_000, 10_000),
]


@pytest.mark.parametrize(("text", "nanos", "unit"), DOLLARS)
def test_dollars_are_read_exactly_with_what_their_last_digit_is_worth(text: str, nanos: int, unit: int) -> None:
    assert usd_amount(text) == (nanos, unit)


def test_quota_is_of_so_many_to_the_dollar() -> None:
    assert quota_amount("12768", 500_000) == (25_536_000, 2000)
    assert quota_amount("7", 1_000_000) == (7000, 1000)
    assert quota_amount("1", 3) == (333_333_333, 333_333_334)


def test_a_time_without_a_zone_is_of_the_one_that_is_said() -> None:
    assert time_of("2026-11-27 20:00:00", ZoneInfo("Asia/Shanghai")) == NOON
    assert time_of("2026-11-27 20:00:00+08:00", UTC) == NOON
    assert time_of(str(NOON), ZoneInfo("Asia/Shanghai")) == NOON


def test_columns_can_be_named() -> None:
    record = {"wann": NOON, "was": "pro", "usd": "1", "花费": "5"}
    reader = Reader(UTC, columns={"time": "wann", "model": "was", "quota": "花费"})
    made = reader.entry(record)
    assert made is not None
    assert made.nanos == 10_000


# Amounts under a name that says neither, one after the other, and which of them cannot be both.
COSTS = [
    (("0.09", "0", "$1", "0.126"), None),
    (("45000", "0", "63,000"), None),
    (
        ("0.09", "1"),
        "花费: dollars or quota? 1 here and another kind of number before; say --column usd=花费, or quota=",
    ),
    (("0", "45000", "0.5"), "花费: dollars or quota? 0.5 here"),
]


@pytest.mark.parametrize(("costs", "says"), COSTS)
def test_what_may_be_dollars_or_quota_is_one_of_them_in_all_of_a_log(costs: tuple[str, ...], says: str | None) -> None:
    reader = Reader(UTC)

    def read() -> None:
        for cost in costs:
            reader.entry({"time": NOON, "model": "pro", "花费": cost})

    if says is None:
        read()
    else:
        with pytest.raises(BadEntry) as refused:
            read()
        assert says in str(refused.value)


def test_another_quota_to_the_dollar() -> None:
    made = Reader(UTC, quota_per_usd=1_000_000).entry({"time": NOON, "model": "pro", "quota": 90_000})
    assert made is not None
    assert made.nanos == 90_000_000


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"time": "yesterday", "model": "pro", "usd": "1"}, "'yesterday' is not a time; write it like 2026-11-27"),
    ({"time": None, "model": "pro", "usd": "1"}, "'' is not a time"),
    ({"time": NOON, "model": "pro", "usd": "much"}, "usd: 'much' is not an amount; write it like 0.055"),
    ({"time": NOON, "model": "pro", "花费": "¥0.5"}, "花费: '¥0.5' is not in dollars"),
    ({"time": NOON, "model": "pro", "quota": "0.5"}, "quota: '0.5' is not a whole number"),
    ({"time": NOON, "model": "pro", "usd": "99999999"}, "above the largest amount"),
    ({"time": NOON, "model": "", "usd": "1"}, "model is empty beside an amount"),
    ({"time": NOON, "model": "pro"}, "none of its columns is known to be the usd: time, model; name it: --column usd="),
    ({"wann": NOON, "model": "pro", "usd": "1"}, "known to be the time: wann, model, usd; name it: --column time=NAME"),
]


@pytest.mark.parametrize(("record", "says"), WRONG, ids=[row[1] for row in WRONG])
def test_what_cannot_be_read_is_said_with_what_to_do(record: dict[str, Any], says: str) -> None:
    with pytest.raises(BadEntry) as refused:
        Reader(UTC).entry(record)
    assert says in str(refused.value)


def test_a_column_that_is_named_must_be_there() -> None:
    with pytest.raises(BadEntry, match="there is no column wann; those there are: time, model"):
        columns_of(("time", "model"), {"time": "wann"})
