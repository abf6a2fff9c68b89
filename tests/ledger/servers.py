"""Real servers for the tests: Debian's Redis and the packaged Valkey, each on a socket of its own."""

import shutil
import subprocess
from dataclasses import dataclass
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


def start(name: str, home: Path, *options: str) -> Server:
    """A running server that keeps nothing on disk, with further options."""
    socket = home / "s"
    words = [binary(name), "--port", "0", "--unixsocket", str(socket), "--dir", str(home), "--save", "", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if READY in line:
            return Server(process, socket)
    process.wait()
    process.stdout.close()
    raise RuntimeError(f"{words[0]} did not start")
