"""The archive as an operator meets it: real processes, their files, their words."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_commands import CONFIG, draw, environment, gateway, serving
from tests.house import START_S, Simulator
from tests.ledger.servers import _clock
from tests.losable import LosableStore
from tests.waiting import until

CALLS = 3
TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


def drawn(here: Path) -> None:
    secret = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))["key"]
    with serving(here) as (url, _):
        assert [draw(url, secret).status_code for _ in range(CALLS)] == [200] * CALLS


def verified(here: Path, *more: str, code: int = 0) -> dict[str, Any]:
    """What is said of the team's ledger."""
    done = subprocess.run(
        ["gateway", "ledger", "verify", "--team", "acme", "--json", *more],
        cwd=here,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert done.returncode == code, done.stderr
    (found,) = json.loads(done.stdout)
    return dict(found)


def test_books_are_proven_over_the_store_and_files_and_over_the_store_alone(here: Path) -> None:
    drawn(here)
    before = verified(here)
    assert (before["rows"], before["archived_rows"], before["begins_after"]) == (2 * CALLS, 0, None)
    (made,) = json.loads(gateway(here, "ledger", "archive", "--before", TOMORROW, "--json"))
    assert (made["ledger"], made["rows"]) == ("acme", 2 * CALLS - 1)
    assert Path(made["file"]).is_relative_to(here / "data" / "archive" / "teams" / "acme")
    assert verified(here) == {**before, "archived_rows": made["rows"]}
    alone = {"rows": 1, "archived_rows": made["rows"], "begins_after": made["last"]}
    assert verified(here, "--store-alone") == {**before, **alone}
    said = gateway(here, "ledger", "verify", "--store-alone")
    assert f"acme: {made['rows']} rows up to {made['last']} are archived, and were not read" in said
    (here / "data" / "archive").rename(here / "elsewhere")
    assert verified(here, "--archive", "elsewhere") == {**before, "archived_rows": made["rows"]}
    (fault,) = verified(here, code=1)["faults"]
    assert fault.startswith(f"rows from the first one up to {made['last']}, of ")
    assert fault.endswith("are archived and not at hand; name the directory that has them with --archive")


def test_a_gateway_does_it_by_itself_when_rows_are_old_enough(here: Path) -> None:
    drawn(here)
    later = _clock(1.0, datetime.now(UTC) + timedelta(days=5))
    log = here / "later.log"
    with log.open("w") as out:
        process = subprocess.Popen(["gateway", "serve"], cwd=here, env=environment(later), stdout=out)
        try:
            until(lambda: "rows_archived" in log.read_text())
        finally:
            process.terminate()
            process.wait(timeout=START_S)
    told = [json.loads(line) for line in log.read_text().splitlines()]
    (archived,) = [line for line in told if line["event"] == "rows_archived"]
    assert (archived["ledger"], archived["rows"]) == ("acme", 2 * CALLS - 1)
    assert verified(here)["archived_rows"] == archived["rows"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", "gateway: archive: is not set; name a directory there that is kept, and not gone with its container"),
        (
            "archive: kept\nretention: {ledger_days: null}\n",
            "gateway: --before: is needed, since retention.ledger_days is null: rows stay in the store",
        ),
        ("archive: config.yaml\n", "gateway: [Errno 20] Not a directory: "),
    ],
)
def test_where_rows_cannot_go_is_said(here: Path, more: str, says: str) -> None:
    (here / "store").mkdir()
    with LosableStore.started(here / "store") as store:
        config = here / "config.yaml"
        config.write_text(config.read_text() + f"store: {store.url}\n")
        drawn(here)
        config.write_text(config.read_text() + more)
        words = ("--before", TOMORROW) if "config.yaml" in more else ()
        code = 1 if words else 2
        assert gateway(here, "ledger", "archive", *words, code=code).startswith(says)
