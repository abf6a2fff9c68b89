"""The commands, as a person runs them: real processes, their output, their exit codes."""

import base64
import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from gateway.ledger import layout
from tests.house import ADMIN_KEY, MODEL, START_S, Simulator, native_picture, pixels
from tests.losable import LosableStore

TOP = Path(__file__).parent.parent.parent

CONFIG = """
listen: 127.0.0.1:0
data_dir: ./data
admin: {{key: "${{GATEWAY_ADMIN_KEY}}"}}
groups:
  - name: Default
    multiplier: 1.0
    billing: pay-as-you-go-priority
    lanes: [{{url: "{url}", key: "sim-key-default"}}]
  - name: NanoBananaEnterprise
    multiplier: 1.4
    billing: pay-as-you-go-priority
    lanes: [{{url: "{url}", key: "sim-key-enterprise"}}]
"""


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    """A directory with a configuration in it, as somebody would have it."""
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


def gateway(here: Path, *words: str, code: int = 0, **environ: str) -> str:
    """Runs a command to its end and gives what it printed; stderr where it failed."""
    done = subprocess.run(
        ["gateway", *words], cwd=here, env=environment(environ), capture_output=True, text=True, timeout=START_S
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "GATEWAY_ADMIN_KEY": ADMIN_KEY, "COLUMNS": "200", "NO_COLOR": "1", **more}


