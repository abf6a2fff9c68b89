"""`gateway jobs`, as a person runs it: while a gateway runs, and after it has ended."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.test_commands import gateway, here, serving
from tests.house import MODEL, START_S
from tests.waiting import PATIENCE_S

__all__ = ["here"]  # a fixture


@dataclass(frozen=True, slots=True)
class Served:
    """A configuration under which jobs were drawn, by a gateway that has ended since: two of acme, one of beta.

    `answers` are what their requests were answered, by the id of the job.
    """

    home: Path
    key: str
    drawn: str
    streamed: str
    failed: str
    answers: dict[str, httpx2.Response]

    def jobs(self, *words: str, code: int = 0) -> str:
        return gateway(self.home, "jobs", *words, code=code)

    def listed(self, *words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.jobs("list", *words, "--json"))
        return told


def later(url: str, secret: str, prompt: str, **more: Any) -> tuple[str, httpx2.Response]:
    """The id of a job that is over, and its answer."""
    headers = {"authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=START_S, trust_env=False) as http:
        body = {"model": MODEL, "prompt": prompt, **more}
        job = http.post("/v1/images/generations", json=body, headers={"prefer": "respond-async"}).json()
        until = time.monotonic() + PATIENCE_S
        while (answer := http.get(f"/gateway/jobs/{job['id']}/result")).status_code == 409:
            assert time.monotonic() < until
            time.sleep(0.05)
        return job["id"], answer


@pytest.fixture
def served(here: Path) -> Served:
    acme, beta = (json.loads(gateway(here, "keys", "create", "--team", team, "--json")) for team in ("acme", "beta"))
    with serving(here) as (url, _):
        drawn, first = later(url, acme["key"], "a boat")
        streamed, second = later(url, beta["key"], "a boat", stream=True)
        failed, third = later(url, acme["key"], "x [sim:bad-request]")
        assert json.loads(gateway(here, "jobs", "show", drawn, "--json"))["state"] == "succeeded"
    return Served(here, acme["id"], drawn, streamed, failed, {drawn: first, streamed: second, failed: third})


def test_they_are_listed_the_newest_first_and_page_by_page(served: Served) -> None:
    assert [job["id"] for job in served.listed()["jobs"]] == [served.failed, served.streamed, served.drawn]
    for whose in (("--team", "acme"), ("--key", served.key)):
        assert [job["id"] for job in served.listed(*whose)["jobs"]] == [served.failed, served.drawn]
    page = served.listed("--limit", "1", "--team", "acme")
    rest = served.listed("--limit", "1", "--team", "acme", "--cursor", page["next"])
    assert ([job["id"] for job in rest["jobs"]], rest["next"]) == ([served.drawn], None)
    table = served.jobs("list", "--limit", "2")
    assert all(each in table for each in (served.failed, served.streamed, "images.generate", MODEL, "succeeded"))
    assert served.drawn not in table
    assert f"More: --cursor {served.listed('--limit', '2')['next']}" in table


def test_one_is_shown_with_what_it_cost_and_whose_it_is(served: Served) -> None:
    shown = json.loads(served.jobs("show", served.drawn, "--json"))
    assert (shown["id"], shown["team"], shown["key_id"]) == (served.drawn, "acme", served.key)
    assert shown == served.listed("--key", served.key)["jobs"][1]
    call = json.loads(gateway(served.home, "calls", "show", shown["call_id"], "--json"))
    assert shown["cost_usd"] == call["usd"]
    table = served.jobs("show", served.drawn)
    assert "ended_at" in table
    assert "UTC" in table


def test_answers_are_written_as_they_were_given(served: Served) -> None:
    for job, suffix, status in (
        (served.drawn, "json", 200),
        (served.streamed, "txt", 200),
        (served.failed, "json", 400),
    ):
        [line] = served.jobs("fetch", job, "--out", "answers/of").splitlines()
        assert line == f"answers/of/{job}.{suffix}"
        content = served.answers[job].content
        assert (served.home / line).read_bytes() == content
        told = json.loads(served.jobs("fetch", job, "--json"))
        assert (told["status"], told["bytes"], told["path"]) == (status, len(content), f"{job}.{suffix}")
        assert served.answers[job].headers["content-type"] == told["media_type"]
    assert not list(served.home.rglob("*.part"))
    call_id = served.answers[served.drawn].headers["x-gateway-call-id"]
    [picture] = gateway(served.home, "calls", "fetch", call_id).split()
    assert (served.home / picture).stat().st_size > 0


def test_one_that_is_forgotten_is_gone_with_its_answer_and_the_trail_says_who_did_it(served: Served) -> None:
    kept = {path for path in (served.home / "data" / "vault" / "results").rglob("*") if path.is_file()}
    told = json.loads(served.jobs("forget", served.drawn, "--json"))
    assert told == {"id": served.drawn, "object": "job", "deleted": True, "may_be_billed": False}
    left = {path for path in (served.home / "data" / "vault" / "results").rglob("*") if path.is_file()}
    assert len(kept - left) == 2  # the answer and its record
    for word in ("show", "fetch", "forget"):
        assert f"there is no job {served.drawn}" in served.jobs(word, served.drawn, code=2)
    assert served.drawn not in served.jobs("list")
    (entry,) = json.loads(gateway(served.home, "audit", "--subject", served.drawn, "--json"))
    assert (entry["door"], entry["action"], entry["team"]) == ("cli", "job.forgotten", "acme")
    assert "deleted" in served.jobs("forget", served.failed)


def test_what_makes_no_sense_is_refused(served: Served) -> None:
    for words, says in (
        (("list", "--key", "key_1"), "--key: there is no key key_1"),
        (("list", "--cursor", "x"), "--cursor: is not one that was handed out"),
        (("show", "job_1"), "there is no job job_1"),
    ):
        assert says in served.jobs(*words, code=2)
