"""The rig itself: it runs, what it asks for comes, and what it measures is what was taken. Nothing is judged."""

import os
import subprocess
import sys
import time

import pytest

from tests.bench.wire import meter
from tests.bench.wire.cases import CLOSED, Case
from tests.bench.wire.load import NUMBER
from tests.bench.wire.seller import answer


def test_every_case_comes_through_the_gateway() -> None:
    cases = ("small, 32", "2 MB", "images", "chat", "100 in", "100 that")
    command = [sys.executable, "-m", "tests.bench.wire", "--without-nginx", "--rounds", "1", "--seconds", "0.5"]
    said = subprocess.run(
        [*command, *(word for case in cases for word in ("--case", case))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    rows = [line for line in said.splitlines() if " gateway " in line]
    assert len(rows) == len(cases)
    assert all(row.split()[-1] == "0" for row in rows), said  # none failed


def test_a_process_is_metered_with_what_it_has_started() -> None:
    busy = "import time\nwhile time.process_time() < 0.5: pass\ntime.sleep(60)"
    command = ["sh", "-c", '"$0" -c "$1" & wait', sys.executable, busy]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while meter.cpu_s(meter.descendants(process.pid)) < 0.5:
            assert time.monotonic() < until
            time.sleep(0.02)
        pids = meter.descendants(process.pid)
        assert len(pids) == 2
        assert meter.pss_bytes(pids) > 2_000_000
        for pid in reversed(pids):
            os.kill(pid, 9)


@pytest.mark.parametrize("size", [600, 10_000, 1_000_000])
@pytest.mark.parametrize("openai", [False, True], ids=["gemini", "openai"])
def test_an_answer_has_about_the_length_that_is_asked_for(size: int, *, openai: bool) -> None:
    head, _, body = answer(size, openai=openai, chunked=False).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert abs(len(body) - size) < 200
    chunked = answer(size, openai=openai, chunked=True)
    assert chunked.endswith(b"0\r\n\r\n")
    assert len(chunked) > len(body)


@pytest.mark.parametrize("case", CLOSED, ids=lambda case: case.name)
def test_every_request_can_be_another(case: Case) -> None:
    assert case.body().count(NUMBER) == 1
    assert case.says.encode() in case.body()