@contextmanager
def serving(here: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """`gateway serve` in a process of its own, and its address."""
    command = ["gateway", "serve"]
    with subprocess.Popen(
        command, cwd=here, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("gateway: serving on http"), line
        try:
            yield line.split()[-1], process
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=START_S)


def draw(url: str, secret: str, prompt: str = "a paper boat") -> httpx2.Response:
    body = {"contents": [{"parts": [{"text": prompt}]}]}
    headers = {"x-goog-api-key": secret}
    path = f"{url}/v1beta/models/{MODEL}:generateContent"
    return httpx2.post(path, json=body, headers=headers, timeout=START_S, trust_env=False)


def test_a_key_is_made_used_reported_and_revoked(here: Path) -> None:
    gateway(here, "teams", "create", "acme", "--budget-usd", "10")
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--budget-usd", "5", "--json"))
    assert re.fullmatch(r"sk-gw-\S{43}", made["key"])
    assert (made["team"], made["budget_usd"], made["spent_usd"]) == ("acme", "5", "0")
    with serving(here) as (url, _):
        assert draw(url, made["key"]).status_code == 200
        shown = json.loads(gateway(here, "keys", "show", made["id"], "--json"))
        assert float(shown["spent_usd"]) > 0
        assert "key" not in shown
        usage = json.loads(gateway(here, "usage", "--json"))["rows"]
        assert [(row["key_id"], row["model"], row["size"], row["calls"]) for row in usage] == [
            (made["id"], MODEL, "1K", 1)
        ]
        assert usage[0]["usd"] == shown["spent_usd"]
        gateway(here, "keys", "revoke", made["id"])
        assert "revoked" in gateway(here, "keys", "list")
    assert made["key"] not in "".join(path.read_text(errors="replace") for path in (here / "data").rglob("*.aof"))


def test_every_list_is_a_table_for_people_and_json_for_programs(here: Path) -> None:
    gateway(here, "keys", "create", "--team", "acme", "--name", "phone")
    assert "phone" in gateway(here, "keys", "list")
    assert [row["name"] for row in json.loads(gateway(here, "keys", "list", "--json"))] == ["phone"]
    assert "acme" in gateway(here, "teams", "list")
    assert json.loads(gateway(here, "teams", "list", "--json"))[0]["id"] == "acme"
    assert "total" in gateway(here, "usage")


def test_a_row_of_a_table_is_a_line_to_what_reads_it(here: Path) -> None:
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--name", "a name of some length", "--json"))
    listed = gateway(here, "keys", "list", COLUMNS="40")
    (row,) = [line for line in listed.splitlines() if made["id"] in line]
    assert "a name of some length" in row
    assert len(row) > 80


def test_a_team_and_a_key_are_changed_one_word_at_a_time(here: Path) -> None:
    gateway(here, "teams", "create", "acme", "--budget-usd", "10", "--name", "Acme")
    made = json.loads(
        gateway(here, "keys", "create", "--team", "acme", "--budget-usd", "5", "--model", MODEL, "--json")
    )
    team = json.loads(gateway(here, "teams", "update", "acme", "--budget-usd", "20", "--json"))
    assert (team["name"], team["budget_usd"]) == ("Acme", "20")
    assert json.loads(gateway(here, "teams", "update", "acme", "--budget-usd", "none", "--json"))["budget_usd"] is None
    key = json.loads(gateway(here, "keys", "update", made["id"], "--max-multiplier", "1", "--json"))
    assert (key["budget_usd"], key["max_multiplier"], key["models"]) == ("5", "1", [MODEL])
    assert json.loads(gateway(here, "keys", "update", made["id"], "--model", "all", "--json"))["models"] is None
    shows = json.loads(gateway(here, "keys", "update", made["id"], "--chat-pictures", "markdown", "--json"))
    assert (shows["chat_pictures"], shows["max_multiplier"]) == ("markdown", "1")
    shows = json.loads(gateway(here, "keys", "update", made["id"], "--chat-pictures", "none", "--json"))
    assert shows["chat_pictures"] is None
    shows = json.loads(gateway(here, "keys", "update", made["id"], "--failover", "hang-only", "--json"))
    assert (shows["failover"], shows["max_multiplier"]) == ("hang-only", "1")


def test_one_team_and_one_key_are_shown_with_all_their_limits(here: Path) -> None:
    gateway(here, "teams", "create", "acme", "--premium-hour-usd", "5", "--name", "Acme")
    limits = ("--model", MODEL, "--group", "Default", "--failover", "off", "--expires-in-days", "1")
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", *limits, "--json"))
    team, key = facts(gateway(here, "teams", "show", "acme")), facts(gateway(here, "keys", "show", made["id"]))
    assert (team["name"], team["premium_hour_usd"], team["premium_hour_drawn_usd"]) == ("Acme", "5", "0")
    assert (team["premium_day_usd"], team["budget_usd"]) == ("-", "-")
    assert (key["models"], key["groups"], key["failover"]) == (MODEL, "Default", "off")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", key["expires_at"])
    (row,) = [line for line in gateway(here, "keys", "list").splitlines() if made["id"] in line]
    assert row.split()[-2:] == ["off", "live"]


def test_limits_are_set_shown_changed_and_lifted(here: Path) -> None:
    limits = ("--budget-day-usd", "2", "--budget-month-usd", "30", "--soft-budget", "--alert-percent", "50")
    rates = ("--requests-per-minute", "60", "--pictures-per-minute", "90", "--concurrency", "5")
    made = json.loads(
        gateway(here, "teams", "create", "acme", *limits, *rates, "--time-zone", "Asia/Shanghai", "--json")
    )
    wanted = {"budget_day_usd": "2", "budget_month_usd": "30", "soft_budget": True, "alert_percents": [50]}
    wanted |= {"requests_per_minute": 60, "pictures_per_minute": 90, "concurrency": 5, "time_zone": "Asia/Shanghai"}
    assert wanted.items() <= made.items()
    key = json.loads(gateway(here, "keys", "create", "--team", "acme", *limits, *rates, "--json"))
    lifted = ("--concurrency", "none", "--budget-day-usd", "none")
    changed = json.loads(gateway(here, "keys", "update", key["id"], "--hard-budget", *lifted, "--json"))
    assert (changed["soft_budget"], changed["concurrency"], changed["requests_per_minute"]) == (False, None, 60)
    assert (changed["budget_day_usd"], changed["budget_month_usd"]) == (None, "30")
    shown = facts(gateway(here, "teams", "show", "acme"))
    assert (shown["alert_percents"], shown["spent_day_usd"], shown["budget_day_usd"]) == ("50", "0", "2")


def facts(printed: str) -> dict[str, str]:
    """What is told of one thing, a line each."""
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in printed.splitlines())}


