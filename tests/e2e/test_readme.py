"""Every command and program of the README, run as it stands there, against a real gateway before the simulator."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from ruamel.yaml import YAML

from gateway.config.effective import effective
from gateway.config.load import load
from gateway.core.sellerlog import NAMES
from tests.bench.bytes import words as measured
from tests.bench.reserves import words as reserves
from tests.bench.transport import words as transports
from tests.bench.workers import words as workers
from tests.house import ADMIN_KEY, MODEL, Simulator
from tests.incidents.__main__ import words as incidents
from tests.kills.__main__ import words as kills

TOP = Path(__file__).parent.parent.parent
README = (TOP / "README.md").read_text()

BLOCKS: list[tuple[str, str]] = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.S)

ADDRESS = "http://127.0.0.1:8080"


def block(containing: str) -> str:
    (found,) = [text for _, text in BLOCKS if containing in text]
    return found


def environ(simulator: Simulator, port: int = 0) -> dict[str, str]:
    """What a reader would have set, with the simulator in the seller's place and a free port."""
    return {
        **os.environ,
        "APIYI_DEFAULT_KEY": "sim-key-default",
        "APIYI_ENTERPRISE_KEY": "sim-key-enterprise",
        "GATEWAY_ADMIN_KEY": ADMIN_KEY,
        "GATEWAY__LISTEN": f"127.0.0.1:{port}",
        "GATEWAY__GROUPS__0__LANES__0__URL": simulator.url,
        "GATEWAY__GROUPS__1__LANES__0__URL": simulator.url,
        "COLUMNS": "200",
    }


