"""Reports by the commands, of calls that a real gateway has served."""

import csv
import io
import json
import os
import pty
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from arro3.io import read_parquet

from tests.e2e.test_commands import CONFIG, draw, environment, gateway, serving
from tests.house import MODEL, START_S, Simulator


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> tuple[Path, dict[str, Any]]:
    """A directory whose books have two calls of a key with an evil name, one of them by way of the dearer group."""
    here = tmp_path_factory.mktemp("reports")
    (here / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--name", "=1+1", "--json"))
    with serving(here) as (url, _):
        assert draw(url, made["key"]).status_code == 200
        assert draw(url, made["key"], "a boat [sim:busy@Default]").status_code == 200
    return here, made


def test_usage_is_printed_for_people_and_in_three_formats(served: tuple[Path, dict[str, Any]]) -> None:
    here, made = served
    words = ("usage", "--by", "key,group,route")
    shown = gateway(here, *words)
    assert shown.split()[:4] == ["key", "group", "route", "calls"]
    assert shown.splitlines()[-1].split()[:2] == ["total", "2"]
    told = json.loads(gateway(here, *words, "--json"))
    assert told == json.loads(gateway(here, *words, "--format", "json"))
    assert [(row["key_id"], row["group"], row["route"], row["calls"]) for row in told["rows"]] == [
        (made["id"], "Default", "gemini.generate", 1),
        (made["id"], "NanoBananaEnterprise", "gemini.generate", 1),
    ]
    cells = list(csv.DictReader(io.StringIO(gateway(here, *words, "--format", "csv"))))
    assert cells == [{name: str(cell) for name, cell in row.items()} for row in told["rows"]]
    file = here / "usage.parquet"
    with file.open("wb") as out:
        command = ["gateway", *words, "--format", "parquet"]
        subprocess.run(command, cwd=here, env=environment({}), stdout=out, check=True, timeout=START_S)
    columns = read_parquet(str(file)).read_all()
    assert columns.column("usd").to_pylist() == [Decimal(row["usd"]) for row in told["rows"]]
    assert columns.column("calls").to_pylist() == [1, 1]


def test_calls_are_listed_page_by_page_and_shown(served: tuple[Path, dict[str, Any]]) -> None:
    here, made = served
    told = json.loads(gateway(here, "calls", "list", "--json"))
    second, first = told["calls"]
    assert told["next"] is None
    listed = gateway(here, "calls", "list", "--team", "acme", "--key", made["id"])
    assert "Default busy 429; NanoBananaEnterprise picture" in listed
    assert listed.index(second["id"]) < listed.index(first["id"])
    newest = json.loads(gateway(here, "calls", "list", "--limit", "1", "--json"))
    assert [call["id"] for call in newest["calls"]] == [second["id"]]
    assert f"--cursor {newest['next']}" in gateway(here, "calls", "list", "--limit", "1")
    rest = json.loads(gateway(here, "calls", "list", "--cursor", newest["next"], "--json"))
    assert rest == {"calls": [first], "next": None}
    [_, row] = csv.DictReader(io.StringIO(gateway(here, "calls", "list", "--format", "csv")))
    assert (row["id"], row["usd"], row["attempts"]) == (first["id"], first["usd"], "Default picture")
    shown = json.loads(gateway(here, "calls", "show", second["id"], "--json"))
    assert [each["number"] for each in shown.pop("kept")["pictures"]] == [1]
    assert shown == second
    shown = gateway(here, "calls", "show", second["id"])
    for word in (second["id"], "gemini.generate", "settled", "busy", "429", "NanoBananaEnterprise", second["usd"]):
        assert word in shown


def test_waste_is_told_by_group_and_cause(served: tuple[Path, dict[str, Any]]) -> None:
    here, made = served
    with serving(here) as (url, _):
        assert draw(url, made["key"], "a boat [sim:refusal]").status_code == 200
    told = json.loads(gateway(here, "waste", "--json"))
    [row] = told["rows"]
    assert (row["group"], row["cause"], row["paid_by"], row["answers"]) == ("Default", "no_picture", "key", 1)
    assert told["wasted_usd"] == row["usd"]
    [cells] = csv.DictReader(io.StringIO(gateway(here, "waste", "--team", "acme", "--format", "csv")))
    assert cells["usd"] == row["usd"]
    shown = gateway(here, "waste")
    assert "no_picture" in shown
    assert f"Of {told['paid_usd']} $ that were paid in all." in shown


def test_csv_ends_its_lines_as_the_standard_says(served: tuple[Path, dict[str, Any]]) -> None:
    here, _ = served
    command = ["gateway", "usage", "--by", "model", "--format", "csv"]
    done = subprocess.run(command, cwd=here, env=environment({}), capture_output=True, check=True, timeout=START_S)
    head, row, rest = done.stdout.split(b"\r\n")
    assert head.startswith(b"model,calls,pictures,")
    assert row.startswith(MODEL.encode())
    assert not rest


def test_parquet_is_kept_from_a_terminal(served: tuple[Path, dict[str, Any]]) -> None:
    here, _ = served
    ours, theirs = pty.openpty()
    try:
        command = ["gateway", "usage", "--format", "parquet"]
        done = subprocess.run(
            command, cwd=here, env=environment({}), stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=START_S
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert "write it into a file" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("usage", "--by", "lane"), "--by: 'lane' is none of day, team"),
        (("usage", "--by", "hour", "--since", "2026-01-01", "--until", "2026-01-02"), "--since: hours are kept"),
        (("usage", "--format", "xlsx"), "'xlsx' is not one of"),
        (("calls", "list", "--cursor", "nonsense"), "--cursor: is not one that was handed out"),
        (("calls", "list", "--key", "key_1"), "--key: there is no key key_1"),
        (("calls", "show", "call_1"), "there is no call call_1"),
    ],
)
def test_a_report_that_there_is_not_is_refused_by_its_option(
    served: tuple[Path, dict[str, Any]], words: tuple[str, ...], says: str
) -> None:
    here, _ = served
    assert says in gateway(here, *words, code=2)
