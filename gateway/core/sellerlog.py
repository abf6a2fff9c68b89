"""What an entry of a seller's call log says: when, which model, which group, what it cost.

The seller runs a descendant of one-api. What such a log holds is in `model/log.go` of songquanpeng/one-api and
QuantumNous/new-api: `created_at` in seconds, `model_name`, `prompt_tokens`, `completion_tokens`, `group`, `type` (2 is
a charge, 5 an error, 6 a refund) and `quota`, of which 500000 are a dollar. There is no one export: the query tool
Calcium-Ion/neko-api-key-tool writes 时间, 模型, 提示, 补全 and 花费, which is the quota, and resellers have pages
of their own. So a column is known by any of its usual names, Chinese or English. Pure.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.core.money import LARGEST_NANOS, NANOS_PER_USD, decimal_of

# What a column may be called; spaces, underlines and capitals do not count.
NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "created_at",
        "time",
        "timestamp",
        "date",
        "datetime",
        "created",
        "时间",
        "创建时间",
        "调用时间",
        "请求时间",
    ),
    "model": ("model_name", "model", "模型", "模型名称"),
    "usd": ("usd", "cost_usd", "amount_usd", "cost($)", "cost(usd)", "amount($)", "花费($)", "费用($)", "金额($)"),
    "quota": ("quota", "额度", "消耗额度", "配额"),
    "cost": ("cost", "amount", "price", "花费", "费用", "金额", "消费"),  # dollars or quota: the values tell
    "group": ("group", "group_name", "分组", "令牌分组"),
    "input": ("prompt_tokens", "input_tokens", "prompt", "input", "提示", "输入", "提示tokens", "输入tokens"),
    "output": (
        "completion_tokens",
        "output_tokens",
        "completion",
        "output",
        "补全",
        "输出",
        "补全tokens",
        "输出tokens",
    ),
    "request": ("request_id", "requestid", "请求id"),
    "type": ("type", "log_type", "类型", "日志类型"),
}

QUOTA_PER_USD = 500_000

_MONEY = ("usd", "quota", "cost")

# Kinds of entries that are no call. What is neither here nor a refund counts, if it has an amount.
_NO_CALL = frozenset(
    {"1", "3", "4", "5", "topup", "manage", "system", "error", "login", "充值", "管理", "系统", "错误", "登录"}
)
_REFUND = frozenset({"6", "refund", "退款"})

# A time above this is in milliseconds.
_LATEST_S = 100_000_000_000


class BadEntry(ValueError):
    """An entry that cannot be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the seller took for one call, in nano-dollars; below 0: gave back. `at` is seconds since 1970.

    The amount may have been rounded: it is less than `unit_nanos` away from what was meant.
    """

    at: float
    model: str
    group: str
    nanos: int
    unit_nanos: int
    tokens: int = 0  # of the request and the answer, where the log tells
    request_id: str = ""


@dataclass(slots=True)
class Reader:
    """Makes entries of records. `columns` says which of them is called otherwise; `zone` is of times without one."""

    zone: tzinfo
    quota_per_usd: int = QUOTA_PER_USD
    columns: Mapping[str, str] = field(default_factory=dict)
    _found: dict[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)
    _cost: str = ""  # whether a column that may be dollars or quota is `usd` or `quota`, as its first amount tells

    def entry(self, record: Mapping[str, Any]) -> Entry | None:
        """None: it is no charge and no refund. Raises `BadEntry`."""
        names = tuple(record)
        at = self._found.get(names)
        if at is None:
            at = self._found[names] = columns_of(names, self.columns)
        kind = _text(record, at.get("type")).lower()
        if kind in _NO_CALL:
            return None
        nanos, unit = self._amount(record, at)
        if nanos == 0:
            return None
        model = _text(record, at["model"])
        if not model:
            raise BadEntry(f"{at['model']} is empty beside an amount; leave entries out that are no calls")
        return Entry(
            at=time_of(record.get(at["time"]), self.zone),
            model=model,
            group=_text(record, at.get("group")),
            nanos=-abs(nanos) if kind in _REFUND else nanos,
            unit_nanos=unit,
            tokens=_count(record, at.get("input")) + _count(record, at.get("output")),
            request_id=_text(record, at.get("request")),
        )

    def _amount(self, record: Mapping[str, Any], at: Mapping[str, str]) -> tuple[int, int]:
        """The first column of money that there is, and to how many nano-dollars it is rounded."""
        what = next(each for each in _MONEY if each in at)
        text = _text(record, at[what])
        if text in ("", "-"):
            return 0, 1
        if what == "cost" and text != "0":
            what = "quota" if re.fullmatch(r"-?[\d,]+", text) else "usd"
            self._cost = self._cost or what
            if what != self._cost:
                name, said = at["cost"], f"{text} here and another kind of number before"
                raise BadEntry(f"{name}: dollars or quota? {said}; say --column usd={name}, or quota={name}")
        try:
            return usd_amount(text) if what == "usd" else quota_amount(text, self.quota_per_usd)
        except ValueError as error:
            raise BadEntry(f"{at[what] if what in at else at['cost']}: {error}") from None


def columns_of(names: Iterable[str], given: Mapping[str, str]) -> Mapping[str, str]:
    """Which column is what: as `given`, or by its usual names. Raises `BadEntry` where one is missing."""
    known = {_plain(name): name for name in names}
    found = {}
    for what, usual in NAMES.items():
        wanted = (given[what],) if what in given else usual
        if name := next((each for each in map(_plain, wanted) if each in known), None):
            found[what] = known[name]
        if what in given and what not in found:
            raise BadEntry(f"there is no column {given[what]}; those there are: {', '.join(known.values())}")
    if said := [what for what in _MONEY if what in given]:
        found = {what: name for what, name in found.items() if what not in _MONEY or what in said}
    for wanted, option in ((("time",), "time"), (("model",), "model"), (_MONEY, "usd")):
        if not any(each in found for each in wanted):
            there = ", ".join(known.values())
            raise BadEntry(f"none of its columns is known to be the {option}: {there}; name it: --column {option}=NAME")
    return found


def time_of(value: object, zone: tzinfo) -> float:
    """Seconds since 1970 of a time: seconds or milliseconds since then, or a date and a time."""
    text = str(value if value is not None else "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
        return seconds / 1000 if seconds > _LATEST_S else seconds
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise BadEntry(f"{text!r} is not a time; write it like 2026-11-27 05:13:02, or as seconds since 1970") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()


def usd_amount(text: str) -> tuple[int, int]:
    """Dollars as nano-dollars, and how much their last digit is worth: "$0.0550" -> 55000000, 100000."""
    plain = unicodedata.normalize("NFKC", text).replace(",", "").replace("$", "").strip()
    if plain[:1] in ("¥", "€", "£"):
        raise ValueError(f"{text!r} is not in dollars; export the log in dollars, or its quota")
    dollars = decimal_of(plain)
    exponent = dollars.as_tuple().exponent
    assert isinstance(exponent, int)
    nanos = int((dollars * NANOS_PER_USD).to_integral_value(ROUND_HALF_UP))
    return _within(nanos, text), 10 ** max(0, 9 + min(exponent, 0))


def quota_amount(text: str, per_usd: int) -> tuple[int, int]:
    """Quota as nano-dollars, and how many of them one is."""
    quota = decimal_of(text.replace(",", ""))
    if quota != quota.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number; if it is dollars, say --column usd=NAME")
    nanos = (2 * int(quota) * NANOS_PER_USD + per_usd) // (2 * per_usd)
    return _within(nanos, text), -(-NANOS_PER_USD // per_usd)


def _within(nanos: int, text: str) -> int:
    if abs(nanos) > LARGEST_NANOS:
        raise ValueError(f"{text} is above the largest amount the books can hold, 9000000 USD")
    return nanos


def _text(record: Mapping[str, Any], name: str | None) -> str:
    value = record.get(name) if name is not None else None
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value).strip()


def _count(record: Mapping[str, Any], name: str | None) -> int:
    text = _text(record, name).replace(",", "")
    return int(text) if text.isdecimal() else 0


def _plain(name: str) -> str:
    """A name as it is compared: full-width signs as they are on a keyboard, no spaces or underlines, small letters."""
    return re.sub(r"[\s_]", "", unicodedata.normalize("NFKC", name)).lower()