def test_the_books_are_proven_and_whoever_writes_in_them_is_found_out(here: Path) -> None:
    (here / "store").mkdir()
    with LosableStore.started(here / "store") as store, Redis.from_url(store.url) as raw:
        gateway(here, "teams", "create", "acme", GATEWAY__STORE=store.url)
        told = json.loads(gateway(here, "ledger", "verify", "--json", GATEWAY__STORE=store.url))
        assert [(each["ledger"], each["rows"], each["faults"]) for each in told] == [
            ("acme", 0, []),
            ("operator", 0, []),
        ]
        assert "acme" in gateway(here, "ledger", "verify", "--team", "acme", GATEWAY__STORE=store.url)
        raw.hincrby(layout.account("acme"), "spent", 1)
        said = gateway(here, "ledger", "verify", code=1, GATEWAY__STORE=store.url)
        assert said == "acme: account team has held 0, spent 1; its rows make held 0, spent 0\n"


def test_revoking_a_team_ends_its_keys_and_no_others(here: Path) -> None:
    for team in ("acme", "acme", "other"):
        gateway(here, "keys", "create", "--team", team)
    gateway(here, "teams", "revoke", "acme")
    rows = json.loads(gateway(here, "keys", "list", "--json"))
    assert [(row["team"], row["revoked_at"] is None) for row in rows] == [
        ("acme", False),
        ("acme", False),
        ("other", True),
    ]


def test_check_shows_what_is_in_force_without_secrets(here: Path) -> None:
    text = gateway(here, "check")
    assert "groups[1].multiplier" in text
    assert "1.4" in text
    assert "config.yaml:12" in text
    rows = {row["path"]: row for row in json.loads(gateway(here, "check", "--json"))}
    assert rows["admin.key"] == {"path": "admin.key", "value": "***", "origin": "env GATEWAY_ADMIN_KEY"}
    assert rows["timeouts.total_s"]["origin"] == "default"
    assert ADMIN_KEY not in text
    assert "sim-key" not in text


WRONG = [
    ("billing: pay-as-you-go-priority", "billing: hybrid", "groups[0].billing", '"hybrid"'),
    ("data_dir: ./data", "data_dir: ./data\nstoer: embedded", "config.yaml:4: stoer", "did you mean store?"),
    ("${GATEWAY_ADMIN_KEY}", "${GATEWAY_NO_SUCH_KEY}", "admin.key", "GATEWAY_NO_SUCH_KEY"),
    ("data_dir: ./data", "data_dir: ./data\nstore: redis://127.0.0.1:1/0", "", "cannot reach the store"),
    ("data_dir: ./data", "data_dir: ./config.yaml", "data_dir", "config.yaml cannot be made: File exists"),
]


@pytest.mark.parametrize(("good", "wrong", "path", "says"), WRONG, ids=[row[1].split(":")[0] for row in WRONG])
@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_wrong_setting_stops_the_start_with_one_readable_line(
    here: Path, command: str, good: str, wrong: str, path: str, says: str
) -> None:
    file = here / "config.yaml"
    file.write_text(file.read_text().replace(good, wrong, 1))
    lines = gateway(here, command, code=2).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("gateway: ")
    assert path in lines[0]
    assert says in lines[0]


def test_without_a_configuration_serve_says_how_to_make_one(tmp_path: Path) -> None:
    assert "config.example.yaml" in gateway(tmp_path, "serve", code=2)


