"""The simulator's bill, exported as a seller's call log, against the ledger of a real gateway that it billed."""

import csv
import io
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from gateway.core.catalog import Catalog
from gateway.core.findings import REACH_S, Finding
from gateway.core.money import usd_of
from gateway.core.reconcile import Reconciliation, Tolerance
from gateway.core.sellerlog import Reader
from gateway.core.terms import Offer
from gateway.core.unsettled import Reason, Resolved
from gateway.ledger import layout, writes
from gateway.ledger.budget import Books
from gateway.ledger.comparison import Comparison
from gateway.ledger.store import Store
from gateway.ledger.unsettled import UnsettledBooks
from tests.e2e.test_commands import CONFIG, draw, environment, gateway, serving
from tests.house import MODEL, START_S, Simulator
from tests.ledger.accounts import charge
from tests.losable import LosableStore

# With two attempts of which nobody knows: the seller bills the one, not the other.
FEARED = ("a boat [sim:html@Default]", "a ship [sim:reset@Default]")
PROMPTS = (
    *("a boat",) * 6,
    "a boat [sim:busy@Default]",
    "a boat [sim:text-only]",
    *FEARED,
)

# A zone in which it is about noon, so that no midnight comes in between.
BEGUN = datetime.now(UTC)
ZONE = timezone(timedelta(hours=12 - BEGUN.hour))
ZONE_NAME = f"Etc/GMT{BEGUN.hour - 12:+d}"