def shell(text: str, here: Path, env: dict[str, str]) -> str:
    done = subprocess.run(["sh", "-eu", "-c", text], cwd=here, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(command: list[str], here: Path, env: dict[str, str], says: str) -> Iterator[str]:
    """A command that keeps running, from the line that has `says` in it; gives the address at its end."""
    with subprocess.Popen(
        command, cwd=here, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if says in line:
                break
        else:
            raise AssertionError("".join(said))
        found = re.search(r"http://127\.0\.0\.1:\d+", said[-1])
        assert found
        try:
            yield found[0]
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture
def prepared(tmp_path: Path, simulator: Simulator) -> tuple[Path, str]:
    """The README's "For real", followed up to the line that serves; and the key it printed."""
    (tmp_path / "config.example.yaml").write_text((TOP / "config.example.yaml").read_text())
    lines = block("cp config.example.yaml").splitlines()
    assert lines[-1].startswith("gateway serve")
    steps = [line for line in lines[:-1] if not line.startswith("export APIYI")]
    printed = shell("\n".join(steps), tmp_path, environ(simulator))
    key = re.search(r"sk-gw-\S{43}", printed)
    assert key
    assert "groups[1].multiplier" in printed
    return tmp_path, key[0]


def test_the_tour_works_as_it_is_written(prepared: tuple[Path, str], simulator: Simulator) -> None:
    here, key = prepared
    billed = len(simulator.bill())
    env = {**environ(simulator), "GATEWAY_KEY": key, "PYTHONWARNINGS": "ignore"}
    with running(["gateway", "serve"], here, env, "serving on") as address:
        drawn = shell(block("generateContent \\").replace(ADDRESS, address), here, env)
        assert "inlineData" in drawn
        later = shell(block("Prefer: respond-async").replace(ADDRESS, address), here, env)
        assert '"object":"job"' in later
        assert "b64_json" in later
        usage = json.loads(shell(block("/gateway/usage -H").replace(ADDRESS, address), here, env))
        assert float(usage["spent_usd"]) > 0
        for program in (text for language, text in BLOCKS if language == "python"):
            file = here / "program.py"
            file.write_text(program.replace(ADDRESS, address))
            shell("python program.py", here, env)
        assert [_size(*here.glob(f"{sdk}.*")) for sdk in ("openai", "genai")] == [(1264, 848), (1024, 1024)]
        listed = shell(block("gateway teams create"), here, env)
        assert "phone" in listed
        assert MODEL in listed
        reported = shell(block("gateway usage --by"), here, env)
        assert "images.generate" in reported
        shown = shell(block("gateway calls show"), here, env)
        assert "settled" in shown
        assert _size(*(here / "data" / "pictures").glob("call_*")) in ((1264, 848), (1024, 1024))
        ours = shell(block("gateway jobs list"), here, env)
        assert "succeeded" in ours
        assert [b"b64_json" in file.read_bytes() for file in (here / "data" / "answers").iterdir()] == [True]
        assert "were paid in all" in shell(block("gateway waste"), here, env)
        assert "team.created" in shell(block("gateway audit"), here, env)
        (here / "seller.csv").write_text(_export(simulator.bill()[billed:]))
        reconciled = shell(block("gateway ledger reconcile"), here, env)
        assert "seller's $" in reconciled
        assert '"differences": 0' in reconciled
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        archived = block("gateway ledger archive").replace("2026-11-01", f"{tomorrow:%Y-%m-%d}")
        archived = archived.replace("/backup/archive", "data/archive").replace("/2026-10/", "/*/")
        assert '"do":"reserve"' in shell(archived, here, env)
        drilled = shell(block("gateway drill start"), here, env)
        assert "team studio" in drilled
        assert "before the launch" in drilled


def _size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        image.load()
        return image.size


def _export(bill: list[dict[str, Any]]) -> str:
    """The simulator's bill as a seller's page may write it."""
    rows = [f"{int(row['at'])},{row['model']},{row['group']},{row['nanos'] / 1e9:.9f}" for row in bill]
    return "\n".join(("created_at,model_name,group,usd", *rows)) + "\n"


def test_serve_without_arguments_is_the_demo(tmp_path: Path) -> None:
    command = block("tests/run  ").split()[0]
    assert command == "deploy/serve"
    env = {**os.environ, "COLUMNS": "200"}
    with running([str(TOP / command)], tmp_path, env, "serving on") as address:
        assert httpx2.get(f"{address}/readyz", trust_env=False).status_code == 200
    names = sorted(file.name for file in (tmp_path / "data" / "demo" / "pictures").iterdir())
    assert [name.split("-")[0] for name in names] == ["lighthouse", "teapot"]


def test_the_table_of_settings_is_complete(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((TOP / "config.example.yaml").read_text())
    paths = {re.sub(r"\[\d+\]", "[]", row.path) for row in effective(load(None, environ(simulator), tmp_path))}
    told = set(re.findall(r"`([a-z_.\[\]]+)`", README.split("## Settings")[1].split("## Running it")[0]))
    missing = {path for path in paths if path not in told and "." + path.rsplit(".", 1)[-1] not in told}
    assert not {path for path in missing if not path.startswith("models.")}


def test_the_columns_that_a_sellers_log_may_have_are_told() -> None:
    told = re.split(r"[^\w()$ ]+", README.split("a column's name |")[1].split("Times without a zone")[0])
    assert {name for names in NAMES.values() for name in names} - {"requestid"} <= {each.strip() for each in told}
    assert {f"`{what}`" for what in NAMES} <= set(re.findall("`[a-z]+`", README))


def test_every_dependency_has_its_reason() -> None:
    pyproject = (TOP / "pyproject.toml").read_text()
    needed = re.findall(r'^  "([a-z0-9.-]+)>=', pyproject.split("dependencies = [")[1].split("]")[0], flags=re.M)
    reasons = README.split("## Dependencies")[1].split("## Not done yet")[0]
    assert needed
    assert not [name for name in needed if f"`{name}`" not in reasons]


def test_the_compose_file_that_is_named_exists_and_has_the_profile() -> None:
    command = block("docker compose").split()
    compose = YAML(typ="safe", pure=True).load(TOP / command[command.index("-f") + 1])
    profile = command[command.index("--profile") + 1]
    assert [name for name, service in compose["services"].items() if profile in service.get("profiles", [])]


def test_the_incidents_with_real_processes_are_asked_for_as_it_is_written() -> None:
    """Playing them takes a quarter of an hour; `tests/incidents` plays one."""
    line = block("python -m tests.incidents").strip()
    told = incidents().parse_args(shlex.split(line)[3:])
    assert (told.replicas, told.speed) == (2, 14.0)
    assert "hang" in told.incident


def test_the_bytes_of_a_call_are_asked_for_as_it_is_written() -> None:
    line = block("python -m tests.bench.bytes").strip()
    assert measured().parse_args(shlex.split(line)[3:]).calls == 20_000


def test_the_reserves_a_second_are_asked_for_as_it_is_written() -> None:
    """`tests/bench` measures a moment."""
    line = block("python -m tests.bench.reserves").strip()
    assert reserves().parse_args(shlex.split(line)[3:]).rounds == 5


def test_what_carries_a_call_is_asked_for_as_it_is_written() -> None:
    """`tests/bench` measures a moment."""
    line = block("python -m tests.bench.transport").strip()
    assert transports().parse_args(shlex.split(line)[3:]).rounds == 5


def test_what_workers_bring_is_asked_for_as_it_is_written() -> None:
    """`tests/bench` measures a moment."""
    line = block("python -m tests.bench.workers").strip()
    assert workers().parse_args(shlex.split(line)[3:]).workers == 2


def test_the_kills_are_asked_for_as_it_is_written() -> None:
    """`tests/kills` plays a few of them."""
    lines = block("python -m tests.kills").splitlines()
    asked = [kills().parse_args(shlex.split(each)[3:]) for each in lines]
    assert [(each.what, each.rounds) for each in asked] == [(["boundaries"], 100), ("every", 100), (["minutes"], 1)]
