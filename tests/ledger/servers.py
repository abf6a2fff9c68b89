"""Real servers for the tests: Debian's Redis and the packaged Valkey, each on a socket of its own."""

import os
import shutil
import signal
import socket as sockets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

    @contextmanager
    def paused(self) -> Iterator[None]:
        """There, and silent: what it is sent waits for it."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

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
    """A running server with further options, that would write its first copy to the disk after a year.

    Its clock runs so many times as fast, or it `begins` with another moment.
    """
    socket = home / "s"
    places = ["--port", "0", "--unixsocket", str(socket), "--dir", str(home)]
    kept = ["--save", "31536000 1"]
    words = [binary(name), *places, *kept, *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, **_clock(speed, begins)})
    assert process.stdout is not None
    for line in process.stdout:
        if READY in line:
            return Server(process, socket)
    process.wait()
    process.stdout.close()
    raise RuntimeError(f"{words[0]} did not start")


def free_port() -> int:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def listening(name: str, home: Path, *options: str, port_for: str = "--port") -> tuple[Server, int]:
    """One that listens on a port as well, which was free a moment ago; another is tried where it is not any more."""
    home.mkdir(parents=True, exist_ok=True)
    for _ in range(5):
        port = free_port()
        with suppress(RuntimeError):
            return start(name, home, port_for, str(port), "--bind", "127.0.0.1", *options), port
    raise RuntimeError("no port is free for long enough")
