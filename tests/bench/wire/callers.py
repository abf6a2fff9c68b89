"""The load, in a process of its own on the other core."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.wire import targets
from tests.bench.wire.cases import Case
from tests.bench.wire.load import Job
from tests.bench.wire.targets import OTHER_CORE

_LOOK_S = 0.05


class Callers:
    """The load, in a process of its own on the other core."""

    def __init__(self, process: "subprocess.Popen[str]", place: Path) -> None:
        self._process = process
        self._place = place

    @classmethod
    @contextmanager
    def started(cls, place: Path) -> Iterator["Callers"]:
        place.mkdir()
        command = [sys.executable, "-m", "tests.bench.wire.load"]
        with targets.started(command, OTHER_CORE, place, targets.HERE) as process:
            yield cls(process, place)

    def do(self, job: Job, look: Callable[[], int] | None = None) -> dict[str, Any]:
        """What came of a job; `seen` is what was found by whoever looked meanwhile."""
        seen: list[int] = []
        said = self._told(json.dumps(asdict(job)), look, seen)
        if said.strip() == "stalled":
            said = self._told("", look, seen)
        assert said, (self._place / "errors").read_text()
        found: dict[str, Any] = json.loads(said)
        return {**found, "seen": seen}

    def body(self, case: Case, *, anew: bool = False) -> str:
        file = self._place / f"{case.name} {case.route}.body".replace(" ", "-")
        if anew or not file.exists():
            file.write_bytes(case.body())
        return str(file)

    def _told(self, line: str, look: Callable[[], int] | None, seen: list[int]) -> str:
        """What is answered to a line."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        with ThreadPoolExecutor(1) as reading:
            said = reading.submit(process.stdout.readline)
            while look is not None and not wait([said], timeout=_LOOK_S).done:
                seen.append(look())
            return said.result()
