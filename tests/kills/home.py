"""Where a gateway is started, killed, and started again, and what its callers ask for."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.test_commands import CONFIG, environment, gateway
from tests.house import MODEL, START_S
from tests.waiting import until

MORE = """
store: {store}
workers: {workers}
failover: {{suspect_s: 1}}
"""


@dataclass(frozen=True)
class Ask:
    """What a caller asks for: so many pictures in OpenAI's format, or one as a native stream; `later`: as a job."""

    prompt: str
    pictures: int = 1
    native: bool = False
    later: bool = False

    def post(self, http: httpx2.Client, url: str, secret: str, once: str = "") -> httpx2.Response:
        """`once` is the Idempotency-Key, if there is one."""
        headers = {"authorization": f"Bearer {secret}"}
        headers |= {"idempotency-key": once} if once else {}
        headers |= {"prefer": "respond-async"} if self.later else {}
        if self.native:
            stream: dict[str, Any] = {"contents": [{"parts": [{"text": self.prompt}]}]}
            return http.post(f"{url}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", json=stream, headers=headers)
        body = {"model": MODEL, "prompt": self.prompt, "n": self.pictures}
        return http.post(f"{url}/v1/images/generations", json=body, headers=headers)


class Home:
    """Where a gateway is at home: its configuration, its journal, its log."""

    def __init__(self, here: Path, *, seller: str, store: str, workers: int = 1) -> None:
        self.here = here
        self.workers = workers
        self._healed = 0
        (here / "config.yaml").write_text(CONFIG.format(url=seller) + MORE.format(store=store, workers=workers))

    def new_key(self) -> str:
        secret: str = json.loads(gateway(self.here, "keys", "create", "--team", "acme", "--json"))["key"]
        return secret

    @contextmanager
    def launched(self) -> Iterator["subprocess.Popen[str]"]:
        """A gateway that may not serve yet, of which something may be left to terminate at the end of the block."""
        command, env = ["gateway", "serve"], environment({})
        with (self.here / "gateway.log").open("a") as log:
            process = subprocess.Popen(command, cwd=self.here, env=env, stdout=log, stderr=subprocess.PIPE, text=True)
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                process.communicate(timeout=START_S)

    @contextmanager
    def serving(self) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
        """One that serves, and its address."""
        with self.launched() as process:
            yield address(process), process

    def journals(self) -> list[Path]:
        return sorted((self.here / "data" / "journal").glob("[0-9a-f]*"))

    def healed(self) -> None:
        """Returns when a store was found to have gone back, and was told again, once more than before."""
        log = self.here / "gateway.log"
        until(lambda: log.read_text().count('"store_rolled_back"') > self._healed)
        self._healed = log.read_text().count('"store_rolled_back"')

    def adopted(self) -> None:
        """Returns when no gateway that is gone has left anything, and one runs."""
        until(lambda: len(self.journals()) == self.workers)


def address(process: "subprocess.Popen[str]") -> str:
    """Where a gateway serves, as soon as it does."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("gateway: serving on http"), line
    return line.split()[-1]


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Those that it has now, by the order in which they were started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def kill(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=START_S)
