"""The pages under /sim/: the schedule, what was received, what was sent, how it stands."""

import hashlib
import signal
import subprocess
import sys

import httpx2
import orjson
import pytest

from gateway.sim.app import SimSettings
from gateway.sim.reply import dice
from gateway.sim.script import Rule, Schedule
from tests.sim.conftest import DEFAULT, ENTERPRISE, NB1, NB2, Caller, Launch

_SERVE = """
from gateway.sim.app import SimSettings, serve
serve(SimSettings(speed=0, weight="light"), "127.0.0.1", 0)
"""


def _fault(schedule: Schedule, group: str, model: str, *, now: float, roll: float = 0.0) -> str | None:
    return schedule.fault(group, model, now=now, roll=roll)


def test_a_rule_holds_between_its_seconds_counted_from_when_it_was_set() -> None:
    schedule = Schedule([Rule("hang", from_s=10, until_s=20)], now=100)
    assert [_fault(schedule, "Default", NB2, now=now) for now in (109.9, 110, 119.9, 120)] == [
        None,
        "hang",
        "hang",
        None,
    ]


def test_a_rule_for_a_group_or_a_model_leaves_others_alone() -> None:
    schedule = Schedule([Rule("hang", group="Default", model=f"{NB2}-preview")], now=0)
    assert _fault(schedule, "Default", NB2, now=1) == "hang"
    assert _fault(schedule, "NanoBananaEnterprise", NB2, now=1) is None
    assert _fault(schedule, "Default", NB1, now=1) is None


def test_shares_of_rules_that_hold_at_once_add_up() -> None:
    schedule = Schedule([Rule("hang", share=0.25), Rule("busy", share=0.5)], now=0)
    rolled = [_fault(schedule, "Default", NB2, now=1, roll=roll) for roll in (0.2, 0.3, 0.74, 0.76)]
    assert rolled == ["hang", "busy", "busy", None]


def test_the_same_seed_throws_the_same_dice() -> None:
    assert [dice(7, nth).random() for nth in range(5)] == [dice(7, nth).random() for nth in range(5)]
    assert dice(7, 1).random() != dice(8, 1).random()


def test_a_schedule_is_set_replaced_and_lifted(launch: Launch) -> None:
    with launch(SimSettings(speed=0, weight="light", schedule=(Rule("error"),))) as sim:
        assert sim.ask().status_code == 500
        set_ = sim.http.post("/sim/schedule", json=[{"fault": "busy", "group": "Default", "model": None}])
        assert set_.json()[0]["share"] == 1.0
        assert (sim.ask().status_code, sim.ask(key=ENTERPRISE).status_code) == (429, 200)
        assert sim.status()["schedule"] == sim.http.get("/sim/schedule").json() == set_.json()
        assert sim.http.delete("/sim/schedule").json() == []
        assert sim.ask().status_code == 200


@pytest.mark.parametrize(
    "rules",
    [
        {"fault": "busy"},
        [7],
        [{"fault": "earthquake"}],
        [{"group": "Default"}],
        [{"fault": "busy", "share": 2}],
        [{"fault": "busy", "share": "half"}],
        [{"fault": "busy", "group": 7}],
        [{"fault": "busy", "until": 9}],
    ],
    ids=str,
)
def test_a_schedule_with_a_mistake_is_refused_whole(sim: Caller, rules: object) -> None:
    assert sim.http.post("/sim/schedule", json=rules).status_code == 400
    assert sim.http.get("/sim/schedule").json() == []


def test_a_request_is_kept_as_it_was_received(launch: Launch) -> None:
    body = '{"contents": [{"parts": [{"text": "Ein Reiher, früh"}]}],   "odd": null}'.encode()
    with launch(SimSettings(speed=0, weight="light")) as sim:
        headers = {"X-Goog-Api-Key": DEFAULT, "X-Odd": "yes"}
        sim.http.post(f"/v1beta/models/{NB2}:generateContent?alt=json", content=body, headers=headers)
        (received,) = sim.http.get("/sim/requests").json()
    assert received["path"] == f"/v1beta/models/{NB2}:generateContent"
    assert (received["method"], received["query"], received["headers"]["x-odd"]) == ("POST", "alt=json", "yes")
    assert (received["body_bytes"], received["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert received["text"] == body.decode()


def test_a_request_to_no_route_is_kept_too(launch: Launch) -> None:
    with launch(SimSettings()) as sim:
        sim.http.post("/v1/images/generations", json={"prompt": "A heron"})
        assert [each["path"] for each in sim.http.get("/sim/requests").json()] == ["/v1/images/generations"]


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent"])
def test_a_reply_is_kept_to_the_byte(sim: Caller, call_id: str, verb: str) -> None:
    sent = sim.send({"contents": [{"parts": [{"text": "A heron"}]}]}, verb=verb, call_id=call_id)
    assert sim.http.get(f"/sim/replies/{call_id}").content == sent.content


def test_an_error_is_kept_too_and_an_unknown_id_is_not_found(sim: Caller, call_id: str) -> None:
    assert sim.http.get(f"/sim/replies/{call_id}").status_code == 404
    sent = sim.ask("[sim:busy] A heron", call_id=call_id)
    assert sim.http.get(f"/sim/replies/{call_id}").content == sent.content


def test_only_the_last_64_replies_are_kept(launch: Launch) -> None:
    with launch(SimSettings(speed=0, weight="light")) as sim:
        for nth in range(65):
            sim.ask("[sim:busy] A heron", call_id=f"nth-{nth}")
        kept = [sim.http.get(f"/sim/replies/nth-{nth}").status_code for nth in (0, 1, 64)]
    assert kept == [404, 200, 200]


def test_status_tells_how_it_stands(launch: Launch) -> None:
    with launch(SimSettings(speed=0, seed=7, weight="light")) as sim:
        sim.ask()
        status = sim.status()
    assert (status["speed"], status["seed"], status["weight"]) == (0, 7, "light")
    assert (status["requests"], status["answers"], status["waiting"], status["at_work"]) == (1, 1, 0, 0)
    assert [group["group"] for group in status["groups"]] == ["Default", "Default", "NanoBananaEnterprise"]


def test_serve_says_where_it_listens_and_ends_in_good_order_when_interrupted() -> None:
    with subprocess.Popen([sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("sim: http://127.0.0.1:")
            url = line.removeprefix("sim: ").strip()
            assert orjson.loads(httpx2.get(f"{url}/sim/status", timeout=60, trust_env=False).content)["requests"] == 0
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
