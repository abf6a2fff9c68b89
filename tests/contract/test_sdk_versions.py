"""The same plain calls with other major versions of the official SDKs, each in an environment of its own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.house import Gateway

TOP = Path(__file__).parent.parent.parent
SDKS = TOP / "tests" / "sdks"
PROGRAMS = {"openai": SDKS / "openai_calls.py", "genai": SDKS / "genai_calls.py"}

# Environments beside the tests' own, whose versions are the newest: tests/run makes them.
OTHERS = sorted(path.parent.name for path in SDKS.glob("*/requirements.txt"))


@pytest.mark.parametrize("name", [*OTHERS, "openai-3", "genai-3"])
async def test_every_plain_call_works(gateway: Gateway, name: str) -> None:
    sdk, _, major = name.partition("-")
    told = await _run(_python(name), PROGRAMS[sdk], gateway)
    assert told["version"].split(".")[0] == major
    assert {call: outcome for call, outcome in told["calls"].items() if outcome != "ok"} == {}
    assert len(told["calls"]) > 10


def _python(name: str) -> str:
    if name not in OTHERS:
        return sys.executable
    return str(TOP / ".venv" / "sdks" / name / "bin" / "python")


async def _run(python: str, program: Path, gateway: Gateway) -> Any:
    process = await asyncio.create_subprocess_exec(
        python,
        "-W",
        "ignore",
        program,
        gateway.url,
        gateway.secret,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    assert process.returncode == 0, failed.decode()
    return json.loads(said)
