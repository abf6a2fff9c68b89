"""A drill as an operator runs it: commands, a gateway in a process of its own, and two keys of one team."""

import json
import time
from pathlib import Path

import httpx2
import pytest

from tests.e2e.test_commands import CONFIG, draw, gateway, serving
from tests.house import START_S, Simulator

DEFAULT, ENTERPRISE = "Default", "NanoBananaEnterprise"


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


def served_by(url: str, secret: str) -> tuple[str, str | None]:
    """The group that answers a key, and the drill that the answer names."""
    answer = draw(url, secret)
    assert answer.status_code == 200
    return answer.headers["x-gateway-group"], answer.headers.get("x-gateway-drill")


def until_active(url: str, drills: int) -> None:
    until = time.monotonic() + START_S
    while f'gateway_drills_active{{kind="dead"}} {drills}.0' not in httpx2.get(f"{url}/metrics", trust_env=False).text:
        assert time.monotonic() < until, "the gateway did not hear of it"
        time.sleep(0.05)


def test_one_key_is_drilled_while_its_neighbour_goes_on(here: Path) -> None:
    drilled, neighbour = (json.loads(gateway(here, "keys", "create", "--team", "acme", "--json")) for _ in range(2))
    with serving(here) as (url, _):
        assert served_by(url, drilled["key"]) == (DEFAULT, None)
        words = ("--group", "Default", "--kind", "dead", "--key", drilled["id"], "--note", "try it")
        drill = json.loads(gateway(here, "drill", "start", *words, "--json"))
        assert (drill["key"], drill["kind"], drill["left_s"]) == (drilled["id"], "dead", 600)
        until_active(url, 1)
        assert served_by(url, drilled["key"]) == (ENTERPRISE, drill["id"])
        assert served_by(url, neighbour["key"]) == (DEFAULT, None)
        (row,) = [line for line in gateway(here, "drill", "list").splitlines() if drill["id"] in line]
        assert f"key {drilled['id']}" in row
        assert "try it" in row
        (ended,) = json.loads(gateway(here, "drill", "stop", drill["id"], "--json"))
        assert (ended["id"], ended["left_s"]) == (drill["id"], 0)
        until_active(url, 0)
        assert served_by(url, drilled["key"]) == (DEFAULT, None)
    assert json.loads(gateway(here, "drill", "list", "--json")) == []


def test_a_gateway_that_starts_in_the_middle_of_a_drill_plays_it(here: Path) -> None:
    made = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))
    said = gateway(here, "drill", "start", "--group", "Default", "--kind", "dead", "--share", "1")
    assert "share 1.0" in said
    with serving(here) as (url, _):
        until_active(url, 1)
        assert served_by(url, made["key"])[0] == ENTERPRISE
        assert len(json.loads(gateway(here, "drill", "stop", "--all", "--json"))) == 1
        until_active(url, 0)


START = ("drill", "start", "--group", "Default", "--kind")

WRONG_WORDS = [
    ((*START, "dead"), "--key: nobody is named; name one key, one team, or a share"),
    ((*START, "dead", "--key", "key_nope"), "--key: there is no key key_nope"),
    ((*START, "dead", "--team", "nobody"), "--team: there is no team nobody"),
    ((*START, "dead", "--share", "2"), "--share: 2 is not above 0 and at most 1"),
    ((*START, "lazy", "--share", "1"), "--kind: 'lazy' is not one of dead, hang, slow"),
    ((*START, "slow", "--share", "1"), "--delay-s: slow needs one"),
    ((*START, "hang", "--share", "1", "--lasts-s", "7200"), "--lasts-s: 7200 is not above 0 and at most 3600"),
    (("drill", "start", "--group", "Cheap", "--kind", "dead", "--share", "1"), "--group: 'Cheap' is not a group here"),
    (("drill", "stop", "drill_nope"), "there is no drill drill_nope; it may be over"),
    (("drill", "stop"), "say which by id, or --all"),
]


@pytest.mark.parametrize(("words", "says"), WRONG_WORDS, ids=[row[1].split(";")[0] for row in WRONG_WORDS])
def test_wrong_words_are_refused_with_what_to_do(here: Path, words: tuple[str, ...], says: str) -> None:
    assert says in gateway(here, *words, code=2)