def test_an_address_that_is_taken_is_said_in_one_line(here: Path) -> None:
    with serving(here) as (url, _):
        port = url.rsplit(":", 1)[1]
        said = gateway(here, "serve", code=1, GATEWAY__LISTEN=f"127.0.0.1:{port}")
    assert said.startswith(f"gateway: cannot listen on 127.0.0.1:{port}: Address already in use")


WRONG_WORDS = [
    (("keys", "create", "--team", "Ac me"), "lower-case"),
    (("keys", "create", "--team", "acme", "--budget-usd", "ten"), "--budget-usd"),
    (("keys", "create", "--team", "acme", "--budget-day-usd", "ten"), "--budget-day-usd"),
    (("keys", "create", "--team", "acme", "--concurrency", "many"), "--concurrency: 'many' is not a whole number"),
    (("keys", "create", "--team", "acme", "--alert-percent", "0"), "--alert-percent: 0 is not above 0"),
    (("teams", "create", "acme", "--time-zone", "Atlantis"), "--time-zone: 'Atlantis' is not a time zone"),
    (("keys", "create", "--team", "acme", "--model", "gpt-image-1"), "--model"),
    (("keys", "create", "--team", "acme", "--group", "Nobody"), "--group"),
    (("keys", "create", "--team", "acme", "--expires-in-days", "-1"), "--expires-in-days"),
    (("keys", "create", "--team", "acme", "--expires-in-days", "40000"), "40000 is not above 0 and at most 36600"),
    (("usage", "--since", "2026-02-02", "--until", "2026-02-01"), "--since: must not be after until"),
    (("usage", "--since", "0001-01-01", "--until", "9999-12-31"), "at most 366 days are reported at once"),
    (("usage", "--since", "2026-02-02", "--until", "0001-01-05"), "--since: must not be after until"),
    (("keys", "update", "key_nope", "--name", "x"), "no key key_nope"),
    (("teams", "create", "acme", "--budget-usd", "-5"), "--budget-usd"),
    (("teams", "show", "nobody"), "no team nobody"),
    (("teams", "revoke", "nobody"), "no team nobody"),
    (("keys", "show", "key_nope"), "no key key_nope"),
    (("keys", "revoke", "key_nope"), "no key key_nope"),
    (("ledger", "verify", "--team", "nobody"), "no team nobody"),
]


@pytest.mark.parametrize(("words", "says"), WRONG_WORDS, ids=[" ".join(row[0][:4]) for row in WRONG_WORDS])
def test_wrong_words_are_refused_with_what_to_do(here: Path, words: tuple[str, ...], says: str) -> None:
    assert says in gateway(here, *words, code=2)


def test_sigterm_waits_for_the_call_in_flight(tmp_path: Path) -> None:
    with Simulator.started("--speed", "8", "--light") as slow:
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=slow.url))
        made = json.loads(gateway(tmp_path, "keys", "create", "--team", "acme", "--json"))
        with serving(tmp_path) as (url, process):
            body = json.dumps({"contents": [{"parts": [{"text": "a paper boat"}]}]})
            ask = subprocess.Popen(
                ["python", "-c", _ASK, f"{url}/v1beta/models/{MODEL}:generateContent", made["key"], body],
                stdout=subprocess.PIPE,
                text=True,
            )
            _until_in_flight(url)
            process.send_signal(signal.SIGTERM)
            answer, _ = ask.communicate(timeout=START_S)
            assert process.wait(timeout=START_S) == 0
        assert pixels(native_picture(json.loads(answer))) == (1024, 1024)
        (row,) = slow.bill()
        shown = json.loads(gateway(tmp_path, "keys", "show", made["id"], "--json"))
        assert (shown["held_usd"], round(float(shown["spent_usd"]) * 1e9)) == ("0", row["nanos"])


def test_a_second_signal_does_not_wait(here: Path) -> None:
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))
    with serving(here) as (url, process):
        body = json.dumps({"contents": [{"parts": [{"text": "a boat [sim:hang]"}]}]})
        command = ["python", "-c", _ASK, f"{url}/v1beta/models/{MODEL}:generateContent", made["key"], body]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as ask:
            _until_in_flight(url)
            ask.kill()
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            assert "in flight" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=START_S) == 1


