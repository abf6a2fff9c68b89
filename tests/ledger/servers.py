"""Real servers for the tests: Debian's Redis and the packaged Valkey, each on a socket of its own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.ledger.embedded import _packaged

READY = "eady to accept connections"


def binary(name: str) -> str:
    found = {"redis": shutil.which("redis-server"), "valkey": _packaged()}[name]
    assert found, f"{name} is not installed"
    return found


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[str]
    socket: Path

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def stop(self) -> None:
        """Ends it as a power cut would."""
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def _clock(speed: float, begins: datetime | None) -> dict[str, str]:
    """What gives a program another clock. `faketime` itself stays between it and whoever started it."""
    if speed == 1.0 and begins is None:
        return {}
    clock = f"+0 x{speed:g}" if begins is None else f"@{begins.astimezone():%Y-%m-%d %H:%M:%S}"
    asked = ["faketime", "-m", "-f", clock, "printenv", "LD_PRELOAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    return {"LD_PRELOAD": done.stdout.strip(), "FAKETIME": clock}


def start(name: str, home: Path, *options: str, speed: float = 1.0, begins: datetime | None = None) -> Server:
    """A running server that keeps nothing on disk, with further options.

    Its clock runs so many times as fast, or it `begins` with another moment.
    """
    socket = home / "s"
    words = [binary(name), "--port", "0", "--unixsocket", str(socket), "--dir", str(home), "--save", "", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, **_clock(speed, begins)})
    assert process.stdout is not None
    for line in process.stdout:
        if READY in line:
            return Server(process, socket)
    process.wait()
    process.stdout.close()
    raise RuntimeError(f"{words[0]} did not start")