@dataclass(frozen=True)
class Day:
    """A day's books, in a directory with a configuration, and what the seller billed on it."""

    here: Path
    bill: list[dict[str, Any]]
    billed: str  # the attempt of which nobody knows that it was billed
    free: str

    def export(self, name: str, text: str) -> str:
        (self.here / name).write_text(text, encoding="utf-8")
        return name

    def reconcile(self, name: str, *more: str, code: int = 0) -> str:
        """What the command says of a file: stderr where it refuses it."""
        today = f"{datetime.now(ZONE):%Y-%m-%d}"
        words = ("ledger", "reconcile", name, "--time-zone", ZONE_NAME, "--since", today, *more)
        done = subprocess.run(
            ["gateway", *words], cwd=self.here, env=environment({}), capture_output=True, text=True, timeout=START_S
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code == 2 else done.stdout


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    (tmp_path / "store").mkdir()
    with (
        LosableStore.started(tmp_path / "store") as store,
        Redis.from_url(store.url, decode_responses=True) as raw,
        Simulator.started() as simulator,
    ):
        config = CONFIG.format(url=simulator.url) + f"store: {store.url}\n"
        (tmp_path / "config.yaml").write_text(config)
        secret = json.loads(gateway(tmp_path, "keys", "create", "--team", "acme", "--json"))["key"]
        with serving(tmp_path) as (url, _), ThreadPoolExecutor(6) as callers:
            answers = list(callers.map(lambda prompt: draw(url, secret, prompt), PROMPTS))
        calls = {prompt: answer.headers["x-gateway-call-id"] for prompt, answer in zip(PROMPTS, answers, strict=True)}
        billed, free = (f"{calls[prompt]}-1" for prompt in FEARED)
        bill = simulator.bill()
        assert billed in {row["id"] for row in bill}
        assert free not in {row["id"] for row in bill}
        for attempt, ago_s in ((billed, 3 * REACH_S), (free, 6 * REACH_S)):  # as if it had been some time ago
            raw.hincrby(f"{layout.UNSETTLED}:{attempt}", "began", round(-ago_s * 1000))
        for row in bill:
            row["at"] -= 3 * REACH_S if row["id"] == billed else 0
        yield Day(tmp_path, bill, billed, free)


def as_dollars(day: Day, zone: timezone = ZONE) -> str:
    """CSV with dollars to the last nano-dollar, under English names, as a reseller's page may write it."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("Time", "Group", "Model Name", "Prompt Tokens", "Completion Tokens", "Cost (USD)"))
    for row in day.bill:
        at = datetime.fromtimestamp(row["at"], zone).strftime("%Y-%m-%d %H:%M:%S")
        tokens = (row["input_tokens"], row["output_tokens"])
        rows.writerow((at, row["group"].lower(), row["model"], *tokens, f"${row['nanos'] / 1e9:.9f}"))
    return out.getvalue()


def as_quota(day: Day) -> str:
    """The log endpoint's answer, latest first, with quota that is rounded, and entries that are no calls."""
    items: list[dict[str, Any]] = [
        {
            "created_at": int(row["at"]),
            "type": 2,
            "content": "模型倍率 1.0",
            "model_name": row["model"],
            "quota": round(row["nanos"] / 2000),
            "group": row["group"],
        }
        for row in reversed(day.bill)
    ]
    top_up = {**items[0], "type": 1, "quota": 5_000_000, "model_name": ""}
    return json.dumps({"success": True, "data": {"items": [top_up, *items], "total": len(items) + 1}})


def as_chinese(day: Day) -> str:
    """Without groups, as neko-api-key-tool writes it."""
    lines = ["\ufeff时间,模型,用时,提示,补全,花费,详情"]
    for row in day.bill:
        at = datetime.fromtimestamp(row["at"], ZONE).strftime("%Y-%m-%d %H:%M:%S")
        lines.append(
            f"{at},{row['model']},7,{row['input_tokens']},{row['output_tokens']},{round(row['nanos'] / 2000)},"
        )
    return "\r\n".join(lines) + "\r\n"


EXACT = ("--percent", "0", "--usd", "0")


def test_the_sellers_log_and_the_books_are_reconciled_to_the_nano_dollar(day: Day) -> None:
    log = day.export("log.csv", as_dollars(day))
    found = json.loads(day.reconcile(log, *EXACT, "--json", code=1))
    billed = next(row["nanos"] for row in day.bill if row["id"] == day.billed)
    assert found["total"]["difference_usd"] == usd_of(billed), "but for the attempt of which nobody knew"
    assert {each["attempt"]: (each["resolved"], each["settled"]) for each in found["attempts"]} == {
        day.billed: ("billed", False),
        day.free: ("unbilled", False),
    }
    said = day.reconcile(log, *EXACT, code=1)
    assert f"the seller has {usd_of(billed)} $ more than the books" in said
    assert "Nothing was settled: --resolve settles the 2 that are certain." in said

    said = day.reconcile(log, *EXACT, "--resolve")
    assert "2 settled; 0 left as they are." in said
    found = json.loads(day.reconcile(log, *EXACT, "--json"))
    assert found["attempts"] == []
    total = found["total"]
    assert total["usd"] == total["seller_usd"] == usd_of(sum(row["nanos"] for row in day.bill))
    assert (total["calls"], total["unsettled_usd"]) == (len(day.bill), "0")
    proven = json.loads(gateway(day.here, "ledger", "verify", "--json"))
    assert [(each["faults"], each["held_usd"]) for each in proven] == [([], "0"), ([], "0")]


def test_a_planted_difference_of_a_nano_dollar_is_named(day: Day) -> None:
    day.reconcile(day.export("log.csv", as_dollars(day)), "--resolve")
    planted = next(row for row in day.bill if row["group"] == "NanoBananaEnterprise")
    planted["nanos"] += 1
    said = day.reconcile(day.export("planted.csv", as_dollars(day)), *EXACT, code=1)
    at = datetime.fromtimestamp(planted["at"], ZONE)
    whose = f"{at:%Y-%m-%d} {MODEL} NanoBananaEnterprise"
    assert f"{whose}: the seller has 0.000000001 $ more than the books" in said
    assert said.count(" more than ") == 2, "the line, and the total"


def test_a_log_of_another_zone_settles_nothing_and_its_zone_is_named(day: Day) -> None:
    log = day.export("log.csv", as_dollars(day, timezone(ZONE.utcoffset(None) + timedelta(hours=8))))
    said = day.reconcile(log, *EXACT, "--resolve", code=1)
    assert "Nothing can be settled by this log: the log's times look 8 h ahead of ours" in said
    assert "0 settled; 2 left as they are." in said
    found = json.loads(day.reconcile(log, *EXACT, "--json", code=1))
    assert (found["clocks"]["found"], found["clocks"]["ahead_s"]) == (0, 8 * 3600)
    assert {each["resolved"] for each in found["attempts"]} == {None}


def test_a_page_of_the_log_without_anything_that_the_books_have_settles_nothing(day: Day) -> None:
    day.bill[:] = [row for row in day.bill if row["id"] == day.billed]
    said = day.reconcile(day.export("log.csv", as_dollars(day)), *EXACT, "--resolve", code=1)
    assert said.count("nothing shows that its clock is ours") == 2
    assert "0 settled; 2 left as they are." in said


@pytest.mark.parametrize("write", [as_quota, as_chinese])
def test_logs_of_other_kinds_are_reconciled_within_their_rounding(day: Day, write: Callable[[Day], str]) -> None:
    found = json.loads(day.reconcile(day.export("log", write(day)), *EXACT, "--resolve", "--json"))
    assert found["differences"] == 0
    assert {each["resolved"] for each in found["attempts"]} == {"billed", "unbilled"}
    assert found["total"]["calls"] == found["total"]["seller_calls"] == len(day.bill)
    assert {line["group"] for line in found["lines"]} == (
        {""} if write is as_chinese else {"Default", "NanoBananaEnterprise"}
    )


async def test_what_somebody_else_has_said_of_an_attempt_meanwhile_is_not_counted_again(tmp_path: Path) -> None:
    with LosableStore.started(tmp_path) as redis:
        async with Store.open(redis.url, tmp_path) as store:
            unsettled = UnsettledBooks(store)
            await store.make(
                writes.operator(charge(9), call_id="call_1", team="acme", why=writes.UNSETTLED, began_ms=1)
            )
            (attempt,) = [each async for each in unsettled.attempts()]
            await unsettled.resolve(attempt.attempt_id, Resolved.BILLED, Reason.HAND, nanos=7)
            desk = Comparison(
                Offer(Catalog((), {}), ()), Reader(UTC), Reconciliation(UTC), Tolerance(Fraction(0), 0), resolve=True
            )
            late = Finding(attempt, Resolved.BILLED, 9, "an entry of the log has no other explanation", 30.0)
            assert await desk._resolved(unsettled, [late]) == frozenset()
            assert desk.about.lines() == []
            assert (await Books(store, time.time).operator_balance()).spent_nanos == 7


WRONG = [
    ("a,b\n1,2\n", (), "log: line 2: none of its columns is known to be the time: a, b; name it: --column time=NAME"),
    ("time,model,usd\n5,pro,1\nnow,pro,1\n", (), "log: line 3: 'now' is not a time; write it like 2026-11-27"),
    ("time,model,usd\n5,pro\n", (), "log: line 2: 2 fields under 3 names"),
    ("time,model,usd\n5,pro,1\n", (), "log: it has no charge of the days and groups that are asked for"),
    ("", (), "log: it is empty"),
    ("time,model,usd\n", ("--column", "when=x"), "--column: 'when=x' is not WHAT=NAME, with one of time, model"),
    ("time,model,usd\n", ("--group", "Cheap"), "--group: there is no group Cheap; there are Default, NanoBananaE"),
    ("time,model,usd\n", ("--percent", "few"), "--percent: 'few' is not an amount"),
    ("time,model,usd\n", ("--until", "2020-01-01"), "--since: must not be after until"),
    ("time,model,usd\n", ("--time-zone", "Mars"), "--time-zone: 'Mars' is not a time zone"),
]


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    day = Day(tmp_path, [], "", "")
    for text, more, says in WRONG:
        said = day.reconcile(day.export("log", text), *more, code=2)
        assert says in said
        assert said.count("\n") == 1, said
    (tmp_path / "log").write_bytes("时间,模型,花费\n".encode("gbk"))
    assert "log: it is not in UTF-8" in day.reconcile("log", code=2)