_ASK = """
import sys, httpx2
url, key, body = sys.argv[1:]
headers = {"x-goog-api-key": key}
print(httpx2.post(url, content=body, headers=headers, timeout=60, trust_env=False).text)
"""


def _until_in_flight(url: str) -> None:
    until = time.monotonic() + START_S
    while 'gateway_upstream_in_flight{group="Default",lane="Default"} 1.0' not in _metrics(url):
        assert time.monotonic() < until, "the call never reached the upstream"


def _metrics(url: str) -> str:
    return httpx2.get(f"{url}/metrics", trust_env=False).text


def test_the_demo_makes_two_pictures_one_of_them_past_a_failing_group(tmp_path: Path) -> None:
    there = tmp_path / "elsewhere" / "demo"
    (here := tmp_path / "here").mkdir()
    done = subprocess.run(
        ["gateway", "demo", "--once", "--port", "0", "--speed", "20", "--dir", str(there)],
        cwd=here,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    files = sorted((there / "pictures").iterdir())
    assert [file.name.split("-")[0] for file in files] == ["lighthouse", "teapot"]
    assert [_size(file) for file in files] == [(2752, 1536), (1024, 1024)]
    assert "NanoBananaEnterprise" in done.stdout
    assert str(files[0]) in done.stdout


def test_a_demo_that_cannot_go_on_says_why_in_one_line(here: Path) -> None:
    (here / "demo").mkdir()
    (here / "demo" / "pictures").symlink_to("/proc")  # where nobody may make a file
    said = gateway(here, "demo", "--once", "--port", "0", "--speed", "20", "--dir", "demo", code=1)
    assert said.startswith("gateway: the demo ended early: [Errno")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["sim", "demo"])
@pytest.mark.parametrize("words", [("--port", "65536"), ("--port", "-1"), ("--speed", "-1"), ("--speed", "nan")])
def test_a_port_or_a_speed_that_cannot_be_is_refused(here: Path, command: str, words: tuple[str, str]) -> None:
    said = gateway(here, command, *words, code=2)
    assert f"Invalid value for '{words[0]}'" in said


def _size(file: Path) -> tuple[int, int]:
    return pixels(base64.b64encode(file.read_bytes()).decode())


def test_a_rehearsal_prints_figures_and_draws_pictures(here: Path) -> None:
    told = json.loads(gateway(here, "rehearse", "busy", "--seeds", "1", "--out", "rehearsal", "--json"))
    assert [row["policy"] for row in told] == ["gateway", "wait", "retry after 120 s", "three time-outs"]
    assert told[0]["delivered"] > 0.99 > told[1]["delivered"]
    rows = (here / "rehearsal" / "figures.csv").read_text().splitlines()
    assert len(rows) == 1 + len(told)
    for name in ("gateway", "wait", "retry-after-120-s", "three-time-outs"):
        picture = ET.fromstring((here / "rehearsal" / f"busy-{name}.svg").read_text())
        assert picture.tag.endswith("svg")
    assert "busy" in gateway(here, "rehearse", "busy", "--seeds", "1", "--policy", "gateway")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rehearse", "storm"), "'storm' is not an incident; there are hang-2, hang"),
        (("rehearse", "hang", "--policy", "hope"), "'hope' is not a policy; there are gateway, wait"),
        (("rehearse", "hang", "--model", "gpt-image-1"), "'gpt-image-1' is not a model here"),
        (("rehearse", "hang", "--out", "config.yaml"), "--out: config.yaml cannot be made: File exists"),
    ],
)
def test_a_rehearsal_of_what_is_not_there_is_refused(here: Path, words: tuple[str, ...], says: str) -> None:
    assert says in gateway(here, *words, code=2)
